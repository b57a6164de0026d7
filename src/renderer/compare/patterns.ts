import type { Pattern, PatternCounts } from '../../shared/domain/examples'

/** Runs beside each other are A, B, C… in their order; A is the reference. */
export const letterOf = (run: number): string => String.fromCharCode('A'.charCodeAt(0) + run)

/** Who has a pair right, in words. */
export function patternTitle(pattern: Pattern): string {
  const runs = [...pattern]
  const letters = (wanted: string): string[] => runs.flatMap((one, run) => (one === wanted ? [letterOf(run)] : []))
  const [right, wrong] = [letters('1'), letters('0')]
  const all = runs.length === 2 ? 'both' : 'all'
  if (wrong.length === 0) return `${all} right`
  if (right.length === 0) return `${all} wrong`
  if (right.length === 1) return `only ${right[0]} right`
  if (wrong.length === 1) return `all but ${wrong[0]} right`
  return `${right.join(', ')} right`
}

/** Between two dots, in px. */
export const DOT_STEP = 16

/** Which patterns a list shows: all that occur, those in which one run stands alone, or those that some run has right. */
export const PATTERN_KINDS = ['every', 'alone', 'but one'] as const
export type PatternKind = (typeof PATTERN_KINDS)[number]

/** One run against all others is shown also where it never happens; so is what is chosen. */
export function patternRows(
  counts: PatternCounts,
  runs: number,
  kind: PatternKind,
  chosen: Pattern | null,
): PatternCounts {
  const found = new Map(counts.map(({ pattern, pairs }) => [pattern, pairs]))
  const row = (pattern: Pattern): PatternCounts[number] => ({ pattern, pairs: found.get(pattern) ?? 0 })
  if (kind === 'every')
    return chosen === null || chosen.length !== runs || found.has(chosen) ? counts : [...counts, row(chosen)]
  const [own, other] = kind === 'alone' ? ['1', '0'] : ['0', '1']
  return Array.from({ length: runs }, (_, run) => row(other.repeat(run) + own + other.repeat(runs - run - 1)))
}

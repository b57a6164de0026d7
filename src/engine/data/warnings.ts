import type { DataProblem, ProblemKind } from '../../shared/domain/dataset'
import { formatProblem } from './loadDataset'

/** How a summary names the rows of each warning. */
const NOUNS: Partial<Record<ProblemKind, string>> = {
  pair_in_two_splits: 'pairs that stand in two splits',
  chosen_equals_rejected: 'pairs whose chosen and rejected are the same text',
  text_mismatch: 'texts that differ from the one their index names',
  id_repeated: 'repeated ids',
}

/** One line for the terminal, and every warning in full for the run's log. */
export function summariseWarnings(problems: readonly DataProblem[]): { summary: string | undefined; lines: string[] } {
  const counts = new Map<string, number>()
  const warnings = problems.filter(({ severity }) => severity === 'warning')
  for (const { kind, count } of warnings) {
    const noun = NOUNS[kind] ?? kind
    counts.set(noun, (counts.get(noun) ?? 0) + count)
  }
  if (warnings.length === 0) return { summary: undefined, lines: [] }
  const list = [...counts].map(([noun, count]) => `${count.toLocaleString('en')} ${noun}`).join(', ')
  return {
    summary: `The data has ${list}. All rows are kept; the run's log names the first of each`,
    lines: warnings.map(formatProblem),
  }
}

import { bestOf, type ComparedFigure, type Difference, type PairedResult, type RunGroup } from './domain/compare'
import type { RunCell } from './domain/runTable'
import type { Spread } from './domain/seeds'
import type { TextTable } from './tableText'

/** How a figure reads: `0.7310`. */
export type FigureFormat = (value: number) => string

/** Groups of runs and their figures; one of the groups is the reference of all others. */
export interface ComparedGroups {
  groups: readonly RunGroup[]
  figures: readonly Pick<ComparedFigure, 'name' | 'spreads'>[]
  /** Place of the reference among the groups. */
  reference: number
}

/** A line a group: mean ± sd, how far from the reference's, and a star at the best. */
export function resultTable({ groups, figures, reference }: ComparedGroups, format: FigureFormat): TextTable {
  const best = figures.map(({ name, spreads }) =>
    bestOf(
      name,
      spreads.map((spread) => spread?.mean),
    ),
  )
  return {
    header: ['group', 'n', ...figures.flatMap(({ name }) => [name, `Δ ${name}`])],
    rows: groups.map(({ label, runs }, at) => [
      label,
      String(runs.length),
      ...figures.flatMap(({ spreads }, figure) => {
        const [spread, base] = [spreads[at], spreads[reference]]
        const star = best[figure]?.includes(at) === true ? ' *' : ''
        if (!spread) return ['–', '']
        // A figure that not every run of the group has says how many have it.
        const n = spread.n < runs.length ? ` (n=${spread.n})` : ''
        return [
          spreadText(spread, format) + n + star,
          at === reference || !base ? '' : signedLike(spread.mean - base.mean, base.mean, format),
        ]
      }),
    ]),
  }
}

/** The same for a program: one number a cell, with all digits. */
export function resultColumns({ groups, figures, reference }: ComparedGroups): TextTable {
  const parts = ['mean', 'sd', 'n'] as const
  return {
    header: ['group', 'runs', ...figures.flatMap(({ name }) => [...parts, 'delta'].map((part) => `${name}_${part}`))],
    rows: groups.map(({ label, runs }, at) => [
      label,
      String(runs.length),
      ...figures.flatMap(({ spreads }) => {
        const [spread, base] = [spreads[at], spreads[reference]]
        if (!spread) return ['', '', '', '']
        return [...parts.map((part) => String(spread[part])), base ? String(spread.mean - base.mean) : '']
      }),
    ]),
  }
}

/**
 * A line a group that was tested against the reference.
 *
 * @param groups the others, in the order of the result
 */
export function pairedTable(
  reference: RunGroup | undefined,
  groups: readonly RunGroup[],
  { others }: PairedResult,
  format: FigureFormat,
): TextTable {
  const header = [`against ${reference?.label ?? ''}`, 'pairs', 'users', 'difference', '95 % interval', 'p', 'p (Holm)']
  return {
    header: [...header, 'users won/lost', ''],
    rows: groups.map(({ label }, at) => {
      const found = others[at]
      if (!found || 'skipped' in found) return [label, '', '', '', '', '', '', '', found?.skipped ?? '']
      const { pairs, users, difference, p, corrected, wins, losses, verdict } = found
      const [value = '', low = '', high = ''] = [difference.value, difference.low, difference.high].map((one) =>
        signedLike(one, 1, format),
      )
      const interval = `${low} to ${high}`
      const numbers = [String(pairs), String(users), value, interval, format(p), format(corrected)]
      return [label, ...numbers, `${wins}/${losses}`, verdict]
    }),
  }
}

/** A line a key, a column a run. */
export function configurationTable(differences: readonly Difference[], names: readonly string[]): TextTable {
  return {
    header: ['parameter', ...names],
    rows: differences.map(({ name, values, missing }) => [
      name,
      ...values.map((value, at) => valueText(missing.includes(at) ? undefined : value)),
    ]),
  }
}

/** A value of a configuration, or that there is none: an empty text and a missing one read differently. */
export function valueText(value: RunCell | undefined): string {
  if (value === undefined) return '(missing)'
  return value === '' ? '""' : String(value)
}

export function spreadText({ mean, sd, n }: Spread, format: FigureFormat): string {
  return n < 2 ? format(mean) : `${format(mean)} ± ${formatLike(sd, mean, format)}`
}

/** A number that is to be read, and not to be computed with: its sign is U+2212 and not a hyphen. */
export const withMinus = (number: string): string => number.replace(/^-/, '−')

/** A difference with its sign and the decimals of the figure that it belongs to. */
export function signedLike(delta: number, figure: number, format: FigureFormat): string {
  return `${delta < 0 ? '−' : '+'}${formatLike(Math.abs(delta), figure, format)}`
}

/** With the decimals of the figure that it belongs to. */
export function formatLike(value: number, figure: number, format: FigureFormat): string {
  const decimals = /\.(\d+)$/.exec(format(figure))?.[1]?.length
  return decimals === undefined ? format(value) : value.toFixed(decimals)
}

import { valueText } from '../../shared/comparedTables'
import type { Direction, ParameterValue } from '../../shared/domain/sweep'
import type { ShownTrial } from '../../shared/domain/sweeps'
import type { Field } from '../../shared/comparedFields'

/** The parameters of trials, as axes; those that have one value everywhere tell nothing. */
export function parameterFields(keys: readonly string[], trials: readonly ShownTrial[]): Field[] {
  return keys.flatMap((name): Field[] => {
    const values = trials.map(({ parameters }) => parameters[name])
    const known = values.filter((value) => value !== undefined && value !== null)
    if (new Set(values.map((value) => JSON.stringify(value))).size < 2) return []
    if (known.every((value) => typeof value === 'number'))
      return [
        {
          ...{ name, kind: 'number', figure: false, texts: [] },
          values: values.map((value) => (typeof value === 'number' ? value : null)),
        },
      ]
    const texts = [...new Set(known.map(parameterText))].sort()
    const places = values.map((value) => (value === undefined ? null : texts.indexOf(parameterText(value))))
    return [{ name, kind: 'category', figure: false, texts, values: places.map((at) => (at === -1 ? null : at)) }]
  })
}

/** @param live those that are still trained stand where they are now */
export function metricField(name: string, trials: readonly ShownTrial[], live: boolean): Field {
  const values = trials.map(({ metric, now }) => metric ?? (live ? now : null))
  return { name, kind: 'number', figure: true, texts: [], values }
}

/** Keeps the former one where the next one says the same: what hangs on it is then not done again. */
export function unlessSame<T>(next: T, former: T | undefined): T {
  return former !== undefined && JSON.stringify(former) === JSON.stringify(next) ? former : next
}

export function parameterText(value: ParameterValue | undefined): string {
  if (value === undefined) return '–'
  if (value === null) return 'default'
  return typeof value === 'number' ? valueText(Number(value.toPrecision(4))) : String(value)
}

/**
 * The best figure after each trial that has one, in the order in which they ended (those that ended at once, by number).
 *
 * @returns places of trials and the best so far; the first of both is the first trial with a figure
 */
export function bestSoFar(
  trials: readonly ShownTrial[],
  direction: Direction,
): { trial: ShownTrial; at: number; best: number }[] {
  const ended = trials
    .filter(({ metric }) => metric !== null)
    .sort((a, b) => (a.ended ?? 0) - (b.ended ?? 0) || a.trial - b.trial)
  let best = NaN
  return ended.map((trial, i) => {
    const { metric } = trial
    const better = Number.isNaN(best) || (direction === 'minimize' ? metric! < best : metric! > best)
    if (better) best = metric!
    return { trial, at: i + 1, best }
  })
}

/** Epochs that are trained, of those that all trials have at most. A trial that is over needs no more. */
export function epochsOf(trials: readonly ShownTrial[], all: number): { done: number; of: number } {
  const over = ['finished', 'halved', 'failed']
  const most = Math.max(1, ...trials.map((trial) => trial.most))
  const done = trials.reduce((sum, { epochs = 0 }) => sum + epochs, 0)
  const known = trials.reduce(
    (sum, { status, epochs = 0, most: own }) => sum + (over.includes(status) ? epochs : own),
    0,
  )
  return { done, of: known + Math.max(0, all - trials.length) * most }
}

import { valueText } from '../../shared/comparedTables'
import type { Direction, ParameterValue } from '../../shared/domain/sweep'
import type { ShownTrial } from '../../shared/domain/sweeps'
import type { QueuedTrial } from '../../shared/domain/cluster'
import type { Field } from '../../shared/comparedFields'
import { slurmWordsOf } from '../../shared/slurmWords'

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

/** The trial that is not at its end and already better than the best of those that are: of a sweep without seeds, where trials are points. */
export function ahead(
  trials: readonly ShownTrial[],
  best: number,
  direction: Direction,
): { trial: number; now: number } | undefined {
  const better = (a: number, b: number): boolean => (direction === 'minimize' ? a < b : a > b)
  let first: ReturnType<typeof ahead>
  for (const { trial, now } of trials) if (now !== null && better(now, first?.now ?? best)) first = { trial, now }
  return first
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

/** Where a trial stands in the queue of its cluster. */
export function queueText(task: QueuedTrial): string {
  const { state: code, reason, node } = slurmWordsOf(task.text)
  const state = code.toLowerCase()
  const where = state === 'running' && node !== '' ? `on ${node}` : node === '' ? state : `${state} on ${node}`
  return [
    task.is === 'unseen' ? 'handed over, not seen yet' : where,
    ...(reason === '' ? [] : [reason]),
    ...(task.attempt > 1 ? [`${ordinal(task.attempt)} job`] : []),
    ...(task.requeued > 0 ? [task.requeued === 1 ? 'requeued' : `requeued ${task.requeued} times`] : []),
  ].join(' · ')
}

const ordinal = (n: number): string => `${n}${n === 2 ? 'nd' : n === 3 ? 'rd' : 'th'}`

/** How many trials stand at a rung, to be judged, and how many are promoted and wait for a task; of those in the queue it is told there. */
export function rungParts(trials: readonly ShownTrial[]): string[] {
  const paused = trials.filter(({ status }) => status === 'paused')
  const promoted = paused.filter((trial) => trial.promoted)
  const judged = paused.length - promoted.length
  const waiting = promoted.filter(({ queue }) => queue === null).length
  return [...(judged > 0 ? [`${judged} at a rung`] : []), ...(waiting > 0 ? [`${waiting} promoted`] : [])]
}

/** How many trials are where in the queue. */
export function queueParts(trials: readonly ShownTrial[]): string[] {
  const tasks = trials.flatMap(({ queue }) => queue ?? [])
  const running = tasks.filter((task) => task.is === 'running').length
  const training = trials.filter(({ status }) => status === 'running').length
  const reasons = new Map<string, number>()
  for (const task of tasks) {
    if (task.is === 'running') continue
    const reason = slurmWordsOf(task.text).reason || 'not seen yet'
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  }
  const why = [...reasons].sort((a, b) => b[1] - a[1])
  const waiting = tasks.length - running
  return [
    // Those that train say so themselves.
    ...(running > 0 && running !== training ? [`${running} on ${running === 1 ? 'a node' : 'nodes'}`] : []),
    ...(waiting > 0
      ? [
          `${waiting} pending (${why.map(([reason, count]) => (why.length > 1 ? `${count} ${reason}` : reason)).join(', ')})`,
        ]
      : []),
  ]
}

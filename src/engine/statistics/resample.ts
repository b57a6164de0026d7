import { RandomStream } from '../loop/random'

/** A statistic and the interval around it, at a level such as 0.95. */
export interface Interval {
  value: number
  low: number
  high: number
}

export interface Resampling {
  resamples: number
  seed: number
}

/** The share of resamples that lies within an interval. */
const LEVEL = 0.95

/**
 * Draws users with replacement, as often as there are users, again and again: the cluster bootstrap (Davison and Hinkley,
 * "Bootstrap Methods", 1997, §3.8). A user's pairs stay together, since they are not independent of each other.
 *
 * @param users how many there are; none means no resample
 * @param visit gets each resample: how often each user has been drawn [users]. The array is used again for the next one
 */
export function resampleUsers(
  users: number,
  { resamples, seed }: Resampling,
  visit: (counts: Uint32Array, resample: number) => void,
): void {
  if (users === 0) return
  const stream = new RandomStream(seed, 'bootstrap/users')
  const counts = new Uint32Array(users)
  for (let resample = 0; resample < resamples; resample++) {
    counts.fill(0)
    for (let draw = 0; draw < users; draw++) counts[stream.below(users)]!++
    visit(counts, resample)
  }
}

/** A statistic of users: Σ numerator / Σ denominator over those drawn. With denominators of 1 it is their mean. */
export interface Ratio {
  /** [users]; for an accuracy, pairs that were right */
  numerator: ArrayLike<number>
  /** [users]; for an accuracy, pairs */
  denominator: ArrayLike<number>
}

/**
 * 95 % intervals of several ratios under one bootstrap over users, so that differences between them can be formed.
 *
 * @returns each ratio over all users, with the percentiles 2.5 and 97.5 of its resamples; NaN where nothing is divided
 */
export function intervalsOverUsers(ratios: readonly Ratio[], resampling: Resampling): Interval[] {
  const users = ratios[0]?.numerator.length ?? 0
  const values = ratios.map(() => new Float64Array(resampling.resamples).fill(NaN))
  resampleUsers(users, resampling, (counts, resample) => {
    for (const [at, ratio] of ratios.entries()) values[at]![resample] = weighted(ratio, counts)
  })
  const all = new Uint32Array(users).fill(1)
  return ratios.map((ratio, at) => percentileInterval(weighted(ratio, all), values[at]!))
}

/** Σ counts · numerator / Σ counts · denominator. */
export function weighted({ numerator, denominator }: Ratio, counts: Uint32Array): number {
  let above = 0
  let below = 0
  for (let user = 0; user < counts.length; user++) {
    above += counts[user]! * numerator[user]!
    below += counts[user]! * denominator[user]!
  }
  return below === 0 ? NaN : above / below
}

/** @param resampled values of the statistic; NaN (a resample in which it has no value) is left out */
export function percentileInterval(value: number, resampled: Float64Array, level = LEVEL): Interval {
  return intervalOf(value, withoutNaN(resampled), level)
}

/** @param values of the statistic, none NaN; their order is lost */
export function intervalOf(value: number, values: Float64Array, level = LEVEL): Interval {
  const tail = (1 - level) / 2
  const last = values.length - 1
  const { lowest, highest } = ends(values, tail)
  return {
    value,
    low: placed(lowest, tail * last, 0),
    high: placed(highest, (1 - tail) * last, values.length - highest.length),
  }
}

/** A copy. */
function withoutNaN(values: Float64Array): Float64Array {
  const kept = new Float64Array(values.length)
  let n = 0
  for (const value of values) if (!Number.isNaN(value)) kept[n++] = value
  return kept.subarray(0, n)
}

/** By linear interpolation, numpy.quantile's default. NaN of nothing. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return NaN
  const place = q * (sorted.length - 1)
  const below = sorted[Math.floor(place)]!
  return below + (place - Math.floor(place)) * (sorted[Math.ceil(place)]! - below)
}

/** So many values tell roughly where an end of all begins: more of them cost more than they spare. */
const SAMPLE = 32
/** Of the sample, values beyond those that an end has on average: one interval in fifty needs more. */
const SPARE = 2
/** Of fewer values all are looked at. */
const FEWEST = 4 * SAMPLE

const sample = new Float64Array(SAMPLE)
let room = new Float64Array(0)

/**
 * The smallest and the largest of some values, in any order: at least as many as the quantiles `tail` and 1 − `tail` need. Only these have to
 * be sorted then. Valid until the next call.
 */
function ends(values: Float64Array, tail: number): { lowest: Float64Array; highest: Float64Array } {
  const n = values.length
  const all = { lowest: values, highest: values }
  const beyond = Math.ceil(tail * SAMPLE) + SPARE
  if (n < FEWEST || beyond >= SAMPLE / 2) return all
  const step = Math.floor(n / SAMPLE)
  for (let at = 0; at < SAMPLE; at++) sample[at] = values[at * step]!
  sortFew(sample)
  const low = sample[beyond]!
  const high = sample[SAMPLE - 1 - beyond]!
  if (room.length < 2 * n) room = new Float64Array(2 * n)
  let lows = 0
  let highs = 0
  for (let at = 0; at < n; at++) {
    const value = values[at]!
    if (value <= low) room[lows++] = value
    if (value >= high) room[n + highs++] = value
  }
  const enough = lows > Math.ceil(tail * (n - 1)) && n - highs <= Math.floor((1 - tail) * (n - 1))
  if (!enough) return all
  return { lowest: room.subarray(0, lows), highest: room.subarray(n, n + highs) }
}

/** By insertion: a few are sorted before the engine's own sort has begun. */
function sortFew(values: Float64Array): void {
  for (let at = 1; at < values.length; at++) {
    const value = values[at]!
    let to = at
    for (; to > 0 && values[to - 1]! > value; to--) values[to] = values[to - 1]!
    values[to] = value
  }
}

/**
 * What stands at a place once all are sorted, by linear interpolation as in `quantile`. NaN of nothing.
 *
 * @param values in any order, all but the `before` smallest and perhaps some of the largest
 */
function placed(values: Float64Array, place: number, before: number): number {
  if (values.length === 0) return NaN
  const at = Math.floor(place) - before
  select(values, at)
  const below = values[at]!
  const above = place === Math.floor(place) ? below : leastFrom(values, at + 1)
  return below + (place - Math.floor(place)) * (above - below)
}

function leastFrom(values: Float64Array, from: number): number {
  let least = values[from]!
  for (let at = from + 1; at < values.length; at++) if (values[at]! < least) least = values[at]!
  return least
}

/** Moves the value that belongs at `place` there, smaller ones before it and larger ones behind (Hoare 1961). */
function select(values: Float64Array, place: number): void {
  let from = 0
  let to = values.length - 1
  while (from < to) {
    const pivot = values[(from + to) >> 1]!
    let left = from
    let right = to
    while (left <= right) {
      while (values[left]! < pivot) left++
      while (values[right]! > pivot) right--
      if (left > right) break
      const kept = values[left]!
      values[left++] = values[right]!
      values[right--] = kept
    }
    if (place <= right) to = right
    else if (place >= left) from = left
    else return
  }
}

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
  // The second place lies above the first, and what is below that has been put there.
  const low = placed(values, tail, 0)
  return { value, low, high: placed(values, 1 - tail, Math.floor(tail * (values.length - 1))) }
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

/** `quantile` of values in any order, of which all below `from` are smaller than the rest: sorts no more than it must. */
function placed(values: Float64Array, q: number, from: number): number {
  const below = Math.floor(q * (values.length - 1))
  select(values, from, below)
  if (below + 1 < values.length) select(values, below + 1, below + 1)
  return quantile(values, q)
}

/** Moves the value that belongs at `place` there, smaller ones of [from, end) before it and larger ones behind (Hoare 1961). */
function select(values: Float64Array, from: number, place: number): void {
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

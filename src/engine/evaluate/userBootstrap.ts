import type { Figure } from '../../shared/domain/evaluation'
import { intervalOf, percentileInterval, resampleUsers, type Interval, type Resampling } from '../statistics/resample'

/**
 * A statistic of users in each of some resamples.
 *
 * @param drawn [users, resamples] how often each user counts
 * @returns [resamples] NaN where it has no value
 */
export type Statistic = (drawn: Uint8Array, resamples: number) => Float64Array

/** A sum over users, and over those drawn in each resample. Sums are linear: the difference of two costs nothing. */
export interface UserSum {
  readonly total: number
  /** [resamples] */
  readonly resampled: Float64Array
}

/** What sums over users are divided by. Ratios of one divisor share the work of resampling it. */
export interface Divisor extends UserSum {
  /** Those who have some of it: few, in a slice. */
  readonly users: Int32Array
}

/** Draws of users that intervals may cost, a byte each; with more users there are fewer resamples, but never below the least. */
const MOST_DRAWS = 50_000_000
const LEAST_RESAMPLES = 200

/**
 * One bootstrap over the users of a split for all of its figures: each resample is drawn once, and differences are paired.
 */
export class UserBootstrap {
  /** Made: as many as are wanted, up to some ten thousand users. */
  readonly resamples: number
  readonly #users: number
  /** [users, resamples] how often each user is drawn: at most 255 times, as of more users no one is drawn as often. */
  readonly #drawn: Uint8Array

  constructor(users: number, { resamples, seed }: Resampling) {
    this.#users = users
    this.resamples = Math.min(resamples, Math.max(LEAST_RESAMPLES, Math.floor(MOST_DRAWS / Math.max(1, users))))
    const drawn = new Uint8Array(this.resamples * users)
    resampleUsers(users, { resamples: this.resamples, seed }, (counts, resample) => {
      for (let user = 0; user < users; user++) drawn[user * this.resamples + resample] = counts[user]!
    })
    this.#drawn = drawn
  }

  /** The statistic over all users, and its percentile interval; null where it is not defined. */
  figure(statistic: Statistic): Figure {
    const [value] = statistic(new Uint8Array(this.#users).fill(1), 1)
    return defined(percentileInterval(value!, statistic(this.#drawn, this.resamples)))
  }

  /** @param denominator [users] 0 for those who do not count */
  divisor(denominator: Float64Array): Divisor {
    const users = Int32Array.from(denominator, (_, user) => user).filter((user) => denominator[user] !== 0)
    const [sum] = this.#sums([denominator], users)
    return { users, ...sum! }
  }

  /** @param values each [users]: only those who have some of the divisor are looked at. What is asked at once costs less */
  sums(values: readonly Float64Array[], { users }: Divisor): UserSum[] {
    return this.#sums(values, users)
  }

  /** Each one's Σ counts · values over these users, in their order. */
  #sums(values: readonly Float64Array[], users: Int32Array): UserSum[] {
    const sums = values.map((of) => ({ total: totalOf(of, users), resampled: new Float64Array(this.resamples) }))
    const drawn = { counts: this.#drawn, resamples: this.resamples, users }
    for (let at = 0; at + 1 < values.length; at += 2)
      addTwo(drawn, [values[at]!, values[at + 1]!], [sums[at]!.resampled, sums[at + 1]!.resampled])
    if (values.length % 2 === 1) addOne(drawn, values.at(-1)!, sums.at(-1)!.resampled)
    return sums
  }
}

interface Drawn {
  /** [all users, resamples] */
  counts: Uint8Array
  resamples: number
  /** Those who are summed over. */
  users: Int32Array
}

/** Four users at a time, so that a sum is fetched once for them. */
function addOne({ counts, resamples, users }: Drawn, values: Float64Array, sums: Float64Array): void {
  const whole = users.length & ~3
  for (let at = 0; at < whole; at += 4) {
    const [a, b, c, d] = [users[at]!, users[at + 1]!, users[at + 2]!, users[at + 3]!]
    const [valueA, valueB, valueC, valueD] = [values[a]!, values[b]!, values[c]!, values[d]!]
    const [fromA, fromB, fromC, fromD] = [a * resamples, b * resamples, c * resamples, d * resamples]
    for (let resample = 0; resample < resamples; resample++)
      sums[resample] =
        sums[resample]! +
        counts[fromA + resample]! * valueA +
        counts[fromB + resample]! * valueB +
        counts[fromC + resample]! * valueC +
        counts[fromD + resample]! * valueD
  }
  for (let at = whole; at < users.length; at++) {
    const value = values[users[at]!]!
    const from = users[at]! * resamples
    for (let resample = 0; resample < resamples; resample++) sums[resample]! += counts[from + resample]! * value
  }
}

/** `addOne` of two values in the same order: a draw, which must be made a float64 first, is fetched once for both. */
function addTwo(
  { counts, resamples, users }: Drawn,
  [x, y]: readonly [Float64Array, Float64Array],
  [sumsX, sumsY]: readonly [Float64Array, Float64Array],
): void {
  const whole = users.length & ~3
  for (let at = 0; at < whole; at += 4) {
    const [a, b, c, d] = [users[at]!, users[at + 1]!, users[at + 2]!, users[at + 3]!]
    const [xA, xB, xC, xD] = [x[a]!, x[b]!, x[c]!, x[d]!]
    const [yA, yB, yC, yD] = [y[a]!, y[b]!, y[c]!, y[d]!]
    const [fromA, fromB, fromC, fromD] = [a * resamples, b * resamples, c * resamples, d * resamples]
    for (let resample = 0; resample < resamples; resample++) {
      const ofA = counts[fromA + resample]!
      const ofB = counts[fromB + resample]!
      const ofC = counts[fromC + resample]!
      const ofD = counts[fromD + resample]!
      sumsX[resample] = sumsX[resample]! + ofA * xA + ofB * xB + ofC * xC + ofD * xD
      sumsY[resample] = sumsY[resample]! + ofA * yA + ofB * yB + ofC * yC + ofD * yD
    }
  }
  for (let at = whole; at < users.length; at++) {
    const user = users[at]!
    const from = user * resamples
    for (let resample = 0; resample < resamples; resample++) {
      const count = counts[from + resample]!
      sumsX[resample]! += count * x[user]!
      sumsY[resample]! += count * y[user]!
    }
  }
}

export function minus(a: UserSum, b: UserSum): UserSum {
  const resampled = new Float64Array(a.resampled.length)
  for (let at = 0; at < resampled.length; at++) resampled[at] = a.resampled[at]! - b.resampled[at]!
  return { total: a.total - b.total, resampled }
}

/** Σ numerator / Σ denominator, with its interval; null where it is not defined. */
export function ratio({ total, resampled }: UserSum, by: Divisor): Figure {
  const ratios = new Float64Array(resampled.length)
  let n = 0
  for (let at = 0; at < ratios.length; at++) {
    const value = resampled[at]! / by.resampled[at]!
    // x / 0 has no value either, infinite or not.
    if (by.resampled[at] !== 0 && !Number.isNaN(value)) ratios[n++] = value
  }
  return defined(intervalOf(by.users.length === 0 ? NaN : total / by.total, ratios.subarray(0, n)))
}

function totalOf(values: Float64Array, users: Int32Array): number {
  let sum = 0
  for (const user of users) sum += values[user]!
  return sum
}

/** JSON knows no NaN, and an infinite loss has no interval. */
function defined(interval: Interval): Figure {
  return Object.values(interval).every(Number.isFinite) ? interval : null
}

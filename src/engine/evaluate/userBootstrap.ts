import type { Figure } from '../../shared/domain/evaluation'
import { intervalOf, percentileInterval, type Interval, type Resampling } from '../statistics/resample'
import { DrawnUsers, eachOnce, type Draws } from './drawnUsers'

/** A statistic of users in each of some resamples: [resamples], NaN where it has no value. */
export type Statistic = (draws: Draws) => Float64Array

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
  readonly #drawn: DrawnUsers

  constructor(users: number, { resamples, seed }: Resampling) {
    const most = Math.max(LEAST_RESAMPLES, Math.floor(MOST_DRAWS / Math.max(1, users)))
    this.#drawn = new DrawnUsers(users, { resamples: Math.min(resamples, most), seed })
  }

  /** Made: as many as are wanted, up to some ten thousand users. */
  get resamples(): number {
    return this.#drawn.resamples
  }

  /** The statistic over all users, and its percentile interval; null where it is not defined. */
  figure(statistic: Statistic): Figure {
    const [value] = statistic(eachOnce(this.#drawn.users))
    return defined(percentileInterval(value!, statistic(this.#drawn)))
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

  #sums(values: readonly Float64Array[], users: Int32Array): UserSum[] {
    const resampled = this.#drawn.sums(values, users)
    return values.map((of, at) => ({ total: totalOf(of, users), resampled: resampled[at]! }))
  }
}

export function minus(a: UserSum, b: UserSum): UserSum {
  const resampled = new Float64Array(a.resampled.length)
  for (let at = 0; at < resampled.length; at++) resampled[at] = a.resampled[at]! - b.resampled[at]!
  return { total: a.total - b.total, resampled }
}

let ratios = new Float64Array(0)

/** Σ numerator / Σ denominator, with its interval; null where it is not defined. */
export function ratio({ total, resampled }: UserSum, by: Divisor): Figure {
  const { length } = resampled
  if (ratios.length < length) ratios = new Float64Array(length)
  let n = 0
  for (let at = 0; at < length; at++) {
    const below = by.resampled[at]!
    const value = resampled[at]! / below
    // x / 0 has no value either, infinite or not.
    if (below !== 0 && !Number.isNaN(value)) ratios[n++] = value
  }
  return defined(intervalOf(by.users.length === 0 ? NaN : total / by.total, ratios.subarray(0, n)))
}

function totalOf(values: Float64Array, users: Int32Array): number {
  let sum = 0
  for (let at = 0; at < users.length; at++) sum += values[users[at]!]!
  return sum
}

/** JSON knows no NaN, and an infinite loss has no interval. */
function defined(interval: Interval): Figure {
  return Object.values(interval).every(Number.isFinite) ? interval : null
}

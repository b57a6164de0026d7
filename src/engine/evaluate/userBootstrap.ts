import type { Figure } from '../../shared/domain/evaluation'
import { percentileInterval, resampleUsers, type Interval, type Ratio, type Resampling } from '../statistics/resample'

/** A statistic of users: its value where user u counts `counts[u]` times. NaN where it has none. */
export type Statistic = (counts: Uint8Array) => number

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
  /** [resamples, users] how often each user is drawn: at most 255 times, as of more users no one is drawn as often. */
  readonly #drawn: Uint8Array

  constructor(users: number, { resamples, seed }: Resampling) {
    this.#users = users
    this.resamples = Math.min(resamples, Math.max(LEAST_RESAMPLES, Math.floor(MOST_DRAWS / Math.max(1, users))))
    this.#drawn = new Uint8Array(this.resamples * users)
    resampleUsers(users, { resamples: this.resamples, seed }, (counts, at) => this.#drawn.set(counts, at * users))
  }

  /** The statistic over all users, and its percentile interval; null where it is not defined. */
  figure(statistic: Statistic): Figure {
    const value = statistic(new Uint8Array(this.#users).fill(1))
    const resampled = new Float64Array(this.resamples)
    for (let at = 0; at < this.resamples; at++)
      resampled[at] = statistic(this.#drawn.subarray(at * this.#users, (at + 1) * this.#users))
    return defined(percentileInterval(value, resampled))
  }

  /** Σ numerator / Σ denominator, summed over the users who have a denominator: few, in a slice. */
  ratio({ numerator, denominator }: Ratio): Figure {
    const users = Int32Array.from({ length: this.#users }, (_, user) => user).filter((user) => denominator[user] !== 0)
    const above = Float64Array.from(users, (user) => numerator[user]!)
    const below = Float64Array.from(users, (user) => denominator[user]!)
    const drawn = this.#drawn
    const resampled = new Float64Array(this.resamples)
    for (let resample = 0; resample < resampled.length; resample++) {
      const from = resample * this.#users
      let sumAbove = 0
      let sumBelow = 0
      for (let at = 0; at < users.length; at++) {
        const count = drawn[from + users[at]!]!
        sumAbove += count * above[at]!
        sumBelow += count * below[at]!
      }
      resampled[resample] = sumBelow === 0 ? NaN : sumAbove / sumBelow
    }
    const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0)
    return defined(percentileInterval(users.length === 0 ? NaN : total(above) / total(below), resampled))
  }
}

/** JSON knows no NaN, and an infinite loss has no interval. */
function defined(interval: Interval): Figure {
  return Object.values(interval).every(Number.isFinite) ? interval : null
}

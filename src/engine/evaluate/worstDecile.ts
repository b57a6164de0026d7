import { BLOCK } from './drawnUsers'
import type { Statistic } from './userBootstrap'

/** How many users a decile has: a tenth, and at least one. */
export function decileOf(users: number): number {
  return Math.max(1, Math.ceil(users / 10))
}

/**
 * The mean accuracy of the tenth of the users whose own is the lowest; in a resample, of those drawn.
 *
 * @param accuracies [users]
 */
export function worstDecile(accuracies: Float64Array): Statistic {
  const order = Int32Array.from(accuracies, (_, user) => user).sort((a, b) => accuracies[a]! - accuracies[b]!)
  const size = decileOf(accuracies.length)
  return ({ users, resamples, counts }) => {
    const means = new Float64Array(resamples)
    for (let resample = 0; resample < resamples; resample++) {
      const from = Math.floor(resample / BLOCK) * users * BLOCK + (resample % BLOCK)
      let left = size
      let sum = 0
      for (let at = 0; at < order.length && left > 0; at++) {
        const user = order[at]!
        const taken = Math.min(left, counts[from + user * BLOCK]!)
        sum += taken * accuracies[user]!
        left -= taken
      }
      means[resample] = sum / (size - left)
    }
    return means
  }
}

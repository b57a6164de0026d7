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
  return (drawn, resamples) => {
    const left = new Int32Array(resamples).fill(size)
    const sums = new Float64Array(resamples)
    let open = resamples
    for (let at = 0; at < order.length && open > 0; at++) {
      const user = order[at]!
      const accuracy = accuracies[user]!
      for (let resample = 0; resample < resamples; resample++) {
        const taken = Math.min(left[resample]!, drawn[user * resamples + resample]!)
        if (taken === 0) continue
        sums[resample]! += taken * accuracy
        left[resample]! -= taken
        if (left[resample] === 0) open--
      }
    }
    return sums.map((sum, resample) => sum / (size - left[resample]!))
  }
}

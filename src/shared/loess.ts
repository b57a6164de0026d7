/**
 * A smooth curve through scattered points: at each place a line is fitted to the nearest share of the points, weighted by the tricube of
 * their distance (Cleveland, "Robust locally weighted regression", 1979, without its robustness iterations).
 *
 * @param x places of the points, in any order; at least two distinct ones
 * @param at where the curve is wanted
 * @param span share of the points that each fit looks at
 * @returns values at `at`; a mean where all points with a weight stand at one place
 */
export function loess(x: readonly number[], y: readonly number[], at: readonly number[], span = 0.75): number[] {
  const near = Math.min(x.length, Math.max(2, Math.ceil(span * x.length)))
  return at.map((place) => {
    const distances = x.map((one) => Math.abs(one - place))
    const sorted = distances.toSorted((a, b) => a - b)
    const [nearest = 0, reach = 0] = [sorted[0], sorted[near - 1]]
    // Where those that are looked at all stand equally far, the tricube would give none of them a weight.
    const weightOf = (distance: number): number =>
      nearest === reach ? Number(distance === reach) : Math.max(0, 1 - (distance / reach) ** 3) ** 3
    let [w, wx, wy, wxx, wxy] = [0, 0, 0, 0, 0]
    for (const [i, distance] of distances.entries()) {
      const weight = weightOf(distance)
      const [dx, value] = [(x[i] ?? 0) - place, y[i] ?? 0]
      w += weight
      wx += weight * dx
      wy += weight * value
      wxx += weight * dx * dx
      wxy += weight * dx * value
    }
    const spread = w * wxx - wx * wx
    // All weight at one place: no line goes through it, its mean does.
    if (spread <= 1e-12 * w * wxx) return wy / w
    return (wxx * wy - wx * wxy) / spread
  })
}

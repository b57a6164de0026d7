/**
 * A smooth curve through scattered points: at each place a line is fitted to the nearest share of the points, weighted by the tricube of
 * their distance (Cleveland, "Robust locally weighted regression", 1979, without its robustness iterations).
 *
 * @param x places of the points, in any order; at least two distinct ones
 * @param at where the curve is wanted
 * @param span share of the points that each fit looks at
 * @returns values at `at`; NaN where all points that are looked at stand at one place other than that
 */
export function loess(x: readonly number[], y: readonly number[], at: readonly number[], span = 0.75): number[] {
  const near = Math.min(x.length, Math.max(2, Math.ceil(span * x.length)))
  return at.map((place) => {
    const distances = x.map((one) => Math.abs(one - place))
    const reach = distances.toSorted((a, b) => a - b)[near - 1] ?? 0
    let [w, wx, wy, wxx, wxy] = [0, 0, 0, 0, 0]
    for (const [i, distance] of distances.entries()) {
      const weight = reach === 0 ? Number(distance === 0) : Math.max(0, 1 - (distance / reach) ** 3) ** 3
      const [dx, value] = [(x[i] ?? 0) - place, y[i] ?? 0]
      w += weight
      wx += weight * dx
      wy += weight * value
      wxx += weight * dx * dx
      wxy += weight * dx * value
    }
    const spread = w * wxx - wx * wx
    // All weight at one place: its mean, if that is the place.
    if (spread <= 1e-12 * w * wxx || spread === 0) return wx === 0 ? wy / w : NaN
    return (wxx * wy - wx * wxy) / spread
  })
}

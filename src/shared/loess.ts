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
  const inOrder = x.toSorted((a, b) => a - b)
  return at.map((place) => {
    const { nearest, reach } = nearOnes(inOrder, place, near)
    // Where those that are looked at all stand equally far, the tricube would give none of them a weight.
    const weightOf = (distance: number): number =>
      nearest === reach ? Number(distance === reach) : Math.max(0, 1 - (distance / reach) ** 3) ** 3
    let [w, wx, wy, wxx, wxy] = [0, 0, 0, 0, 0]
    for (let i = 0; i < x.length; i++) {
      const distance = Math.abs((x[i] ?? 0) - place)
      if (distance > reach) continue
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

/** How far the nearest of the places is, and the last of so many near ones. */
function nearOnes(inOrder: readonly number[], place: number, near: number): { nearest: number; reach: number } {
  const distance = (at: number): number => Math.abs((inOrder[at] ?? Infinity) - place)
  let from = 0
  while (distance(from + near) <= distance(from)) from++
  let nearest = Infinity
  for (let at = from; at < from + near; at++) nearest = Math.min(nearest, distance(at))
  return { nearest, reach: Math.max(distance(from), distance(from + near - 1)) }
}

/** Points in the plane. */
export interface Points {
  x: readonly number[]
  y: readonly number[]
}

/** Turns, mirrors, scales and moves a plane. */
export interface Alignment {
  apply: (x: number, y: number) => [x: number, y: number]
  /** What is left of the squared distances, of both sets of norm 1: 0 for the same shape, 1 for nothing in common. */
  disparity: number
}

/**
 * The similarity, with or without a reflection, that brings points b nearest to points a in squared distance: orthogonal Procrustes with scale
 * (Gower 1975), in closed form for the plane. The disparity is that of SciPy's `spatial.procrustes`.
 *
 * @param a [n] places
 * @param b [n] places of the same, in another plane
 * @returns undefined where one side has no extent, as of fewer than two points
 */
export function procrustes(a: Points, b: Points): Alignment | undefined {
  const n = Math.min(a.x.length, b.x.length)
  const [from, to] = [centred(b, n), centred(a, n)]
  if (from.norm === 0 || to.norm === 0) return undefined
  const sum = (of: readonly number[], by: readonly number[]): number => {
    let total = 0
    for (let at = 0; at < n; at++) total += of[at]! * by[at]!
    return total / (from.norm * to.norm)
  }
  const [xx, xy] = [sum(to.x, from.x), sum(to.x, from.y)]
  const [yx, yy] = [sum(to.y, from.x), sum(to.y, from.y)]
  // The trace that a rotation, and a reflection, can reach; the larger one is the sum of the singular values.
  const turned = Math.hypot(xx + yy, yx - xy)
  const mirrored = Math.hypot(xx - yy, yx + xy)
  const mirror = mirrored > turned
  const reached = Math.min(1, mirror ? mirrored : turned)
  const [c, s] =
    reached === 0
      ? [1, 0]
      : mirror
        ? [(xx - yy) / mirrored, (yx + xy) / mirrored]
        : [(xx + yy) / turned, (yx - xy) / turned]
  const scale = (reached * to.norm) / from.norm
  return {
    apply: (x, y) => {
      const [dx, dy] = [x - from.mean[0], mirror ? from.mean[1] - y : y - from.mean[1]]
      return [to.mean[0] + scale * (c * dx - s * dy), to.mean[1] + scale * (s * dx + c * dy)]
    },
    disparity: 1 - reached ** 2,
  }
}

function centred({ x, y }: Points, n: number) {
  const mean = (values: readonly number[]): number => values.slice(0, n).reduce((sum, value) => sum + value, 0) / n
  const [mx, my] = [mean(x), mean(y)]
  const [dx, dy] = [x.slice(0, n).map((value) => value - mx), y.slice(0, n).map((value) => value - my)]
  const square = (values: readonly number[]): number => values.reduce((sum, value) => sum + value ** 2, 0)
  return { x: dx, y: dy, mean: [mx, my] as const, norm: n < 2 ? 0 : Math.sqrt(square(dx) + square(dy)) }
}

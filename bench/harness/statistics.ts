/** A repeated measurement: its median, its range, and how many there were. */
export interface Spread {
  median: number
  min: number
  max: number
  n: number
}

/** @throws RangeError without values: a figure that was never measured must not become 0 or NaN. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('there is no median of nothing')
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values), n: values.length }
}

/** Two things measured one right after the other, so that what else the machine did is the same for both. */
export interface Pair {
  ours: number
  peer: number
}

/**
 * Measures `ours, peer, peer, ours, ours, peer, …`: who goes first alternates, so that neither always finds the caches and the
 * clock as the other left them.
 */
export async function interleaved(
  pairs: number,
  ours: () => Promise<number>,
  peer: () => Promise<number>,
): Promise<Pair[]> {
  const measured: Pair[] = []
  for (let i = 0; i < pairs; i++) {
    if (i % 2 === 0) {
      const first = await ours()
      measured.push({ ours: first, peer: await peer() })
    } else {
      const first = await peer()
      measured.push({ ours: await ours(), peer: first })
    }
  }
  return measured
}

/** The median of each, and the spread of the ratios *within* the pairs; above 1 where ours is better. */
export function compare(
  pairs: readonly Pair[],
  better: 'less' | 'more',
): { ours: number; peer: number; ratio: Spread } {
  return {
    ours: median(pairs.map(({ ours }) => ours)),
    peer: median(pairs.map(({ peer }) => peer)),
    ratio: spread(pairs.map(({ ours, peer }) => (better === 'less' ? peer / ours : ours / peer))),
  }
}

export interface Line {
  slope: number
  intercept: number
  /** Share of the variance that the line explains, 1 where the values do not vary. */
  r2: number
}

/** Least squares. @throws RangeError with fewer than two different x */
export function fitLine(xs: readonly number[], ys: readonly number[]): Line {
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
  const [x0, y0] = [mean(xs), mean(ys)]
  const sxx = xs.reduce((sum, x) => sum + (x - x0) ** 2, 0)
  if (!(sxx > 0)) throw new RangeError('a line needs two different x')
  const slope = xs.reduce((sum, x, i) => sum + (x - x0) * (ys[i]! - y0), 0) / sxx
  const intercept = y0 - slope * x0
  const total = ys.reduce((sum, y) => sum + (y - y0) ** 2, 0)
  const rest = ys.reduce((sum, y, i) => sum + (y - intercept - slope * xs[i]!) ** 2, 0)
  return { slope, intercept, r2: total === 0 ? 1 : 1 - rest / total }
}

/** The exponent p of y ∝ xᵖ: 1 is proportional, 0 does not depend on x. */
export function fitExponent(xs: readonly number[], ys: readonly number[]): number {
  return fitLine(xs.map(Math.log), ys.map(Math.log)).slope
}

export interface Sample {
  x: number[]
  /** Null is a figure that is not a number. */
  y: (number | null)[]
}

/**
 * Debiased exponential moving average, TensorBoard's: sᵢ = w sᵢ₋₁ + (1 − w) yᵢ with s₋₁ = 0, shown as sᵢ / (1 − wⁿ), n the
 * figures so far. A figure that is not finite is passed on and leaves the average alone.
 *
 * @param weight w in [0, 1)
 */
export function smooth(values: Float64Array, weight: number): Float64Array {
  const smoothed = new Float64Array(values.length)
  let sum = 0
  let bias = 1
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? NaN
    if (!Number.isFinite(value)) {
      smoothed[i] = value
      continue
    }
    sum = weight * sum + (1 - weight) * value
    bias *= weight
    smoothed[i] = sum / (1 - bias)
  }
  return smoothed
}

/**
 * Of each of `buckets` equal parts of [from, to] the lowest and the highest point, in their order: drawn as lines they cover
 * the pixels that all points would. Few enough points are all kept. A part that holds nothing but NaN keeps one.
 *
 * @param xs ascending
 */
export function minMax(xs: Float64Array, ys: Float64Array, buckets: number, from: number, to: number): Sample {
  const out: Sample = { x: [], y: [] }
  const keep = (at: number): void => {
    const y = ys[at] ?? NaN
    out.x.push(xs[at] ?? 0)
    out.y.push(Number.isNaN(y) ? null : y)
  }
  if (xs.length <= 2 * buckets) {
    for (let i = 0; i < xs.length; i++) keep(i)
    return out
  }
  const width = to > from ? (to - from) / buckets : 1
  for (let i = 0; i < xs.length;) {
    const bucket = bucketOf(xs[i] ?? 0, from, width, buckets)
    let low = i
    let high = i
    let end = i
    for (; end < xs.length && bucketOf(xs[end] ?? 0, from, width, buckets) === bucket; end++) {
      const y = ys[end] ?? NaN
      // Not `y >= lowest`: the first may be NaN, and every number is better than that.
      if (y < (ys[low] ?? NaN) || Number.isNaN(ys[low])) low = end
      if (y > (ys[high] ?? NaN) || Number.isNaN(ys[high])) high = end
    }
    if (Number.isNaN(ys[low])) low = high = i
    keep(Math.min(low, high))
    if (low !== high) keep(Math.max(low, high))
    i = end
  }
  return out
}

function bucketOf(x: number, from: number, width: number, buckets: number): number {
  return Math.min(buckets - 1, Math.floor((x - from) / width))
}

import type { HistorySeries } from '../../shared/domain/history'
import { minMax, type Sample } from '../../shared/downsample'

/** Points kept before they are sampled again, for each column of the picture. */
const SPARE = 4

/**
 * A curve that grows while it is shown. It begins with a sample of the history and takes each new point as it comes; when it
 * holds too many for the picture, of every column the lowest and the highest stay. A point costs the same at step 100 and
 * at step 1,000,000.
 */
export class LiveCurve {
  readonly metric: string
  readonly #buckets: number
  readonly #weight: number
  #raw: Sample
  #smooth: Sample | undefined
  /** Points that it stands for. */
  points: number
  /** State of the moving average (`smooth` of downsample.ts). */
  #sum = 0
  #bias = 1

  /**
   * @param buckets columns of the picture
   * @param weight of the past in the moving average; 0 for none
   */
  constructor(
    series: Pick<HistorySeries, 'metric' | 'points' | 'x' | 'y' | 'smooth'>,
    buckets: number,
    weight: number,
  ) {
    this.metric = series.metric
    this.#buckets = buckets
    this.#weight = weight
    this.#raw = { x: [...series.x], y: [...series.y] }
    this.points = series.points
    if (weight === 0) return
    this.#smooth = { x: [...(series.smooth?.x ?? [])], y: [...(series.smooth?.y ?? [])] }
    this.#bias = weight ** series.points
    const last = this.#smooth.y.findLast((value) => value !== null && Number.isFinite(value))
    this.#sum = (last ?? 0) * (1 - this.#bias)
  }

  get raw(): Readonly<Sample> {
    return this.#raw
  }

  get smooth(): Readonly<Sample> | undefined {
    return this.#smooth
  }

  get last(): number | undefined {
    return this.#raw.y.at(-1) ?? undefined
  }

  add(x: number, value: number): void {
    this.points++
    const y = Number.isNaN(value) ? null : value
    this.#raw = thinned(appended(this.#raw, x, y), this.#buckets)
    if (!this.#smooth) return
    let average = y
    if (y !== null && Number.isFinite(y)) {
      this.#sum = this.#weight * this.#sum + (1 - this.#weight) * y
      this.#bias *= this.#weight
      average = this.#sum / (1 - this.#bias)
    }
    this.#smooth = thinned(appended(this.#smooth, x, average), this.#buckets)
  }
}

function appended(sample: Sample, x: number, y: number | null): Sample {
  sample.x.push(x)
  sample.y.push(y)
  return sample
}

function thinned(sample: Sample, buckets: number): Sample {
  if (sample.x.length <= SPARE * buckets) return sample
  const ys = Float64Array.from(sample.y, (value) => value ?? NaN)
  return minMax(Float64Array.from(sample.x), ys, buckets, sample.x[0] ?? 0, sample.x.at(-1) ?? 0)
}

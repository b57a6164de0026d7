import type { Field } from '../../shared/comparedFields'

/** About so many stretches between the ticks of an axis. */
const STRETCHES = 5
/** Up to how many powers of ten a stretch of so many is taken, as ECharts does. */
const ROUND_STEPS = [
  { below: 1.5, step: 1 },
  { below: 2.5, step: 2 },
  { below: 4, step: 3 },
  { below: 7, step: 5 },
] as const
/** Left of the first axis, right of the last, above and below. */
export const PARALLEL_BOX = { left: 60, right: 70, top: 34, bottom: 16 } as const

/** From where to where an axis of numbers goes, and how far its ticks are from each other where that is not by powers of ten. */
export interface AxisScale {
  log: boolean
  min: number
  max: number
  interval: number | undefined
}

/**
 * An axis that ends at round numbers; undefined for one of texts. Runs without a value stand a tick below all others: a line that left them out
 * would cross the axis where nothing is.
 */
export function axisScale(field: Field, log: boolean): AxisScale | undefined {
  if (field.kind === 'category') return undefined
  const known = field.values.filter((value) => value !== null)
  const [low, high] = known.length === 0 ? [log ? 1 : 0, 1] : [Math.min(...known), Math.max(...known)]
  const missing = known.length > 0 && known.length < field.values.length
  if (log) {
    const scale = powersOfTen(low, high)
    return { log, ...scale, ...(missing && { min: scale.min / 10 }) }
  }
  const size = Math.abs(low) || 1
  // One value and none: nothing lies between them.
  if (missing && low === high) return { log, min: low - size, max: low + size, interval: size }
  const scale = roundNumbers(low, high)
  return { log, ...scale, ...(missing && { min: rounded(scale.min - scale.interval) }) }
}

function powersOfTen(low: number, high: number): Omit<AxisScale, 'log'> {
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))]
  return { min: 10 ** from, max: 10 ** (to > from ? to : from + 1), interval: undefined }
}

function roundNumbers(low: number, high: number): { min: number; max: number; interval: number } {
  if (low === high) return roundNumbers(low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2)
  const rough = (high - low) / STRETCHES
  const power = 10 ** Math.floor(Math.log10(rough))
  const interval = power * (ROUND_STEPS.find(({ below }) => rough / power < below)?.step ?? 10)
  return {
    min: rounded(Math.floor(low / interval) * interval),
    max: rounded(Math.ceil(high / interval) * interval),
    interval,
  }
}

/** Without what adding up fractions leaves behind. */
const rounded = (value: number): number => Number(value.toPrecision(12))

/** What share of its axis lies below a value. */
export function shareOf({ texts }: Field, scale: AxisScale | undefined, value: number): number {
  // A text has a stretch of its own and stands in the middle of it.
  if (!scale) return (value + 0.5) / texts.length
  const { log, min, max } = scale
  return log ? Math.log(value / min) / Math.log(max / min) : (value - min) / (max - min)
}

export interface ParallelAxis {
  field: Field
  scale: AxisScale | undefined
  flipped: boolean
}

/** Where lines cross axes, in pixels. */
export interface ParallelLines {
  /** Of the axes. */
  xs: readonly number[]
  /** Of run r at axis a at `r * xs.length + a`; NaN where it has no place. */
  ys: Float64Array
  runs: number
}

export function parallelLines(
  axes: readonly ParallelAxis[],
  runs: number,
  { width, height }: { width: number; height: number },
): ParallelLines {
  const { left, right, top, bottom } = PARALLEL_BOX
  const [across, down] = [Math.max(0, width - left - right), Math.max(0, height - top - bottom)]
  const ys = new Float64Array(runs * axes.length).fill(NaN)
  for (const [a, { field, scale, flipped }] of axes.entries()) {
    for (let run = 0; run < runs; run++) {
      const value = field.values[run] ?? scale?.min
      if (value === undefined) continue
      const share = shareOf(field, scale, value)
      ys[run * axes.length + a] = top + down * (flipped ? share : 1 - share)
    }
  }
  return { xs: axes.map((_, a) => left + (across * a) / Math.max(1, axes.length - 1)), ys, runs }
}

/** The points of a run's line, one after the other: x, y, x, y. */
export function lineOf({ xs, ys }: ParallelLines, run: number): number[] {
  return xs.flatMap((x, a) => {
    const y = ys[run * xs.length + a] ?? NaN
    return Number.isNaN(y) ? [] : [x, y]
  })
}

/** The run whose line is nearest to a point, and not further from it than `within` pixels. */
export function nearestLine({ xs, ys, runs }: ParallelLines, x: number, y: number, within: number): number | undefined {
  const axis = xs.findIndex((place, a) => a + 1 < xs.length && x >= place - within && x <= (xs[a + 1] ?? 0) + within)
  const [from, to] = [xs[axis] ?? NaN, xs[axis + 1] ?? NaN]
  const share = Math.min(1, Math.max(0, (x - from) / (to - from)))
  let nearest: number | undefined
  let least = within
  for (let run = 0; run < runs; run++) {
    const [start, end] = [ys[run * xs.length + axis] ?? NaN, ys[run * xs.length + axis + 1] ?? NaN]
    const distance = Math.abs(start + share * (end - start) - y) * Math.cos(Math.atan2(end - start, to - from))
    if (distance > least) continue
    // A place that is not a number is near to nothing.
    if (Number.isNaN(distance)) continue
    least = distance
    nearest = run
  }
  return nearest
}

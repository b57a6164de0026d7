import {
  compareCurvesQuerySchema,
  type Band as BandKind,
  type CompareCurvesQuery,
  type GroupCurve,
} from '../../shared/domain/compare'
import { minMax, smooth } from '../../shared/downsample'
import { t975 } from '../../shared/studentT'
import type { Columns } from '../store/columns'
import type { Store } from '../store/openStore'

type Axis = 'step' | 'epoch' | 'time'

/**
 * For each group the mean and the band of its runs' curves. Runs are put beside each other by their steps, over all of their points; only
 * then the result is sampled for a picture. Where a run has no figure there is no mean: one over other runs than before would jump.
 */
export function groupCurves(store: Store, query: CompareCurvesQuery): GroupCurve[] {
  const { groups, metric, axis, range, buckets, smoothing, band } = compareCurvesQuerySchema.parse(query)
  return store.db.read('group curves', () =>
    groups.map((ids) => {
      const curves = ids.flatMap((id) => {
        const columns = store.history.curve(id, metric)
        if (!columns) return []
        const values = smoothing > 0 ? smooth(columns.values, smoothing) : columns.values
        return [{ columns, values, start: store.runs.created(id) }]
      })
      const { unaligned, ...aligned } = align(curves, axis, band)
      const [from, to] = range ?? [aligned.x[0] ?? 0, aligned.x.at(-1) ?? 0]
      const shown = within(aligned, from, to)
      return { runs: curves.length, points: shown.x.length, unaligned, ...sampled(shown, buckets, from, to) }
    }),
  )
}

interface RunCurve {
  columns: Columns
  /** Of each step, smoothed where that was asked for. */
  values: Float64Array
  /** Milliseconds since the Unix epoch. */
  start: number
}

interface Band {
  x: Float64Array
  mean: Float64Array
  low: Float64Array
  high: Float64Array
}

/** Mean and band at the steps that every curve has; exported for its test. */
export function align(curves: readonly RunCurve[], axis: Axis, band: BandKind): Band & { unaligned: number } {
  const [only] = curves
  const n = curves.length
  // Fifty long curves of one run each are asked for at once: nothing has to be put beside them.
  if (only && n === 1) {
    const x = Float64Array.from(only.columns.steps, (_, at) => placeOf(only, at, axis))
    return { x: neverBack(x), mean: only.values, low: only.values, high: only.values, unaligned: 0 }
  }
  const steps = commonSteps(curves.map(({ columns }) => columns.steps))
  const out = ['x', 'mean', 'low', 'high'].map(() => new Float64Array(steps.length))
  const [x, mean, low, high] = out as [Float64Array, Float64Array, Float64Array, Float64Array]
  const at = new Int32Array(n)
  const values = new Float64Array(n)
  const scale = n < 2 ? 0 : t975(n - 1) / Math.sqrt(n)
  for (const [i, step] of steps.entries()) {
    let place = 0
    for (const [run, curve] of curves.entries()) {
      while ((curve.columns.steps[at[run]!] ?? Infinity) < step) at[run]!++
      values[run] = curve.values[at[run]!] ?? NaN
      place += placeOf(curve, at[run]!, axis)
    }
    x[i] = place / n
    const average = values.reduce((sum, value) => sum + value, 0) / n
    mean[i] = average
    const spread = n < 2 ? 0 : Math.sqrt(values.reduce((sum, value) => sum + (value - average) ** 2, 0) / (n - 1))
    const half = band === 'sd' ? spread : scale * spread
    low[i] = band === 'range' ? Math.min(...values) : average - half
    high[i] = band === 'range' ? Math.max(...values) : average + half
  }
  const all = curves.reduce((sum, { columns }) => sum + columns.steps.length, 0)
  return { x: neverBack(x), mean, low, high, unaligned: all - n * steps.length }
}

/** Clocks that were set back must not make a curve run backwards. */
function neverBack(x: Float64Array): Float64Array {
  for (let i = 1; i < x.length; i++) x[i] = Math.max(x[i]!, x[i - 1]!)
  return x
}

function placeOf({ columns, start }: RunCurve, at: number, axis: Axis): number {
  if (axis === 'time') return ((columns.times[at] ?? start) - start) / 1000
  return (axis === 'epoch' ? columns.epochs[at] : columns.steps[at]) ?? 0
}

function commonSteps(all: readonly Float64Array[]): number[] {
  const [first, ...others] = all
  if (!first) return []
  const sets = others.map((steps) => new Set(steps))
  return [...first].filter((step) => sets.every((set) => set.has(step)))
}

function within({ x, mean, low, high }: Band, from: number, to: number): Band {
  const first = x.findIndex((value) => value >= from)
  const begin = first < 0 ? x.length : first
  const end = x.findLastIndex((value) => value <= to) + 1
  const shown = mean.subarray(begin, end)
  // Of one run the band is the curve: what is one array stays one, and is sampled once.
  const part = (values: Float64Array): Float64Array => (values === mean ? shown : values.subarray(begin, end))
  return { x: x.subarray(begin, end), mean: shown, low: part(low), high: part(high) }
}

/** Of each column of the picture the points at which the mean or the band goes furthest: all three stay together. */
function sampled(
  { x, mean, low, high }: Band,
  buckets: number,
  from: number,
  to: number,
): Pick<GroupCurve, 'x' | 'mean' | 'low' | 'high'> {
  const places = Float64Array.from(x.keys())
  const width = to > from ? (to - from) / buckets : 1
  // Positions, so that several points with one x (epochs of a step-wise metric) stay apart.
  const kept = new Set<number>()
  const bucketOf = Float64Array.from(x, (value) => Math.min(buckets - 1, Math.floor((value - from) / width)))
  for (const values of new Set([mean, low, high]))
    for (const at of extremes(places, bucketOf, values, buckets)) kept.add(at)
  const chosen = [...kept].sort((a, b) => a - b)
  const pick = (values: Float64Array): (number | null)[] =>
    chosen.map((at) => (Number.isFinite(values[at]) ? values[at]! : null))
  return { x: chosen.map((at) => x[at]!), mean: pick(mean), low: pick(low), high: pick(high) }
}

/** Places of the lowest and the highest value in each bucket; all of them where they are few. */
function extremes(places: Float64Array, bucketOf: Float64Array, values: Float64Array, buckets: number): number[] {
  if (places.length <= 2 * buckets) return [...places]
  const found: number[] = []
  for (let begin = 0; begin < places.length;) {
    let end = begin
    while (end < places.length && bucketOf[end] === bucketOf[begin]) end++
    found.push(...minMax(places.subarray(begin, end), values.subarray(begin, end), 1, begin, end).x)
    begin = end
  }
  return found
}

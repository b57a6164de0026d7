import type { Statement } from 'better-sqlite3'
import {
  historyQuerySchema,
  type HistoryQuery,
  type HistoryResult,
  type HistorySeries,
} from '../../shared/domain/history'
import { ColumnBuilder, decodeColumns, type Columns, type StoredColumns } from './columns'
import type { HistoryDatabase } from './database'
import { minMax, smooth } from '../../shared/downsample'

type Row = [step: number, value: number | null, epoch: number, time: number]

/** Reads curves. */
export class HistoryReader {
  readonly #db: HistoryDatabase
  readonly #parts: Statement<[number, number], StoredColumns>
  readonly #rows: Statement<[number, number], Row>
  readonly #run: Statement<[string], { key: number; sequence: number }>
  readonly #metrics: Statement<[number], { key: number; name: string }>

  constructor(db: HistoryDatabase) {
    this.#db = db
    const { handle } = db
    this.#parts = handle.prepare(
      'SELECT points, steps, epochs, times, value FROM series WHERE run = ? AND metric = ? ORDER BY part',
    )
    this.#rows = handle
      .prepare<[number, number], Row>(
        `SELECT p.step, p.value, coalesce(m.epoch, -1), coalesce(m.time, 0) FROM points p
         LEFT JOIN moments m ON m.run = p.run AND m.step = p.step WHERE p.run = ? AND p.metric = ? ORDER BY p.step`,
      )
      .raw()
    this.#run = handle.prepare('SELECT key, sequence FROM runs WHERE id = ?')
    this.#metrics = handle.prepare(
      'SELECT metrics.key, name FROM figures JOIN metrics ON metrics.key = metric WHERE run = ? ORDER BY name',
    )
  }

  /** All curves of one state of the database, sampled here, so that no more crosses to a window than it can draw. */
  query(request: HistoryQuery): HistoryResult {
    const { runs, metrics, ...how } = historyQuerySchema.parse(request)
    const wanted = new Set(metrics)
    return this.#db.read('history', () => {
      const series: HistorySeries[] = []
      const unknown: string[] = []
      for (const id of new Set(runs)) {
        const run = this.#run.get(id)
        if (run === undefined) {
          unknown.push(id)
          continue
        }
        for (const metric of this.#metrics.all(run.key)) {
          if (wanted.size > 0 && !wanted.has(metric.name)) continue
          const sampled = sample(this.columns(run.key, metric.key), how)
          series.push({ run: id, metric: metric.name, sequence: run.sequence, ...sampled })
        }
      }
      return { series, unknown }
    })
  }

  /** A whole curve by its names; undefined where the run is unknown or has no such metric. */
  curve(id: string, metric: string): Columns | undefined {
    const run = this.#run.get(id)
    const found = run && this.#metrics.all(run.key).find(({ name }) => name === metric)
    return run && found ? this.columns(run.key, found.key) : undefined
  }

  /** A whole curve: what was read from files, overlaid with what came in live. */
  columns(run: number, metric: number): Columns {
    const parts = this.#parts.all(run, metric)
    const rows = this.#rows.all(run, metric)
    const [first] = parts
    if (first && parts.length === 1 && rows.length === 0) return decodeColumns(first)
    const builder = new ColumnBuilder()
    for (const part of parts) {
      const { steps, epochs, times, values } = decodeColumns(part)
      for (let i = 0; i < steps.length; i++)
        builder.add(steps[i] ?? 0, epochs[i] ?? -1, times[i] ?? 0, values[i] ?? NaN)
    }
    for (const [step, value, epoch, time] of rows) builder.add(step, epoch, time, value ?? NaN)
    return builder.finish()
  }
}

interface How {
  axis: 'step' | 'epoch' | 'time'
  range?: [number, number]
  buckets: number
  smoothing: number
}

function sample(
  columns: Columns,
  { axis, range, buckets, smoothing }: How,
): Pick<HistorySeries, 'points' | 'x' | 'y' | 'smooth'> {
  const xs =
    axis === 'step' ? columns.steps : ascending(axis === 'time' ? columns.times : Float64Array.from(columns.epochs))
  const ys = columns.values
  // Over everything that came before, not only over what is shown.
  const smoothed = smoothing > 0 ? smooth(ys, smoothing) : undefined
  const [from, to] = range ?? [xs[0] ?? 0, xs[xs.length - 1] ?? 0]
  const first = lowerBound(xs, from)
  const end = lowerBound(xs, to, true)
  const shown = xs.subarray(first, end)
  return {
    points: Math.max(0, end - first),
    ...minMax(shown, ys.subarray(first, end), buckets, from, to),
    ...(smoothed && { smooth: minMax(shown, smoothed.subarray(first, end), buckets, from, to) }),
  }
}

/** A clock that was set back while a run went on must not make its curve run backwards. */
function ascending(xs: Float64Array): Float64Array {
  const out = Float64Array.from(xs)
  for (let i = 1; i < out.length; i++) out[i] = Math.max(out[i] ?? 0, out[i - 1] ?? 0)
  return out
}

/** First place with x ≥ `value`, or > `value` with `after`. */
function lowerBound(xs: Float64Array, value: number, after = false): number {
  let low = 0
  let high = xs.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const x = xs[middle] ?? 0
    if (x < value || (after && x === value)) low = middle + 1
    else high = middle
  }
  return low
}

import type { Statement } from 'better-sqlite3'
import type { MetricBatch } from '../../shared/domain/metric'
import { AppError } from '../../shared/errors'
import { encodeColumns, PART_POINTS, sliceColumns, type Columns } from './columns'
import type { HistoryDatabase } from './database'

/** Figures of one metric of a run, without its curve. */
export interface Figure {
  name: string
  /** Value at the highest step; null is NaN. */
  last: number | null
  lowest: number | null
  highest: number | null
  /** Highest step. */
  step: number
  points: number
}

/** Metric points: appended in batches, each with a number of its own. */
export class MetricTable {
  readonly #db: HistoryDatabase
  readonly #names = new Map<string, number>()
  /** Rollbacks of the database when `names` was begun. */
  #namesOf = 0
  readonly #insertPoint: Statement<[number, number, number, number | null]>
  readonly #insertMoment: Statement<[number, number, number, number]>
  readonly #upsertFigure: Statement<[number, number, number, number | null, number | null, number | null, number]>
  readonly #figures: Statement<[number], Figure>
  readonly #count: Statement<[string], { key: number; sequence: number }>

  constructor(db: HistoryDatabase) {
    this.#db = db
    const { handle } = db
    this.#insertPoint = handle.prepare(
      `INSERT INTO points (run, metric, step, value) VALUES (?, ?, ?, ?)
       ON CONFLICT (run, metric, step) DO UPDATE SET value = excluded.value`,
    )
    this.#insertMoment = handle.prepare(
      `INSERT INTO moments (run, step, epoch, time) VALUES (?, ?, ?, ?)
       ON CONFLICT (run, step) DO UPDATE SET epoch = excluded.epoch, time = excluded.time`,
    )
    this.#upsertFigure = handle.prepare(
      `INSERT INTO figures (run, metric, step, last, lowest, highest, points) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (run, metric) DO UPDATE SET
         last = CASE WHEN excluded.step >= step THEN excluded.last ELSE last END,
         step = max(step, excluded.step),
         lowest = CASE WHEN lowest IS NULL OR excluded.lowest < lowest THEN excluded.lowest ELSE lowest END,
         highest = CASE WHEN highest IS NULL OR excluded.highest > highest THEN excluded.highest ELSE highest END,
         points = points + excluded.points`,
    )
    this.#figures = handle.prepare(
      'SELECT name, last, lowest, highest, step, points FROM figures JOIN metrics ON metrics.key = metric WHERE run = ? ORDER BY name',
    )
    this.#count = handle.prepare('UPDATE runs SET sequence = sequence + 1 WHERE id = ? RETURNING key, sequence')
  }

  /**
   * Writes batches of one run in one transaction and numbers them as one. A figure of a step that is there already is
   * replaced: a resumed run repeats the steps after its checkpoint.
   *
   * @returns the number: 1 more than that of the batch before, for every run by itself. Who reads a history and then gets
   * a batch whose number is not the next one has missed some and must ask again.
   * @throws AppError `not_found`, `unwritable`
   */
  append(runId: string, batches: readonly MetricBatch[]): number {
    return this.#db.write('append metrics', () => {
      const run = this.#count.get(runId)
      if (run === undefined) throw new AppError('not_found', `The history has no run with the id "${runId}"`)
      this.#insert(run.key, batches)
      return run.sequence
    })
  }

  /** Every point of a run anew, from its folder or an import. */
  replace(key: number, curves: ReadonlyMap<string, Columns>): void {
    this.#db.write('replace metrics', () => {
      for (const table of ['points', 'moments', 'figures', 'series'])
        this.#db.statement(`DELETE FROM ${table} WHERE run = ?`).run(key)
      this.#db.statement('UPDATE runs SET sequence = sequence + 1 WHERE key = ?').run(key)
      const insert = this.#db.statement(
        'INSERT INTO series (run, metric, part, points, steps, epochs, times, value) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      )
      for (const [name, columns] of curves) {
        const metric = this.#metric(name)
        const { steps, values } = columns
        for (let from = 0, part = 0; from < steps.length; from += PART_POINTS, part++) {
          const stored = encodeColumns(sliceColumns(columns, from, Math.min(steps.length, from + PART_POINTS)))
          insert.run(key, metric, part, stored.points, stored.steps, stored.epochs, stored.times, stored.value)
        }
        const sum = summary(steps, values)
        if (sum) this.#upsertFigure.run(key, metric, sum.step, sum.last, sum.lowest, sum.highest, sum.points)
      }
    })
  }

  figures(key: number): Figure[] {
    return this.#figures.all(key)
  }

  #insert(key: number, batches: Iterable<MetricBatch>): void {
    const sums = new Map<number, Sum>()
    for (const { epoch, step, time, values } of batches) {
      this.#insertMoment.run(key, step, epoch, Math.round(time))
      for (const [name, value] of Object.entries(values)) {
        const metric = this.#metric(name)
        // SQLite has no NaN: it would be kept as null anyway, and say so here.
        const stored = Number.isNaN(value) ? null : value
        this.#insertPoint.run(key, metric, step, stored)
        const sum = sums.get(metric)
        if (sum) sum.add(step, stored)
        else sums.set(metric, new Sum(step, stored))
      }
    }
    for (const [metric, { step, last, lowest, highest, points }] of sums)
      this.#upsertFigure.run(key, metric, step, last, lowest, highest, points)
  }

  #metric(name: string): number {
    if (this.#namesOf !== this.#db.rollbacks) this.#names.clear()
    this.#namesOf = this.#db.rollbacks
    const known = this.#names.get(name)
    if (known !== undefined) return known
    const { handle } = this.#db
    const found = handle.prepare<[string], { key: number }>('SELECT key FROM metrics WHERE name = ?').get(name)
    const key = found?.key ?? this.#db.statement('INSERT INTO metrics (name) VALUES (?)').run(name).lastInsertRowid
    this.#names.set(name, Number(key))
    return Number(key)
  }
}

function summary(steps: Float64Array, values: Float64Array): Sum | undefined {
  const stored = (i: number): number | null => {
    const value = values[i]
    return value === undefined || Number.isNaN(value) ? null : value
  }
  if (steps.length === 0) return undefined
  const sum = new Sum(steps[0] ?? 0, stored(0))
  for (let i = 1; i < steps.length; i++) sum.add(steps[i] ?? 0, stored(i))
  return sum
}

/** The figures of a batch's own points. */
class Sum {
  step: number
  last: number | null
  lowest: number | null
  highest: number | null
  points = 1

  constructor(step: number, value: number | null) {
    this.step = step
    this.last = this.lowest = this.highest = value
  }

  add(step: number, value: number | null): void {
    this.points++
    if (step >= this.step) {
      this.step = step
      this.last = value
    }
    if (value === null) return
    if (this.lowest === null || value < this.lowest) this.lowest = value
    if (this.highest === null || value > this.highest) this.highest = value
  }
}

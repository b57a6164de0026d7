import { AppError } from '../../shared/errors'
import type { RunStatus } from '../../shared/domain/lifecycle'
import type { HistoryDatabase } from './database'
import { compileFilter, type Condition } from './filter/compile'
import { Names, type Resolved } from './filter/names'
import { cellsSchema, type Cell } from './flatten'
import type { RunSource } from './runTable'

export interface ListRequest {
  /** See docs/history.md. */
  filter?: string
  /** Names, the first the most important; `-name` sorts downwards. Newest first by default. */
  sort?: string
  /** Only runs of this log folder; all by default. */
  logDir?: string
  /** Only these runs; all by default. */
  ids?: readonly string[]
  /** Only runs in the trash, or none of them. */
  trash?: boolean
  /** Runs whose folder is gone, too. */
  missing?: boolean
  limit?: number
  /** Parameters and metrics to read besides. */
  columns?: readonly string[]
  /** A column that no run has is null in every row instead of an error. */
  lenient?: boolean
  params?: 'all'
  metrics?: 'all'
  /** Each run.json as text. */
  records?: 'all'
}

export interface ListedRun {
  id: string
  exp_name: string
  exp_version: string
  status: RunStatus
  reason: string | null
  model_name: string
  dts_name: string
  created: number
  ended: number | null
  dir: string | null
  epochs: number
  source: RunSource
  starred: boolean
  note: string
  tags: string[]
  missing: boolean
  trashed: number | null
  /** run.json as text, where records were asked for. */
  record: string | null
  /** Last value of each metric that was asked for; NaN where it is none. */
  figures: Record<string, number>
  params: Record<string, Cell>
  /** The columns that were asked for, in their order. */
  cells: Cell[]
}

interface Base {
  key: number
  id: string
  exp_name: string
  exp_version: string
  status: RunStatus
  reason: string | null
  model_name: string
  dts_name: string
  created: number
  ended: number | null
  dir: string | null
  epochs: number
  source: RunSource
  starred: number
  note: string
  missing: number | null
  trashed: number | null
  /** Where records are asked for. */
  record?: string | null
  /** Where all parameters are asked for. */
  config?: string
}

const BASE = `r.key, r.id, e.name AS exp_name, r.exp_version, r.status, r.reason, r.model_name, r.dts_name, r.created, r.ended,
  r.dir, r.epochs, r.source, r.starred, r.note, r.missing, r.trashed`

/** Lists runs: filter, order and limit are the database's, and so are the cells. */
export class RunLister {
  readonly #db: HistoryDatabase
  readonly #names: Names

  constructor(db: HistoryDatabase) {
    this.#db = db
    this.#names = new Names(db)
  }

  /** @throws AppError `usage` for a filter, sort order or column that means nothing */
  list(request: ListRequest): { rows: ListedRun[]; total: number } {
    return this.#db.read('list runs', () => {
      const scope = this.#scope(request)
      const columns = (request.columns ?? []).map((name) => this.#column(name, request.lenient === true))
      const order = this.#order(request.sort)
      const cells = columns.map(({ sql }, i) => `${sql} AS c${i}`)
      // Records and configurations of ten thousand runs are many times as much text as the rest of a table.
      const whole = [
        ...(request.records === 'all' ? ['r.record'] : []),
        ...(request.params === 'all' ? ['r.config'] : []),
      ]
      const { handle } = this.#db
      const from = `FROM runs r JOIN experiments e ON e.key = r.experiment WHERE ${scope.sql}`
      const bases = handle
        .prepare<unknown[], Base & Record<string, Cell>>(
          `SELECT ${[BASE, ...whole, ...cells].join(', ')} ${from} ORDER BY ${order.sql} LIMIT ?`,
        )
        .all(...columns.flatMap(({ values }) => values), ...scope.values, ...order.values, request.limit ?? -1)
      const count = (): number | undefined =>
        handle
          .prepare<unknown[], number>(`SELECT count(*) ${from}`)
          .pluck()
          .get(...scope.values)
      const total = request.limit === undefined ? bases.length : (count() ?? 0)
      return { rows: this.#fill(bases, request, columns.length), total }
    })
  }

  #scope({ filter, logDir, ids, trash = false, missing = false }: ListRequest): Condition {
    const conditions: Condition[] = [{ sql: `r.trashed IS ${trash ? 'NOT ' : ''}NULL`, values: [] }]
    if (!missing) conditions.push({ sql: 'r.missing IS NULL', values: [] })
    if (logDir !== undefined) conditions.push({ sql: 'r.log_dir = ?', values: [logDir] })
    if (ids) conditions.push({ sql: 'r.id IN (SELECT value FROM json_each(?))', values: [JSON.stringify(ids)] })
    if (filter !== undefined && filter.trim() !== '') conditions.push(compileFilter(filter, this.#names))
    return {
      sql: conditions.map(({ sql }) => sql).join(' AND '),
      values: conditions.flatMap(({ values }) => values),
    }
  }

  #order(sort: string | undefined): Condition {
    const newest = { sql: 'r.created DESC, r.key DESC', values: [] }
    if (sort === undefined || sort.trim() === '') return newest
    const parts = sort.split(',').map((part) => {
      const down = part.trim().startsWith('-')
      const { sql, values } = valueOf(this.#resolve(part.trim().replace(/^[-+]/, ''), 'sort'))
      // Runs without a value stand last in either direction.
      return { sql: `${sql} ${down ? 'DESC' : 'ASC'} NULLS LAST`, values }
    })
    return {
      sql: [...parts.map(({ sql }) => sql), newest.sql].join(', '),
      values: parts.flatMap(({ values }) => values),
    }
  }

  #column(name: string, lenient: boolean): Condition {
    if (lenient && typeof this.#names.resolve(name) === 'string') return { sql: 'NULL', values: [] }
    return valueOf(this.#resolve(name, 'columns'))
  }

  #resolve(name: string, where: 'columns' | 'sort'): Resolved {
    const found = this.#names.resolve(name)
    if (typeof found !== 'string') return found
    throw new AppError('usage', `--${where}: ${found}`, {
      fix: '`delta runs list --columns all` shows the names of all.',
    })
  }

  #fill(bases: readonly (Base & Record<string, Cell>)[], request: ListRequest, columns: number): ListedRun[] {
    const rows = new Map<number, ListedRun>()
    for (const { key, starred, missing, ...base } of bases) {
      const cells = Array.from({ length: columns }, (_, i) => base[`c${i}`] ?? null)
      const { id, exp_name, exp_version, status, reason, model_name, dts_name, created, ended, dir } = base
      const params = base.config === undefined ? {} : parseCells(base.config)
      const { epochs, source, note, trashed, record = null } = base
      const names = { id, exp_name, exp_version, status, reason, model_name, dts_name, created, ended, dir }
      const rest = { epochs, source, note, trashed, record, starred: starred === 1, missing: missing !== null }
      rows.set(key, { ...names, ...rest, tags: [], figures: {}, params, cells })
    }
    const keys = JSON.stringify([...rows.keys()])
    const { handle } = this.#db
    const chosen = 'run IN (SELECT value FROM json_each(?))'
    for (const [run, tag] of handle
      .prepare<[string], [number, string]>(`SELECT run, tag FROM tags WHERE ${chosen} ORDER BY tag`)
      .raw()
      .iterate(keys))
      rows.get(run)?.tags.push(tag)
    if (request.metrics === 'all') {
      for (const [run, name, last] of handle
        .prepare<[string], [number, string, number | null]>(
          `SELECT run, name, last FROM figures JOIN metrics ON metrics.key = metric WHERE ${chosen} ORDER BY run, metric`,
        )
        .raw()
        .iterate(keys)) {
        const row = rows.get(run)
        if (row) row.figures[name] = last ?? NaN
      }
    }
    return [...rows.values()]
  }
}

/** Written by `flatJson`, and checked because a file from elsewhere may hold anything. */
function parseCells(config: string): Record<string, Cell> {
  return cellsSchema.safeParse(JSON.parse(config)).data ?? {}
}

/** The value of a name for one run, as SQL. */
function valueOf(what: Resolved): Condition {
  switch (what.kind) {
    case 'column':
      return { sql: what.column, values: [] }
    case 'tag':
      return { sql: "(SELECT group_concat(tag, ', ') FROM tags WHERE run = r.key)", values: [] }
    case 'metric':
      return {
        sql: `(SELECT ${what.figure} FROM figures WHERE run = r.key AND metric = (SELECT key FROM metrics WHERE name = ?))`,
        values: [what.name],
      }
    case 'param':
    case 'environment': {
      const table = what.kind === 'param' ? 'params' : 'environment'
      const value = "CASE type WHEN 'number' THEN number ELSE text END"
      return { sql: `(SELECT ${value} FROM ${table} WHERE run = r.key AND name = ?)`, values: [what.name] }
    }
  }
}

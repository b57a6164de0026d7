import { BY_TIME, BY_USER, type ColumnInfo, type SplitTask } from '../../shared/domain/preparation'
import type { UserId } from '../../shared/domain/dataset'
import { AppError } from '../../shared/errors'
import { TEXT_COLUMNS, USER_COLUMN, indexColumn } from '../data/features'
import type { FrameBatch } from '../data/frame'
import { UserRegistry } from '../data/registry'
import { ColumnTyper } from './columnTypes'
import { PairCodes } from './overlaps'
import { BatchColumns, DropLog, isFault, pairRow, requireColumns, type RowFault } from './pairRows'
import { readPairs, type PassOptions } from './readPairs'
import { Codes, Numbers } from './textCodes'

/** Everything that dealing rows to splits needs of them, as numbers: about 40 bytes a row. */
export interface Scan {
  /** Rows of the file, unusable ones included. */
  rows: number
  pairs: PairCodes
  users: readonly UserId[]
  texts: number
  /** [pairs] value of every column of `by` but `user` and `time`. */
  groups: Record<string, Int32Array>
  /** [pairs] combination of the `stratify` columns; null without them. */
  strata: Int32Array | null
  /** [pairs] milliseconds, or the column's own unit; null unless cut by time. */
  times: Float64Array | null
  columns: ColumnInfo[]
  dropped: DropLog
  /** Rows of the file that cannot be used. */
  faults: Map<number, RowFault>
  notes: string[]
}

/** Columns by which rows are kept together. */
export const groupColumns = (task: SplitTask): string[] =>
  task.by.filter((name) => name !== BY_USER && name !== BY_TIME && name !== task.user)

export const setsUsersAside = ({ by, user }: SplitTask): boolean => by.includes(BY_USER) || by.includes(user)

/** Reads the file once and numbers what it holds. */
export async function scan(task: SplitTask, options: PassOptions): Promise<Scan> {
  const groups = groupColumns(task)
  const strata = task.stratify.map((name) => (name === BY_USER ? task.user : name))
  const byTime = task.by.includes(BY_TIME)
  const wanted = [task.user, ...TEXT_COLUMNS, ...groups, ...strata, ...(byTime ? [task.time] : [])]

  const users = new UserRegistry()
  const texts = new Codes()
  const pairs = new PairCodes()
  const typers = new Map<string, ColumnTyper>()
  const groupCodes = groups.map(() => ({ codes: new Codes(), values: new Numbers() }))
  const strataCodes = { codes: new Codes(), tuples: new Codes(), values: new Numbers() }
  const times: number[] = []
  const dropped = new DropLog()
  const faults = new Map<number, RowFault>()
  let rows = 0
  let checked = false

  const drop = (row: number, fault: RowFault): void => {
    faults.set(row, fault)
    dropped.add(row, fault)
  }
  const addRow = (columns: BatchColumns, i: number): void => {
    const row = columns.batch.firstRow + i
    const pair = pairRow(columns, i, task.user)
    if (isFault(pair)) return drop(row, pair)
    const values = [...groups, ...strata].map((name) => ({ name, value: columns.at(name, i) }))
    const gap = values.find(({ value }) => value === null || value === undefined || Number.isNaN(value))
    if (gap) return drop(row, { reason: 'value_missing', column: gap.name })
    const nested = values.find(({ value }) => typeof value === 'object' && !(value instanceof Date))
    if (nested) return drop(row, { reason: 'value_invalid', column: nested.name })
    if (byTime) {
      const time = timeOf(columns.at(task.time, i))
      if (time === undefined) return drop(row, { reason: 'time_invalid', column: task.time })
      times.push(time)
    }
    pairs.push(users.codeOf(pair.user), texts.text(pair.prompt), texts.text(pair.chosen), texts.text(pair.rejected))
    for (const [g, { codes, values: out }] of groupCodes.entries()) out.push(codes.value(values[g]!.value))
    if (strata.length > 0) {
      const parts = values.slice(groups.length).map(({ value }) => strataCodes.codes.value(value))
      strataCodes.values.push(strataCodes.tuples.tuple(...parts))
    }
    for (const [name, typer] of typers) typer.add(columns.at(name, i))
  }

  await readPairs(task.input, {
    ...options,
    verb: 'read',
    onBatch: (batch: FrameBatch) => {
      if (!checked) requireColumns(task.input, batch.columns, wanted)
      checked = true
      for (const name of batch.columns) if (!typers.has(name)) typers.set(name, new ColumnTyper())
      const columns = new BatchColumns(batch)
      for (let i = 0; i < batch.rows; i++) addRow(columns, i)
      rows += batch.rows
    },
    onMalformed: (row) => {
      rows++
      faults.set(row, { reason: 'row_malformed', column: '' })
      dropped.add(row, { reason: 'row_malformed' })
    },
  })
  if (pairs.rows === 0)
    throw new AppError('data_invalid', `None of the ${rows} rows of the file can be used`, {
      file: task.input,
      findings: dropped.list().map(({ message, rows: n }) => `${n} rows: ${message}`),
      fix: 'Every row needs a user and the texts prompt, chosen and rejected.',
    })
  const { columns, notes } = outputColumns(task, typers)
  return {
    rows,
    pairs,
    users: users.ids,
    texts: texts.size,
    groups: Object.fromEntries(groups.map((name, g) => [name, groupCodes[g]!.values.values])),
    strata: strata.length > 0 ? strataCodes.values.values : null,
    times: byTime ? Float64Array.from(times) : null,
    columns,
    dropped,
    faults,
    notes,
  }
}

/** A number of any unit, or a date as text; undefined for anything else. */
function timeOf(value: unknown): number | undefined {
  const time =
    value instanceof Date
      ? value.getTime()
      : typeof value === 'bigint'
        ? Number(value)
        : typeof value === 'string'
          ? Date.parse(value)
          : value
  return typeof time === 'number' && Number.isFinite(time) ? time : undefined
}

/** Where a column of the input that the output needs for itself is kept. */
export const ORIGINAL_USER = 'u_id_original'

/** u_id first, all columns of the input, and the new index columns last. */
function outputColumns(
  task: SplitTask,
  typers: ReadonlyMap<string, ColumnTyper>,
): { columns: ColumnInfo[]; notes: string[] } {
  const notes: string[] = []
  const indices = TEXT_COLUMNS.map(indexColumn)
  const stale = indices.filter((name) => typers.has(name))
  if (stale.length > 0) notes.push(`${stale.join(', ')} of the input counted rows of other files and are made anew`)
  const renamed = task.user !== USER_COLUMN && typers.has(USER_COLUMN)
  if (renamed) notes.push(`u_id is made of ${task.user}; the input's own u_id is kept as ${ORIGINAL_USER}`)
  const columns: ColumnInfo[] = [{ name: USER_COLUMN, type: typers.get(task.user)!.type }]
  for (const [name, typer] of typers) {
    if (indices.includes(name) || (name === USER_COLUMN && !renamed)) continue
    columns.push({ name: name === USER_COLUMN ? ORIGINAL_USER : name, type: typer.type })
    if (typer.type === 'json') notes.push(`${name} holds lists or objects: Parquet files keep them as JSON text`)
  }
  if (task.format === 'parquet' && columns[0]!.type === 'text' && typers.get(task.user)!.mixed)
    throw new AppError('data_invalid', `${task.user} holds numbers and texts; a Parquet column has one type`, {
      file: task.input,
      column: task.user,
      fix: 'Write JSON Lines with --format jsonl, or make the users all texts.',
    })
  return { columns: [...columns, ...indices.map((name) => ({ name, type: 'integer' as const }))], notes }
}

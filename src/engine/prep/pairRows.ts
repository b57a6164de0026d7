import type { UserId } from '../../shared/domain/dataset'
import type { Dropped } from '../../shared/domain/preparation'
import { didYouMean } from '../../shared/config/nearest'
import { AppError } from '../../shared/errors'
import { TEXT_COLUMNS } from '../data/features'
import type { FrameBatch } from '../data/frame'
import { toIdentifier } from '../data/values'

/** A usable row: its user and its three texts. */
export interface PairRow {
  readonly user: UserId
  readonly prompt: string
  readonly chosen: string
  readonly rejected: string
}

/** Why a row cannot be used. */
export interface RowFault {
  readonly reason: Dropped['reason']
  readonly column: string
}

/** Column access to one batch, fetched once a column. */
export class BatchColumns {
  readonly batch: FrameBatch
  readonly #columns = new Map<string, ArrayLike<unknown>>()
  readonly #names: ReadonlySet<string>

  constructor(batch: FrameBatch) {
    this.batch = batch
    this.#names = new Set(batch.columns)
  }

  at(column: string, i: number): unknown {
    if (!this.#names.has(column)) return undefined
    let values = this.#columns.get(column)
    if (!values) this.#columns.set(column, (values = this.batch.values(column)))
    return values[i]
  }
}

/** Row `i` of a batch as a judgment, or what it lacks. */
export function pairRow(columns: BatchColumns, i: number, userColumn: string): PairRow | RowFault {
  const user = toIdentifier(columns.at(userColumn, i))
  if (user.fault) return { reason: user.fault === 'missing' ? 'value_missing' : 'value_invalid', column: userColumn }
  const texts: string[] = []
  for (const column of TEXT_COLUMNS) {
    const text = columns.at(column, i)
    if (typeof text !== 'string')
      return { reason: text === null || text === undefined ? 'value_missing' : 'value_invalid', column }
    texts.push(text)
  }
  const [prompt, chosen, rejected] = texts
  return { user: user.value, prompt: prompt!, chosen: chosen!, rejected: rejected! }
}

export const isFault = (row: PairRow | RowFault): row is RowFault => 'reason' in row

/** @throws AppError `config_invalid` that names the nearest column of the file */
export function requireColumns(file: string, columns: readonly string[], wanted: readonly string[]): void {
  const missing = wanted.filter((name) => !columns.includes(name))
  const [first] = missing
  if (first === undefined) return
  throw new AppError(
    'config_invalid',
    missing.length === 1
      ? `The file has no column "${first}".${didYouMean(first, columns)}`
      : `The file has no columns ${missing.map((name) => `"${name}"`).join(', ')}`,
    { file, column: first, fix: `Its columns: ${columns.join(', ').slice(0, 400) || 'none'}.` },
  )
}

/** For a step that can do nothing without a row. */
export function noRows(file: string): AppError {
  return new AppError('data_invalid', 'No row of the file can be read', {
    file,
    fix: 'Write one JSON object on each line, in UTF-8; `delta data preview` shows what is there.',
  })
}

const MESSAGES: Record<Dropped['reason'], string> = {
  row_malformed: 'the line is no JSON object in UTF-8',
  value_missing: 'a value is missing',
  value_invalid: 'a value has the wrong type',
  time_invalid: 'the time is neither a number nor a date',
  unseen_user_elsewhere: 'an unseen user judges something that train or dev asks as well',
  duplicate: 'an earlier row has the same user, prompt, chosen and rejected',
  conflict: 'the user also judges this pair the other way round',
}

/** Counts dropped rows by reason and column. */
export class DropLog {
  readonly #found = new Map<string, Dropped>()

  add(row: number, { reason, column }: { reason: Dropped['reason']; column?: string }): void {
    const key = `${reason}\0${column}`
    const known = this.#found.get(key)
    if (known) known.rows++
    else {
      const message = column === undefined ? MESSAGES[reason] : `${column}: ${MESSAGES[reason]}`
      this.#found.set(key, { reason, ...(column !== undefined && { column }), rows: 1, firstRow: row, message })
    }
  }

  list(): Dropped[] {
    return [...this.#found.values()].sort((a, b) => b.rows - a.rows)
  }

  get rows(): number {
    return this.list().reduce((sum, { rows }) => sum + rows, 0)
  }
}

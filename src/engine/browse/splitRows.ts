import type { SplitName, UserId } from '../../shared/domain/dataset'
import { ID_COLUMN, indexColumn, TEXT_COLUMNS, USER_COLUMN } from '../data/features'
import type { FrameBatch } from '../data/frame'
import { toIdentifier } from '../data/values'
import { BatchColumns } from '../prep/pairRows'
import { PairCodes } from '../prep/overlaps'
import { Column } from './column'
import type { TextPool } from './textPool'

/** More columns than anybody looks at; further ones are counted. */
const MOST_COLUMNS = 200

/** What all splits of a data set number together. */
export interface SharedCodes {
  readonly pool: TextPool
  userOf(id: UserId): number
}

/** One split's rows, column by column, as far as they have been read. */
export class SplitRows {
  readonly split: SplitName
  /** The usual columns first, then the others in the order of the file. */
  readonly columns: Column[] = []
  /** By row: the user and texts of a usable one, -1 in all four otherwise. */
  readonly pairs = new PairCodes()
  /** Why a row cannot be read, by row. */
  readonly malformed = new Map<number, string>()
  rows = 0
  complete = false
  /** The last row that cannot be read. */
  #last = -1
  readonly #shared: SharedCodes
  readonly #byName = new Map<string, Column>()
  readonly #beyond = new Set<string>()

  constructor(split: SplitName, shared: SharedCodes) {
    this.split = split
    this.#shared = shared
  }

  get moreColumns(): number {
    return this.#beyond.size
  }

  column(name: string): Column | undefined {
    return this.#byName.get(name)
  }

  add(batch: FrameBatch): void {
    this.#padTo(batch.firstRow)
    const values = new BatchColumns(batch)
    for (const name of order(batch.columns)) {
      const column = this.#open(name)
      if (!column) continue
      column.padTo(batch.firstRow)
      for (let i = 0; i < batch.rows; i++) column.push(values.at(name, i))
    }
    for (let i = 0; i < batch.rows; i++) this.#addPair(values, i)
    this.rows = batch.firstRow + batch.rows
    this.#padTo(this.rows)
  }

  addMalformed(row: number, reason: string): void {
    this.malformed.set(row, this.malformed.size < MOST_REASONS ? reason : 'the line cannot be read')
    // The rows before it may still be on their way: it gets its place with those after it.
    this.#last = Math.max(this.#last, row)
  }

  /** All rows are there. */
  finish(): void {
    this.#padTo(this.#last + 1)
    this.complete = true
  }

  /** Whether row has a user and its three texts. */
  isUsable(row: number): boolean {
    return this.pairs.users.at(row) >= 0
  }

  #open(name: string): Column | undefined {
    const known = this.#byName.get(name)
    if (known) return known
    if (this.columns.length >= MOST_COLUMNS) {
      this.#beyond.add(name)
      return undefined
    }
    const column = new Column(name, this.#shared.pool)
    this.#byName.set(name, column)
    this.columns.push(column)
    return column
  }

  #addPair(values: BatchColumns, i: number): void {
    const user = toIdentifier(values.at(USER_COLUMN, i))
    const codes: number[] = []
    for (const name of TEXT_COLUMNS) {
      const text = values.at(name, i)
      if (typeof text === 'string') codes.push(this.#shared.pool.add(text))
    }
    if (user.fault || codes.length < TEXT_COLUMNS.length) this.pairs.push(-1, -1, -1, -1)
    else this.pairs.push(this.#shared.userOf(user.value), codes[0]!, codes[1]!, codes[2]!)
  }

  #padTo(rows: number): void {
    for (const column of this.columns) column.padTo(rows)
    while (this.pairs.rows < rows) this.pairs.push(-1, -1, -1, -1)
    this.rows = Math.max(this.rows, rows)
  }
}

/** Reasons kept in full. */
const MOST_REASONS = 10_000

const FIRST: readonly string[] = [USER_COLUMN, ID_COLUMN, ...TEXT_COLUMNS]
const LAST: readonly string[] = TEXT_COLUMNS.map(indexColumn)

function order(columns: readonly string[]): string[] {
  const others = columns.filter((name) => !FIRST.includes(name) && !LAST.includes(name))
  return [...FIRST, ...others, ...LAST].filter((name) => columns.includes(name))
}

import type { z } from 'zod'
import type { Work } from '../../shared/api/engineProtocol'
import {
  CELL_CHARACTERS,
  MOST_CHARACTERS_SHOWN,
  type BrowseAnswer,
  type browsedSplitSchema,
  type BrowseQuery,
  type RowPage,
  type WholeRow,
} from '../../shared/domain/browse'
import { AppError } from '../../shared/errors'
import { UserRegistry } from '../data/registry'
import { readPairs } from '../prep/readPairs'
import { Relations } from './relations'
import { selectRows, type Selection } from './select'
import { SplitRows } from './splitRows'
import { TextPool } from './textPool'

type RowsQuery = Extract<BrowseQuery, { type: 'rows' }>

/** Selections whose rows are kept: a person goes back and forth between a few. */
const MOST_SELECTIONS = 8
/** How long a search works before it looks whether it is still wanted. */
const TURN_MS = 8

/**
 * A data set held for looking at it. It answers while it still reads: unfiltered rows as far as they have come, anything else once the
 * split is complete.
 */
export class BrowseSession {
  readonly #pool = new TextPool()
  readonly #users = new UserRegistry()
  readonly #splits: SplitRows[]
  readonly #files: readonly z.infer<typeof browsedSplitSchema>[]
  readonly #read = new Map<SplitRows, Promise<void>>()
  readonly #selections = new Map<string, Promise<Int32Array>>()
  readonly #wanted = new Map<string, string>()
  readonly #arrivals: (() => void)[] = []
  #relations: Relations | undefined

  constructor(files: readonly z.infer<typeof browsedSplitSchema>[]) {
    this.#files = files
    const shared = { pool: this.#pool, userOf: (id: number | string) => this.#users.codeOf(id) }
    this.#splits = files.map(({ split }) => new SplitRows(split, shared))
  }

  /** Reads all splits, one after the other. Resolves when all are there, or could not be read. */
  async open(onWork: (work: Work) => void, signal: AbortSignal): Promise<void> {
    let before: Promise<void> = Promise.resolve()
    for (const [i, { file }] of this.#files.entries()) {
      const rows = this.#splits[i]!
      before = before
        .catch(() => {})
        .then(() =>
          readPairs(file, {
            signal,
            onWork,
            verb: `read of ${rows.split}`,
            onBatch: (batch) => {
              rows.add(batch)
              this.#tellArrivals()
            },
            onMalformed: (row, reason) => rows.addMalformed(row, reason),
          }),
        )
        .then(() => rows.finish())
      // Its failure is told to whoever asks for the split.
      before.catch(() => {})
      this.#read.set(rows, before)
    }
    await before.catch(() => {})
  }

  close(): void {
    this.#pool.close()
  }

  async answer(query: BrowseQuery): Promise<BrowseAnswer> {
    try {
      if (query.type === 'row') return { type: 'row', row: await this.#row(query) }
      return { type: 'page', page: await this.#page(query) }
    } catch (thrown) {
      return { type: 'error', error: AppError.from(thrown).toJSON() }
    }
  }

  async #page(query: RowsQuery): Promise<RowPage> {
    const rows = this.#split(query.split)
    const { search, filters, sort, split, view, offset, limit } = query
    const plain = search === '' && filters.length === 0 && sort === null
    const key = JSON.stringify([split, search, filters, sort])
    this.#wanted.set(view, key)
    if (plain) {
      if (rows.rows === 0) await Promise.race([this.#read.get(rows), this.#arrival()])
      if (rows.rows === 0) await this.#read.get(rows)
      const total = rows.rows
      const numbers = Array.from({ length: Math.max(0, Math.min(limit, total - offset)) }, (_, i) => offset + i)
      return this.#pageOf(rows, numbers, total)
    }
    await this.#read.get(rows)
    const found = await this.#select(key, rows, { search, filters, sort }, () => this.#wanted.get(view) === key)
    return this.#pageOf(rows, found.subarray(offset, offset + limit), found.length)
  }

  #select(key: string, rows: SplitRows, selection: Selection, isWanted: () => boolean): Promise<Int32Array> {
    const known = this.#selections.get(key)
    if (known) {
      // The newest is the last one to go.
      this.#selections.delete(key)
      this.#selections.set(key, known)
      return known
    }
    let turn = performance.now()
    const pause = async (): Promise<void> => {
      if (performance.now() - turn < TURN_MS) return
      await new Promise(setImmediate)
      turn = performance.now()
      if (!isWanted()) throw new AppError('stopped', 'Another selection has taken its place')
    }
    const relations = (): Relations => this.#relate()
    const found = this.#allRead().then(() => selectRows(selection, { rows, pool: this.#pool, relations, pause }))
    this.#selections.set(key, found)
    found.catch(() => this.#selections.delete(key))
    const [oldest] = this.#selections.keys()
    if (this.#selections.size > MOST_SELECTIONS && oldest !== undefined) this.#selections.delete(oldest)
    return found
  }

  /** The next rows of any split. */
  #arrival(): Promise<void> {
    return new Promise((resolve) => this.#arrivals.push(resolve))
  }

  #tellArrivals(): void {
    for (const tell of this.#arrivals.splice(0)) tell()
  }

  /** Masks over texts need all of them to be numbered. */
  async #allRead(): Promise<void> {
    await Promise.allSettled(this.#read.values())
  }

  #relate(): Relations {
    this.#relations ??= new Relations(this.#splits, this.#users.ids.length, this.#pool.size)
    return this.#relations
  }

  #pageOf(rows: SplitRows, numbers: Iterable<number>, total: number): RowPage {
    return {
      columns: rows.columns.map(({ name, kind }) => ({ name, kind })),
      moreColumns: rows.moreColumns,
      total,
      of: rows.rows,
      reading: !rows.complete,
      rows: Array.from(numbers, (row) => {
        const fault = rows.malformed.get(row)
        return {
          row,
          cells: rows.columns.map((column) => column.cell(row, CELL_CHARACTERS)),
          ...(fault !== undefined && { fault }),
        }
      }),
    }
  }

  async #row({ split, row }: Extract<BrowseQuery, { type: 'row' }>): Promise<WholeRow> {
    const rows = this.#split(split)
    if (row >= rows.rows) await this.#read.get(rows)
    if (row >= rows.rows) throw new AppError('usage', `${split} has ${rows.rows} rows; there is no row ${row}`, { row })
    const fault = rows.malformed.get(row)
    return {
      row,
      ...(fault !== undefined && { fault }),
      values: rows.columns.map((column) => {
        const code = column.code(row)
        return {
          column: column.name,
          value: column.cell(row, MOST_CHARACTERS_SHOWN),
          ...(code >= 0 && { characters: this.#pool.characters.at(code), words: this.#pool.words.at(code) }),
        }
      }),
    }
  }

  #split(name: string): SplitRows {
    const rows = this.#splits.find(({ split }) => split === name)
    if (rows) return rows
    throw new AppError('usage', `The data set has no split ${name}`, { key: 'split' })
  }
}

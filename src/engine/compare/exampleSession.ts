import {
  LONGEST_EXAMPLE,
  type Agreement,
  type AgreementCell,
  type ExamplePage,
  type ExamplePair,
  type ExamplesAnswer,
  type ExamplesFiles,
  type ExamplesQuestion,
} from '../../shared/domain/examples'
import type { CellCounts } from '../../shared/domain/compare'
import { AppError } from '../../shared/errors'
import { TextPool } from '../browse/textPool'
import { ID_COLUMN, TEXT_COLUMNS, USER_COLUMN } from '../data/features'
import { readFrame } from '../data/frame'
import { alignPairs } from './alignPairs'
import { readPredictions } from './readPredictions'

type PairsQuestion = Extract<ExamplesQuestion, { type: 'pairs' }>

/** The pairs that both runs have predicted. [pairs] each */
interface Aligned {
  users: readonly string[]
  ids: readonly string[]
  /** Probabilities of the chosen answer. */
  a: Float64Array
  b: Float64Array
  cells: readonly AgreementCell[]
  /** Rows of the pairs file; -1 where it has none. */
  rows: Int32Array
  unpaired: { a: number; b: number }
}

/** Two runs' predictions of one split held beside each other, with the texts of the pairs where these may be shown. */
export class ExampleSession {
  readonly #pairs: Aligned
  readonly #texts: Texts | undefined

  private constructor(pairs: Aligned, texts: Texts | undefined) {
    this.#pairs = pairs
    this.#texts = texts
  }

  /** @throws AppError of the files, `stopped` */
  static async open(files: ExamplesFiles, signal: AbortSignal): Promise<ExampleSession> {
    const [a, b] = [await readPredictions(files.a, signal), await readPredictions(files.b, signal)]
    const [rowsA = new Int32Array(), rowsB = new Int32Array()] = alignPairs([a, b])
    const texts = files.pairs === undefined ? undefined : await Texts.read(files.pairs, signal)
    const own = { users: pick(a.users, rowsA).map(String), ids: pick(a.ids, rowsA).map(String) }
    const probability = (z: number): number => 1 / (1 + Math.exp(-z))
    const pairs: Aligned = {
      ...own,
      a: Float64Array.from(rowsA, (row) => probability(a.margins[row]!)),
      b: Float64Array.from(rowsB, (row) => probability(b.margins[row]!)),
      cells: Array.from(rowsA, (row, pair) => cellOf(a.right[row]! === 1, b.right[rowsB[pair]!]! === 1)),
      rows: rowsOfFile(own, texts),
      unpaired: { a: a.users.length - rowsA.length, b: b.users.length - rowsB.length },
    }
    return new ExampleSession(pairs, texts)
  }

  close(): void {
    this.#texts?.close()
  }

  answer(question: ExamplesQuestion): ExamplesAnswer {
    try {
      if (question.type === 'agreement') return { type: 'agreement', agreement: this.#agreement() }
      return { type: 'pairs', page: this.#page(question) }
    } catch (thrown) {
      return { type: 'error', error: AppError.from(thrown).toJSON() }
    }
  }

  #agreement(): Agreement {
    const { users: all, cells, unpaired } = this.#pairs
    const users = new Map<string, Agreement['users'][number]>()
    for (const [pair, user] of all.entries()) {
      const row = users.get(user) ?? { user, pairs: 0, right_a: 0, right_b: 0 }
      users.set(user, row)
      const cell = cells[pair]
      row.pairs++
      if (cell === 'both' || cell === 'only_a') row.right_a++
      if (cell === 'both' || cell === 'only_b') row.right_b++
    }
    return { pairs: all.length, unpaired, cells: countCells(cells), users: [...users.values()] }
  }

  #page({ cell, user, order, offset, limit }: PairsQuestion): ExamplePage {
    const { users, cells, a, b } = this.#pairs
    const ofUser = [...users.keys()].filter((pair) => user === null || users[pair] === user)
    const found = ofUser.filter((pair) => cell === null || cells[pair] === cell)
    // Equal ones stay in the order of the data.
    if (order === 'disagreement')
      found.sort((one, other) => Math.abs(a[other]! - b[other]!) - Math.abs(a[one]! - b[one]!) || one - other)
    return {
      total: found.length,
      cells: countCells(ofUser.map((pair) => cells[pair]!)),
      rows: found.slice(offset, offset + limit).map((pair) => this.#pair(pair)),
    }
  }

  #pair(pair: number): ExamplePair {
    const { users, ids, a, b, cells, rows } = this.#pairs
    return {
      user: users[pair]!,
      id: ids[pair]!,
      cell: cells[pair]!,
      p: { a: a[pair]!, b: b[pair]! },
      texts: this.#texts?.of(rows[pair]!) ?? null,
    }
  }
}

/** The pairs of a data file: whose they are, and their texts as numbers of a pool. */
class Texts {
  readonly users: string[] = []
  readonly ids: string[] = []
  readonly #pool = new TextPool()
  readonly #codes = TEXT_COLUMNS.map((): number[] => [])

  static async read(file: string, signal: AbortSignal): Promise<Texts> {
    const texts = new Texts()
    let columns: readonly string[] = []
    await readFrame(file, {
      signal,
      select: (names) => {
        columns = names
        const has = (name: string): boolean => names.includes(name)
        return { values: [USER_COLUMN, ID_COLUMN].filter(has), texts: TEXT_COLUMNS.filter(has) }
      },
      encodeText: (text) => texts.#pool.add(text),
      onBatch: (batch) => {
        const [users, ids] = [USER_COLUMN, ID_COLUMN].map((name) =>
          columns.includes(name) ? batch.values(name) : undefined,
        )
        for (let row = 0; row < batch.rows; row++) {
          texts.users.push(String(users?.[row]))
          // Without ids of their own, pairs are known by their rows.
          texts.ids.push(ids ? String(ids[row]) : String(batch.firstRow + row))
        }
        for (const [at, name] of TEXT_COLUMNS.entries())
          texts.#codes[at]!.push(...(columns.includes(name) ? batch.texts(name) : new Int32Array(batch.rows).fill(-1)))
      },
      onMalformed: () => {},
    })
    return texts
  }

  /** Null for a row that the file does not have, or whose texts it lacks. */
  of(row: number): ExamplePair['texts'] {
    const [prompt = '', chosen = '', rejected = ''] = this.#codes.map((codes) => {
      const code = codes[row] ?? -1
      return code < 0 ? undefined : this.#pool.get(code, LONGEST_EXAMPLE)
    })
    return prompt === '' && chosen === '' && rejected === '' ? null : { prompt, chosen, rejected }
  }

  close(): void {
    this.#pool.close()
  }
}

/** Where each pair stands in the file: its predictions may be of another form (numbers as texts), so that both are compared as texts. */
function rowsOfFile(pairs: { users: readonly string[]; ids: readonly string[] }, texts: Texts | undefined): Int32Array {
  const rows = new Int32Array(pairs.users.length).fill(-1)
  if (!texts) return rows
  const [own = [], file = []] = alignPairs([pairs, texts])
  for (const [at, pair] of own.entries()) rows[pair] = file[at]!
  return rows
}

function pick<T>(values: readonly T[], rows: Int32Array): T[] {
  return Array.from(rows, (row) => values[row]!)
}

function cellOf(a: boolean, b: boolean): AgreementCell {
  if (a) return b ? 'both' : 'only_a'
  return b ? 'only_b' : 'neither'
}

function countCells(cells: readonly AgreementCell[]): CellCounts {
  const counts = { both: 0, only_a: 0, only_b: 0, neither: 0 }
  for (const cell of cells) counts[cell]++
  return counts
}

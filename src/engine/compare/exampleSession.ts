import {
  LONGEST_EXAMPLE,
  type Agreement,
  type ExamplePage,
  type ExamplePair,
  type ExamplesAnswer,
  type ExamplesFiles,
  type ExamplesQuestion,
  type Pattern,
  type PatternCounts,
} from '../../shared/domain/examples'
import type { UserId } from '../../shared/domain/dataset'
import { AppError } from '../../shared/errors'
import { TextPool } from '../browse/textPool'
import { ID_COLUMN, TEXT_COLUMNS, USER_COLUMN } from '../data/features'
import { readFrame } from '../data/frame'
import { alignPairs } from './alignPairs'
import { readPredictions } from './readPredictions'

type PairsQuestion = Extract<ExamplesQuestion, { type: 'pairs' }>

/** The pairs that all runs have predicted. [pairs] each */
interface Aligned {
  users: readonly string[]
  ids: readonly string[]
  /** Of each run, the probabilities of the chosen answer. [runs][pairs] */
  probabilities: readonly Float64Array[]
  /** Bit r is set where run r is right. */
  right: Uint16Array
  /** Between the lowest and the highest probability. */
  apart: Float64Array
  /** Rows of the pairs file; -1 where it has none. */
  rows: Int32Array
  /** [runs] */
  unpaired: number[]
}

/** Runs' predictions of one split held beside each other, with the texts of the pairs where these may be shown. */
export class ExampleSession {
  readonly #pairs: Aligned
  readonly #texts: Texts | undefined

  private constructor(pairs: Aligned, texts: Texts | undefined) {
    this.#pairs = pairs
    this.#texts = texts
  }

  /** @throws AppError of the files, `stopped` */
  static async open(files: ExamplesFiles, signal: AbortSignal): Promise<ExampleSession> {
    const read = await readBeside(files.runs, signal)
    const texts = files.pairs === undefined ? undefined : await Texts.read(files.pairs, signal)
    return new ExampleSession({ ...read, rows: rowsOfFile(read, texts) }, texts)
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
    const { users: all, right, unpaired, probabilities } = this.#pairs
    const users = new Map<string, Agreement['users'][number]>()
    for (const [pair, user] of all.entries()) {
      const row = users.get(user) ?? { user, pairs: 0, right: probabilities.map(() => 0) }
      users.set(user, row)
      row.pairs++
      for (const run of row.right.keys()) row.right[run]! += (right[pair]! >> run) & 1
    }
    const patterns = this.#count(all.keys())
    return { pairs: all.length, unpaired, patterns, users: [...users.values()] }
  }

  #page({ pattern, user, order, offset, limit }: PairsQuestion): ExamplePage {
    const { users, right, apart, probabilities } = this.#pairs
    if (pattern !== null && pattern.length !== probabilities.length)
      throw new AppError('usage', `A pattern of ${pattern.length} runs is asked for, of ${probabilities.length}`)
    const wanted = pattern === null ? null : bitsOf(pattern)
    const ofUser = [...users.keys()].filter((pair) => user === null || users[pair] === user)
    const found = ofUser.filter((pair) => wanted === null || right[pair] === wanted)
    // Equal ones stay in the order of the data.
    if (order === 'disagreement') found.sort((one, other) => apart[other]! - apart[one]! || one - other)
    return {
      total: found.length,
      patterns: this.#count(ofUser),
      rows: found.slice(offset, offset + limit).map((pair) => this.#pair(pair)),
    }
  }

  #pair(pair: number): ExamplePair {
    const { users, ids, probabilities, right, rows } = this.#pairs
    return {
      user: users[pair]!,
      id: ids[pair]!,
      pattern: patternOf(right[pair]!, probabilities.length),
      p: probabilities.map((p) => p[pair]!),
      texts: this.#texts?.of(rows[pair]!) ?? null,
    }
  }

  #count(pairs: Iterable<number>): PatternCounts {
    const { right, probabilities } = this.#pairs
    const counts = new Map<number, number>()
    for (const pair of pairs) counts.set(right[pair]!, (counts.get(right[pair]!) ?? 0) + 1)
    return [...counts]
      .map(([bits, count]) => ({ pattern: patternOf(bits, probabilities.length), pairs: count }))
      .sort((one, other) => other.pairs - one.pairs || (one.pattern < other.pattern ? 1 : -1))
  }
}

/**
 * Reads one file after the other and keeps of it only what all before it have too: never more than one whole table is held beside that.
 *
 * @param files of predictions
 */
async function readBeside(files: readonly string[], signal: AbortSignal): Promise<Omit<Aligned, 'rows'>> {
  let kept: { users: readonly UserId[]; ids: readonly UserId[] } | undefined
  let margins: Float64Array[] = []
  const lengths: number[] = []
  for (const file of files) {
    const { users, ids, margins: own } = await readPredictions(file, signal)
    lengths.push(users.length)
    kept ??= { users, ids }
    const [before = new Int32Array(), now = new Int32Array()] = alignPairs([kept, { users, ids }])
    kept = { users: pick(kept.users, before), ids: pick(kept.ids, before) }
    margins = margins.map((one) => Float64Array.from(before, (row) => one[row]!))
    margins.push(Float64Array.from(now, (row) => own[row]!))
  }
  const pairs = margins[0]?.length ?? 0
  const probabilities = margins.map((one) => one.map((z) => 1 / (1 + Math.exp(-z))))
  const right = new Uint16Array(pairs)
  const apart = new Float64Array(pairs)
  for (let pair = 0; pair < pairs; pair++) {
    for (const [run, one] of margins.entries()) if (one[pair]! > 0) right[pair]! |= 1 << run
    const p = probabilities.map((one) => one[pair]!)
    apart[pair] = Math.max(...p) - Math.min(...p)
  }
  return {
    users: (kept?.users ?? []).map(String),
    ids: (kept?.ids ?? []).map(String),
    ...{ probabilities, right, apart, unpaired: lengths.map((length) => length - pairs) },
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

function patternOf(bits: number, runs: number): Pattern {
  return Array.from({ length: runs }, (_, run) => ((bits >> run) & 1 ? '1' : '0')).join('')
}

function bitsOf(pattern: Pattern): number {
  return [...pattern].reduce((bits, one, run) => (one === '1' ? bits | (1 << run) : bits), 0)
}

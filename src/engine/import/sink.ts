import path from 'node:path'
import type { UserId } from '../../shared/domain/dataset'
import { ID_COLUMN, indexColumn, TEXT_COLUMNS, USER_COLUMN } from '../data/features'
import { Hash64Map, Hasher64 } from '../data/hash'
import { TextTable } from '../data/textTable'
import { TextFile, TextsFile } from '../data/write/textFile'
import type { Place, SourceRecord } from './records'
import type { Tally } from './tally'

export const IMPORT_FILES = { df_file: 'pairs.jsonl', text_file: 'texts.json', report: 'import.json' } as const

/** A judgement on its way into the pairs file. */
export interface Pair {
  readonly user: UserId
  readonly prompt: string
  readonly chosen: string
  readonly rejected: string
  /** Of the source; the running number stands in where there is none. */
  readonly id?: string | number
  /** Columns of the source that nothing else has taken. */
  readonly metadata: SourceRecord
}

/** Names that mean something in a pairs file: a source's column of that name is kept under another. */
const OWN: ReadonlySet<string> = new Set([
  USER_COLUMN,
  ID_COLUMN,
  ...TEXT_COLUMNS,
  ...TEXT_COLUMNS.map(indexColumn),
  'chosen_reward',
  'rejected_reward',
])

/**
 * Writes pairs as JSON Lines and their distinct texts as a JSON array, as they come. Texts are known by their hashes
 * only, some 40 bytes each.
 */
export class PairSink {
  pairs = 0
  private readonly users = new Set<UserId>()
  private readonly texts = new TextTable()
  private readonly ids = new Hash64Map()
  private readonly hasher = new Hasher64()
  private readonly metadata = new Set<string>()
  private readonly pairsFile: TextFile
  private readonly textsFile: TextsFile
  private readonly tally: Tally
  private readonly featuresOf: (user: UserId, place: Place) => SourceRecord
  private readonly prefixes: readonly string[]

  constructor(
    folder: string,
    tally: Tally,
    prefixes: readonly string[],
    featuresOf: (user: UserId, place: Place) => SourceRecord,
  ) {
    this.tally = tally
    this.prefixes = prefixes
    this.featuresOf = featuresOf
    this.pairsFile = new TextFile(path.join(folder, IMPORT_FILES.df_file))
    this.textsFile = new TextsFile(path.join(folder, IMPORT_FILES.text_file))
  }

  /** Leaves out a pair of one text, and counts it. */
  add(pair: Pair, place: Place): void {
    const { user, prompt, chosen, rejected } = pair
    if (chosen === rejected) {
      this.tally.add('same_text', place, 'chosen and rejected are the same text')
      return
    }
    const row = {
      u_id: user,
      id: this.newId(pair.id ?? this.pairs, place),
      prompt,
      chosen,
      rejected,
      ...this.featuresOf(user, place),
      ...this.renamed(pair.metadata, place),
    }
    const line = jsonOrNull(row)
    if (line === null) {
      this.tally.add('malformed', place, 'a value is nested too deeply to be written')
      return
    }
    for (const text of [prompt, chosen, rejected]) this.addText(text)
    this.users.add(user)
    this.pairsFile.write(`${line}\n`)
    this.pairs++
  }

  finish(): { pairs: number; texts: number; users: number; metadata: string[] } {
    this.pairsFile.finish()
    this.textsFile.finish()
    return { pairs: this.pairs, texts: this.texts.rows, users: this.users.size, metadata: [...this.metadata] }
  }

  private addText(text: string): void {
    if (this.texts.find(text) >= 0) return
    this.texts.append(text)
    this.textsFile.add(text)
  }

  private newId(id: string | number, place: Place): string | number {
    let unique = id
    for (let n = 2; !this.isNew(unique); n++) {
      if (n === 2) this.tally.add('id_repeated', place, `the id ${JSON.stringify(id)} stood before`)
      unique = `${id}#${n}`
    }
    return unique
  }

  private isNew(id: string | number): boolean {
    const { lo, hi } = this.hasher.reset().text(`${id}`).finish()
    return this.ids.replace(lo, hi, 1) < 0
  }

  private renamed(record: SourceRecord, place: Place): SourceRecord {
    return Object.fromEntries(
      Object.entries(record).map(([name, value]) => {
        const taken = OWN.has(name) || this.prefixes.some((prefix) => name.startsWith(prefix))
        if (taken) this.tally.add('column_renamed', place, `the column "${name}" is kept as "source_${name}"`)
        const kept = taken ? `source_${name}` : name
        this.metadata.add(kept)
        return [kept, value]
      }),
    )
  }
}

/** `JSON.parse` reads any depth, `JSON.stringify` recurses: null where the stack does not suffice. */
function jsonOrNull(value: object): string | null {
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

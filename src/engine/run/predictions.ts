import fs from 'node:fs'
import path from 'node:path'
import type { ColumnChunk, RowGroup } from 'hyparquet'
import {
  ByteWriter,
  ParquetWriter,
  fileWriter,
  parquetWriteFile,
  schemaFromColumnData,
  type ColumnSource,
} from 'hyparquet-writer'
import type { Evaluation } from '../backends/execution'
import type { Dataset, PairSplit } from '../data/dataset'
import { draftFile } from '../data/write/draftFile'
import { unwritable, writeAtomically } from './files'

/**
 * `predictions/<split>.parquet` of runs on one split: one row a pair, in the data's order. `u_id` and `id` as they stand in the data, `z` the
 * margin, `p` = σ(z) the probability that the chosen answer is preferred, `r_diff` = r*_w − r*_l of the base reward, `delta_diff` =
 * δ_w − δ_l of the model, `correct` whether z > 0. The keys are the same in every file and are encoded once.
 */
export class PredictionFiles {
  readonly #columns: readonly ColumnSource[]
  #keys: readonly EncodedGroup[] | undefined

  constructor({ users, ids }: PairKeys) {
    this.#columns = [keyColumn('u_id', users), keyColumn('id', ids)]
  }

  /** @throws AppError `unwritable` */
  write(file: string, { z, rewardMargin, deltaMargin }: PredictedMargins): void {
    const own: ColumnSource[] = [
      floats('z', z),
      floats('p', z.map(probability)),
      floats('r_diff', rewardMargin),
      floats('delta_diff', deltaMargin),
      { name: 'correct', data: Array.from(z, (margin) => margin > 0), type: 'BOOLEAN' },
    ]
    this.#keys ??= encodeGroups(this.#columns, z.length)
    try {
      const writer = fileWriter(file)
      const parquet = new ParquetWriter({
        writer,
        schema: schemaFromColumnData({ columnData: [...this.#columns, ...own] }),
      })
      for (const { from, to, bytes, columns } of this.#keys) {
        const moved = writer.offset
        writer.appendBytes(bytes)
        const columnData = own.map((column) => ({ ...column, data: column.data.slice(from, to), offsetIndex: false }))
        void parquet.write({ columnData, rowGroupSize: to - from })
        prepend(parquet.row_groups.at(-1)!, columns, moved)
      }
      void parquet.finish()
    } catch (cause) {
      throw unwritable(file, cause)
    }
  }
}

/** Rows of a file that are written one column after the other. */
const GROUP_ROWS = 100_000

interface EncodedGroup {
  /** Rows [from, to). */
  from: number
  to: number
  bytes: Uint8Array
  /** Their places are counted from the first of the bytes. */
  columns: readonly ColumnChunk[]
}

function encodeGroups(columns: readonly ColumnSource[], rows: number): EncodedGroup[] {
  return Array.from({ length: Math.ceil(rows / GROUP_ROWS) }, (_, group) => {
    const [from, to] = [group * GROUP_ROWS, Math.min(rows, (group + 1) * GROUP_ROWS)]
    const columnData = columns.map((column) => ({ ...column, data: column.data.slice(from, to), offsetIndex: false }))
    const writer = new ByteWriter()
    const parquet = new ParquetWriter({ writer, schema: schemaFromColumnData({ columnData }) })
    const before = writer.offset
    void parquet.write({ columnData, rowGroupSize: to - from })
    const chunks = parquet.row_groups[0]!.columns
    return { from, to, bytes: writer.getBytes().slice(before), columns: chunks.map((chunk) => move(chunk, -before)) }
  })
}

/** Tells a group of columns that stand before its own. */
function prepend(group: RowGroup, columns: readonly ColumnChunk[], moved: number): void {
  group.columns.unshift(...columns.map((chunk) => move(chunk, moved)))
  const sum = (size: 'total_compressed_size' | 'total_uncompressed_size'): bigint =>
    group.columns.reduce((total, { meta_data }) => total + (meta_data?.[size] ?? 0n), 0n)
  group.total_byte_size = sum('total_uncompressed_size')
  group.total_compressed_size = sum('total_compressed_size')
}

function move({ meta_data, ...chunk }: ColumnChunk, by: number): ColumnChunk {
  const moved = <T extends bigint | undefined>(place: T): T | bigint =>
    place === undefined ? place : place + BigInt(by)
  const file_offset = moved(chunk.file_offset)
  if (!meta_data) return { ...chunk, file_offset }
  const { data_page_offset, dictionary_page_offset } = meta_data
  return {
    ...chunk,
    file_offset,
    meta_data: {
      ...meta_data,
      data_page_offset: moved(data_page_offset),
      dictionary_page_offset: moved(dictionary_page_offset),
    },
  }
}

function marginColumns({ users, ids }: PairKeys, z: Float32Array): ColumnSource[] {
  return [keyColumn('u_id', users), keyColumn('id', ids), floats('z', z), floats('p', z.map(probability))]
}

/** Hardly two margins are the same: looking for a dictionary, for what repeats, or for the least takes longer than writing them. */
function floats(name: string, data: Float32Array): ColumnSource {
  return { name, data, type: 'FLOAT', encoding: 'PLAIN', codec: 'UNCOMPRESSED', statistics: false }
}

function writeParquet(file: string, columnData: ColumnSource[]): void {
  try {
    parquetWriteFile({ filename: file, columnData })
  } catch (cause) {
    throw unwritable(file, cause)
  }
}

/** `u_id`, `id`, `z` and `p` where a person wants them: Parquet, JSON Lines or CSV by the name's ending. */
export function writePredictionTable(file: string, dataset: Dataset, split: PairSplit, evaluation: Evaluation): void {
  const row = ROW_WRITERS[path.extname(file).toLowerCase()]
  if (!row) return writeWhole(file, (draft) => writeParquet(draft, marginColumns(keysOf(dataset, split), evaluation.z)))
  const { users, ids } = keysOf(dataset, split)
  const lines = Array.from(evaluation.z, (z, i) => row.line(users[i]!, ids[i]!, z, probability(z)))
  writeAtomically(file, `${[...row.header, ...lines].join('\n')}\n`)
}

/** @throws AppError `unwritable` */
function writeWhole(file: string, write: (draft: string) => void): void {
  const draft = draftFile(file)
  try {
    write(draft)
    fs.renameSync(draft, file)
  } catch (cause) {
    fs.rmSync(draft, { force: true })
    throw unwritable(file, cause)
  }
}

type Key = string | number
export interface PairKeys {
  users: readonly Key[]
  ids: readonly Key[]
}
export type PredictedMargins = Pick<Evaluation, 'z' | 'rewardMargin' | 'deltaMargin'>

const ROW_WRITERS: Record<string, { header: string[]; line: (u_id: Key, id: Key, z: number, p: number) => string }> = {
  '.jsonl': { header: [], line: (u_id, id, z, p) => JSON.stringify({ u_id, id, z, p }) },
  '.csv': { header: ['u_id,id,z,p'], line: (u_id, id, z, p) => [quoted(u_id), quoted(id), z, p].join(',') },
}

/** RFC 4180. */
function quoted(key: Key): string {
  return typeof key === 'string' && /[",\r\n]/.test(key) ? `"${key.replaceAll('"', '""')}"` : String(key)
}

const probability = (z: number): number => 1 / (1 + Math.exp(-z))

/** [pairs] whose pair it is and what the data calls it: row numbers where it has no name for them. */
export function keysOf({ users }: Pick<Dataset, 'users'>, split: Pick<PairSplit, 'pairs' | 'users' | 'ids'>): PairKeys {
  return {
    users: Array.from(split.users, (user) => users[user]!),
    ids: split.ids ?? Array.from({ length: split.pairs }, (_, row) => row),
  }
}

/** Integers where every key is one, else strings: pandas then reads the column with its own type. */
function keyColumn(name: string, keys: readonly (string | number)[]): ColumnSource {
  if (keys.every((key) => Number.isSafeInteger(key)))
    return { name, data: keys.map((key) => BigInt(key)), type: 'INT64' }
  return { name, data: keys.map(String), type: 'STRING' }
}

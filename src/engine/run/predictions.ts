import fs from 'node:fs'
import path from 'node:path'
import type { ColumnChunk } from 'hyparquet'
import { ByteWriter, ParquetWriter, parquetWriteFile, schemaFromColumnData, type ColumnSource } from 'hyparquet-writer'
import type { Evaluation } from '../backends/execution'
import type { Dataset, PairSplit } from '../data/dataset'
import { draftFile } from '../data/write/draftFile'
import { unwritable, writeAtomically } from './files'

/**
 * `predictions/<split>.parquet` of runs on one split: one row a pair, in the data's order. `u_id` and `id` as they stand in the data, `z` the
 * margin, `p` = σ(z) the probability that the chosen answer is preferred, `r_diff` = r*_w − r*_l of the base reward, `delta_diff` =
 * δ_w − δ_l of the model, `correct` whether z > 0. Nothing but the values differs from run to run: a file is encoded once, and gets those of
 * each run where they stand.
 */
export class PredictionFiles {
  readonly #keys: PairKeys
  #form: Form | undefined

  constructor(keys: PairKeys) {
    this.#keys = keys
  }

  /** @throws AppError `unwritable` */
  write(file: string, { z, rewardMargin, deltaMargin }: PredictedMargins): void {
    const { bytes, groups } = (this.#form ??= formOf(this.#keys))
    const columns = [z, probabilities(z), rewardMargin, deltaMargin]
    for (const { from, to, floats, bits } of groups) {
      for (const [at, place] of floats.entries()) bytes.set(bytesOf(columns[at]!.subarray(from, to)), place)
      setBits(bytes.subarray(bits, bits + Math.ceil((to - from) / 8)), z.subarray(from, to))
    }
    try {
      fs.writeFileSync(file, bytes)
    } catch (cause) {
      throw unwritable(file, cause)
    }
  }
}

/** Rows of a file that are written one column after the other: each column is one page. */
const GROUP_ROWS = 100_000

/** A file whose values are still to come. */
interface Form {
  bytes: Uint8Array
  groups: readonly {
    /** Rows [from, to). */
    from: number
    to: number
    /** Where the values of `z`, `p`, `r_diff` and `delta_diff` stand. */
    floats: readonly number[]
    /** Where those of `correct` stand, eight a byte. */
    bits: number
  }[]
}

function formOf({ users, ids }: PairKeys): Form {
  const rows = ids.length
  const nothing = new Float32Array(rows)
  const columns: ColumnSource[] = [
    ...[keyColumn('u_id', users), keyColumn('id', ids)],
    ...['z', 'p', 'r_diff', 'delta_diff'].map((name) => floats(name, nothing)),
    { name: 'correct', data: Array<boolean>(rows).fill(false), type: 'BOOLEAN', ...PLAIN },
  ]
  const columnData = columns.map((column) => ({ ...column, offsetIndex: false }))
  const writer = new ByteWriter()
  const parquet = new ParquetWriter({ writer, schema: schemaFromColumnData({ columnData }) })
  void parquet.write({ columnData, rowGroupSize: GROUP_ROWS })
  void parquet.finish()
  const groups = parquet.row_groups.map(({ columns }, group) => {
    const [from, to] = [group * GROUP_ROWS, Math.min(rows, (group + 1) * GROUP_ROWS)]
    const endOf = ({ file_offset, meta_data }: ColumnChunk): number =>
      Number(file_offset + (meta_data?.total_compressed_size ?? 0n))
    const ends = columns.slice(-5).map(endOf)
    const bits = ends.pop()! - Math.ceil((to - from) / 8)
    return { from, to, floats: ends.map((end) => end - 4 * (to - from)), bits }
  })
  return { bytes: writer.getBytes(), groups }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** Whether each margin is above nought: the first stands in the lowest bit. */
function setBits(bytes: Uint8Array, z: Float32Array): void {
  bytes.fill(0)
  for (let row = 0; row < z.length; row++) if (z[row]! > 0) bytes[row >> 3]! |= 1 << (row & 7)
}

function marginColumns({ users, ids }: PairKeys, z: Float32Array): ColumnSource[] {
  return [keyColumn('u_id', users), keyColumn('id', ids), floats('z', z), floats('p', probabilities(z))]
}

/** Hardly two margins are the same: looking for a dictionary, for what repeats, or for the least takes longer than writing them. */
const PLAIN = { encoding: 'PLAIN', codec: 'UNCOMPRESSED', statistics: false } as const

function floats(name: string, data: Float32Array): ColumnSource {
  return { name, data, type: 'FLOAT', ...PLAIN }
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

/** `map` calls back for each, which takes several times as long. */
function probabilities(z: Float32Array): Float32Array {
  const p = new Float32Array(z.length)
  for (let row = 0; row < z.length; row++) p[row] = probability(z[row]!)
  return p
}

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

import fs from 'node:fs'
import path from 'node:path'
import { parquetWriteFile, type ColumnSource } from 'hyparquet-writer'
import type { Evaluation } from '../backends/execution'
import type { Dataset, PairSplit } from '../data/dataset'
import { draftFile } from '../data/write/draftFile'
import { unwritable, writeAtomically } from './files'

/**
 * `predictions/<split>.parquet`: one row a pair, in the data's order. `u_id` and `id` as they stand in the data, `z` the
 * margin, `p` = σ(z) the probability that the chosen answer is preferred, `r_diff` = r*_w − r*_l of the base reward, `delta_diff` =
 * δ_w − δ_l of the model, `correct` whether z > 0.
 */
export function writePredictions(file: string, keys: PairKeys, margins: PredictedMargins): void {
  const { z, rewardMargin, deltaMargin } = margins
  writeParquet(file, [
    ...marginColumns(keys, z),
    floats('r_diff', rewardMargin),
    floats('delta_diff', deltaMargin),
    { name: 'correct', data: Array.from(z, (margin) => margin > 0), type: 'BOOLEAN' },
  ])
}

function marginColumns({ users, ids }: PairKeys, z: Float32Array): ColumnSource[] {
  return [keyColumn('u_id', users), keyColumn('id', ids), floats('z', z), floats('p', z.map(probability))]
}

/** Hardly two margins are the same: looking for a dictionary takes longer than writing them. */
function floats(name: string, data: Float32Array): ColumnSource {
  return { name, data, type: 'FLOAT', encoding: 'PLAIN' }
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

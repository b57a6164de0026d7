import { parquetWriteFile, type ColumnSource } from 'hyparquet-writer'
import type { Evaluation } from '../backends/execution'
import type { Dataset, PairSplit } from '../data/dataset'
import { unwritable } from './files'

/**
 * `predictions/<split>.parquet`: one row a pair, in the data's order. `u_id` and `id` as they stand in the data, `z` the
 * margin, `p` = σ(z) the probability that the chosen answer is preferred.
 */
export function writePredictions(file: string, dataset: Dataset, split: PairSplit, { z }: Evaluation): void {
  const users = Array.from(split.users, (user) => dataset.users[user]!)
  const ids = split.ids ?? Array.from({ length: split.pairs }, (_, row) => row)
  const columnData: ColumnSource[] = [
    keyColumn('u_id', users),
    keyColumn('id', ids),
    { name: 'z', data: z, type: 'FLOAT' },
    { name: 'p', data: z.map((value) => 1 / (1 + Math.exp(-value))), type: 'FLOAT' },
  ]
  try {
    parquetWriteFile({ filename: file, columnData })
  } catch (cause) {
    throw unwritable(file, cause)
  }
}

/** Integers where every key is one, else strings: pandas then reads the column with its own type. */
function keyColumn(name: string, keys: readonly (string | number)[]): ColumnSource {
  if (keys.every((key) => Number.isSafeInteger(key)))
    return { name, data: keys.map((key) => BigInt(key)), type: 'INT64' }
  return { name, data: keys.map(String), type: 'STRING' }
}

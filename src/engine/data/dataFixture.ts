import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { onTestFinished } from 'vitest'
import type { DataConfig } from '../../shared/config/data'
import { SPLIT_NAMES, type SplitName } from '../../shared/domain/dataset'
import { writeNpy } from './npy'

/** For tests: a small, faultless data set in real files, to be broken one thing at a time. */

export type Row = Record<string, unknown>

export interface SplitFixture {
  rows: Row[]
  texts: unknown[]
  /** [rows, width] */
  vectors: number[][]
}

export type DataFixture = Partial<Record<SplitName, SplitFixture>>

const FEATURES: Record<number, number[]> = { 1: [1, 0], 2: [0, 1], 9: [1, 1] }

/** A split whose texts carry `tag`, so that splits share none: a prompt (0), answers 1 to 4, and three pairs. */
export function splitFixture(tag: string, users: readonly number[] = [1, 2]): SplitFixture {
  const texts = [`prompt ${tag}`, ...[1, 2, 3, 4].map((n) => `answer ${n} ${tag} — ü`)]
  const rows = users.flatMap((user, u) =>
    [1, 2, 3].map((chosen) => ({
      u_id: user,
      id: `${tag}-${u}-${chosen}`,
      prompt: texts[0],
      chosen: texts[chosen],
      rejected: texts[4],
      prompt_emb_idx: 0,
      chosen_emb_idx: chosen,
      rejected_emb_idx: 4,
      user_a: FEATURES[user]![0],
      user_b: FEATURES[user]![1],
    })),
  )
  return { rows, texts, vectors: texts.map((_, row) => [row, row / 2, -row]) }
}

export function dataFixture(): Required<DataFixture> {
  return {
    train: splitFixture('train'),
    dev: splitFixture('dev'),
    test: splitFixture('test'),
    test_unseen: splitFixture('unseen', [9]),
  }
}

/** A folder that is gone when the test is over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'delta-data-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function jsonl(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
}

/** Parquet bytes; integer columns are INT64, as pandas writes them. */
export function parquet(rows: readonly Row[], rowGroupSize = 1000): Uint8Array {
  const names = Object.keys(rows[0] ?? {})
  const columnData = names.map((name) => {
    const data = rows.map((row) => row[name])
    const isInteger = data.every((value) => Number.isInteger(value) || value === null)
    return isInteger
      ? { name, data: data.map((value) => (value === null ? null : BigInt(Number(value)))), type: 'INT64' as const }
      : { name, data }
  })
  return new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize }))
}

/** Writes the files of a data set and returns its configuration, as if resolved. */
export async function writeData(fixture: DataFixture, format: 'jsonl' | 'parquet' = 'jsonl'): Promise<DataConfig> {
  const folder = temporaryFolder()
  const files: Partial<Record<SplitName, DataConfig['train']>> = {}
  for (const split of SPLIT_NAMES) {
    const data = fixture[split]
    if (!data) continue
    const [df_file, text_file, emb_file] = [`df_${split}.${format}`, `texts_${split}.json`, `emb_${split}.npy`].map(
      (name) => join(folder, name),
    ) as [string, string, string]
    writeFileSync(df_file, format === 'jsonl' ? jsonl(data.rows) : parquet(data.rows))
    writeFileSync(text_file, JSON.stringify(data.texts))
    const width = data.vectors[0]!.length
    await writeNpy(emb_file, Float32Array.from(data.vectors.flat()), [data.vectors.length, width])
    files[split] = { df_file, text_file, emb_file }
  }
  const { train, ...others } = files
  if (!train) throw new Error('the fixture has no training split')
  return { dts_name: 'fixture', dts_path: folder, prefix_columns: ['user_'], train, ...others }
}

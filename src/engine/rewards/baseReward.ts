import path from 'node:path'
import type { DataConfig, SplitFiles } from '../../shared/config/data'
import type { ExperimentConfig } from '../../shared/config/experiment'
import { SPLIT_NAMES, type SplitName } from '../../shared/domain/dataset'
import { REWARD_PAIR_COLUMNS, REWARD_TABLE_COLUMNS } from '../../shared/domain/reward'
import { AppError } from '../../shared/errors'
import type { Dataset, PairSplit } from '../data/dataset'
import { readFrame, type FrameFormat } from '../data/frame'
import { RewardTable } from './rewardTable'
import { toReward } from './rewardValues'

/**
 * The data set with the base reward's margin r*_w − r*_l on every split: unchanged under `zero_rw`; under `map_rw` each
 * split's margins come from its `reward_file`, or else from the columns `chosen_reward, rejected_reward` of its pairs.
 *
 * @throws AppError `config_invalid` for a split without either, `data_invalid` for a reward that is missing,
 *   contradicted or no finite number, `not_found`, `unreadable`, `stopped`
 */
export async function withBaseReward(
  dataset: Dataset,
  { rw_model_name, data }: Pick<ExperimentConfig, 'rw_model_name' | 'data'>,
  signal?: AbortSignal,
): Promise<Dataset> {
  if (rw_model_name === 'zero_rw') return dataset
  checkSharedTables(data)
  const tables = new Map<string, Promise<RewardTable>>()
  const readTable = (file: string): Promise<RewardTable> => {
    const table = tables.get(file) ?? RewardTable.read(file, { signal })
    tables.set(file, table)
    return table
  }
  const withMargin = async (split: PairSplit): Promise<PairSplit> => {
    const files = data[split.name]!
    const rewardMargin =
      files.reward_file === undefined
        ? await marginsFromPairs(split, files, signal)
        : marginsFromTable(split, files, await readTable(files.reward_file))
    return { ...split, rewardMargin }
  }
  const train = await withMargin(dataset.splits.train)
  const others: Partial<Record<SplitName, PairSplit>> = {}
  for (const name of SPLIT_NAMES) {
    const split = dataset.splits[name]
    if (split && name !== 'train') others[name] = await withMargin(split)
  }
  return { ...dataset, splits: { ...others, train } }
}

/** Indices count rows of one `text_file`: a table cannot be right for two of them. */
function checkSharedTables(data: DataConfig): void {
  const owner = new Map<string, SplitName>()
  for (const name of SPLIT_NAMES) {
    const files = data[name]
    if (files?.reward_file === undefined) continue
    const first = owner.get(files.reward_file) ?? name
    owner.set(files.reward_file, first)
    if (data[first]?.text_file === files.text_file) continue
    throw new AppError(
      'config_invalid',
      `${first} and ${name} name the same reward_file but different text_files, so its indices fit only one of them`,
      { file: files.reward_file, key: `${name}.reward_file`, fix: 'Give each text_file a reward table of its own.' },
    )
  }
}

function marginsFromTable(split: PairSplit, files: SplitFiles, table: RewardTable): Float32Array {
  if (table.largestRow >= split.table.rows)
    throw new AppError(
      'data_invalid',
      `The reward table speaks of text ${table.largestRow}, but the text_file of ${split.name} has ${split.table.rows}`,
      { file: table.file, key: `${split.name}.reward_file`, fix: 'It belongs to another text_file: make it again.' },
    )
  const margins = new Float32Array(split.pairs)
  let missing = 0
  let first = { row: -1, column: '', prompt: -1, answer: -1 }
  const look = (row: number, column: 'chosen' | 'rejected'): number => {
    const prompt = split.prompts[row]!
    const answer = split[column][row]!
    const reward = table.find(prompt, answer)
    if (reward !== undefined) return reward
    if (missing++ === 0) first = { row, column, prompt, answer }
    return 0
  }
  for (let row = 0; row < split.pairs; row++) margins[row] = look(row, 'chosen') - look(row, 'rejected')
  if (missing === 0) return margins
  const { row, column, prompt, answer } = first
  const more =
    missing === 1 ? '' : `; ${missing - 1} more of the ${2 * split.pairs} rewards of ${split.name} are missing`
  throw new AppError(
    'data_invalid',
    `${path.basename(table.file)} has no reward for prompt ${prompt} with answer ${answer}, ` +
      `${column} in row ${row} of ${path.basename(files.df_file)}${more}`,
    {
      file: files.df_file,
      row,
      column,
      findings: [`Reward table: ${table.file} (${table.size} pairs)`],
      fix: 'Every answer of every pair needs its reward; `delta data score` scores all of them.',
    },
  )
}

/** The pairs file is read again for its reward columns: row i of the split is row i of the file. */
async function marginsFromPairs(
  split: PairSplit,
  { df_file }: SplitFiles,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const margins = new Float32Array(split.pairs)
  let format: FrameFormat = 'jsonl'
  let rows = 0
  const fault = (row: number, column: string, given: unknown): AppError =>
    new AppError(
      'data_invalid',
      `${column} ${given === undefined || given === null ? 'has no value' : `is ${String(given).slice(0, 60)}, not a finite number`}`,
      {
        file: df_file,
        row,
        column,
        ...(format === 'jsonl' && { line: row + 1 }),
        fix: 'Every row needs both rewards.',
      },
    )
  await readFrame(df_file, {
    signal,
    select: (columns, found) => {
      format = found
      const missing = REWARD_PAIR_COLUMNS.filter((column) => !columns.includes(column))
      if (missing.length > 0) throw noRewards(split.name, df_file, missing)
      return { values: REWARD_PAIR_COLUMNS, texts: [] }
    },
    encodeText: () => 0,
    onBatch: (batch) => {
      const [chosen, rejected] = REWARD_PAIR_COLUMNS.map((column) => batch.values(column))
      for (let i = 0; i < batch.rows; i++) {
        const row = batch.firstRow + i
        const w = toReward(chosen![i])
        const l = toReward(rejected![i])
        if (w === undefined) throw fault(row, REWARD_PAIR_COLUMNS[0], chosen![i])
        if (l === undefined) throw fault(row, REWARD_PAIR_COLUMNS[1], rejected![i])
        margins[row] = w - l
      }
      rows += batch.rows
    },
    onMalformed: () => {},
  })
  if (rows !== split.pairs)
    throw new AppError('data_invalid', `The file has ${rows} pairs now and had ${split.pairs} a moment ago`, {
      file: df_file,
      fix: 'It changed while it was read: start again.',
    })
  return margins
}

function noRewards(split: SplitName, df_file: string, missing: readonly string[]): AppError {
  return new AppError(
    'config_invalid',
    `map_rw finds no rewards for ${split}: the data configuration gives it no reward_file, and its df_file has no ` +
      `${missing.length === 1 ? 'column' : 'columns'} ${missing.join(', ')}`,
    {
      file: df_file,
      key: `${split}.reward_file`,
      fix:
        `Either set ${split}.reward_file to a Parquet or JSON Lines table with the columns ` +
        `${REWARD_TABLE_COLUMNS.join(', ')} (\`delta data score\` writes one), or give df_file the columns ` +
        `${REWARD_PAIR_COLUMNS.join(', ')}.`,
    },
  )
}

import fs from 'node:fs'
import path from 'node:path'
import { makeFolders } from '../folders'
import { parquetWriteFile } from 'hyparquet-writer'
import { SPLIT_NAMES, type SplitName } from '../../shared/domain/dataset'
import type { DataConfig } from '../../shared/config/data'
import { REWARD_TABLE_COLUMNS } from '../../shared/domain/reward'
import type { SplitAnswers } from '../../shared/domain/scoring'
import { AppError, messageOf } from '../../shared/errors'

/** One table to be written: the pairs of one split, or of all splits that share a `text_file`. */
export interface TablePlan {
  file: string
  splits: SplitName[]
  answers: SplitAnswers[]
}

/**
 * Where the tables go. A folder takes one for each split; a `.parquet` file takes all splits, which must then share
 * their `text_file`, whose rows the table counts.
 *
 * @throws AppError `config_invalid`, also for an output that is a file of the data set
 */
export function planTables(output: string, data: DataConfig, splits: readonly SplitAnswers[]): TablePlan[] {
  const plans = path.extname(output) === '.parquet' ? [oneTable(output, splits)] : tablePerSplit(output, splits)
  const inputs = new Set(
    SPLIT_NAMES.flatMap((name) => {
      const { df_file, text_file, emb_file, bow_file } = data[name] ?? {}
      return [df_file, text_file, emb_file, bow_file]
    }),
  )
  for (const { file } of plans) {
    if (!inputs.has(file)) continue
    throw new AppError('config_invalid', 'This is a file of the data set itself', { file, key: 'output' })
  }
  return plans
}

function oneTable(file: string, answers: readonly SplitAnswers[]): TablePlan {
  const texts = new Set(answers.map(({ textFile }) => textFile))
  if (texts.size > 1)
    throw new AppError('config_invalid', 'The splits have different text_files and cannot share one table', {
      file,
      key: 'output',
      fix: 'Give --output a folder: it gets one table a split.',
    })
  return { file, splits: answers.map(({ split }) => split), answers: [...answers] }
}

function tablePerSplit(folder: string, answers: readonly SplitAnswers[]): TablePlan[] {
  return answers.map((each) => ({
    file: path.join(folder, `rewards_${each.split}.parquet`),
    splits: [each.split],
    answers: [each],
  }))
}

/**
 * Writes `prompt_emb_idx, answer_emb_idx` (INT32) and `reward` (DOUBLE), one row a pair, atomically.
 *
 * @param rewardOf the reward of pair `i` of one split's answers
 * @throws AppError `unwritable`
 */
export function writeTable(plan: TablePlan, rewardOf: (answers: SplitAnswers, i: number) => number): number {
  const seen = new Set<string>()
  const prompts: number[] = []
  const answers: number[] = []
  const rewards: number[] = []
  for (const each of plan.answers) {
    for (const [i, prompt] of each.prompts.entries()) {
      const answer = each.answers[i]!
      if (plan.answers.length > 1) {
        const pair = `${prompt} ${answer}`
        if (seen.has(pair)) continue
        seen.add(pair)
      }
      prompts.push(prompt)
      answers.push(answer)
      rewards.push(rewardOf(each, i))
    }
  }
  const [promptColumn, answerColumn, rewardColumn] = REWARD_TABLE_COLUMNS
  const temporary = `${plan.file}.${process.pid}.tmp`
  try {
    makeFolders(path.dirname(plan.file))
    // What a crash has left, or a link that would lead elsewhere.
    fs.rmSync(temporary, { force: true })
    fs.closeSync(fs.openSync(temporary, 'wx'))
    parquetWriteFile({
      filename: temporary,
      columnData: [
        { name: promptColumn, data: Int32Array.from(prompts), type: 'INT32' },
        { name: answerColumn, data: Int32Array.from(answers), type: 'INT32' },
        { name: rewardColumn, data: Float64Array.from(rewards), type: 'DOUBLE' },
      ],
    })
    fs.renameSync(temporary, plan.file)
  } catch (cause) {
    fs.rmSync(temporary, { force: true })
    const fix = 'Check the free space and the permissions of the folder, or choose another with --output.'
    throw new AppError(
      'unwritable',
      `${plan.file} cannot be written: ${messageOf(cause)}`,
      { file: plan.file, fix },
      cause,
    )
  }
  return prompts.length
}

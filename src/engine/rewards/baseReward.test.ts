import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { DataConfig } from '../../shared/config/data'
import { experimentSchema } from '../../shared/config/experiment'
import type { RunResult } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'
import { loadBackend } from '../backends/tfjs/loadBackend'
import { TfjsExecution } from '../backends/tfjs/tfjsExecution'
import { dataFixture, jsonl, parquet, splitFixture, temporaryFolder, writeData, type Row } from '../data/dataFixture'
import type { Dataset } from '../data/dataset'
import { loadDataset } from '../data/loadDataset'
import { stepFigures } from '../metrics/figures'
import { createModel } from '../models/registry'
import { sizesOf } from '../models/sizesOf'
import { StopRequest } from '../stopReason'
import { runExperiment } from '../runExperiment'
import { withBaseReward } from './baseReward'
import { RewardTable } from './rewardTable'

/** The fixture's train split: prompt 0, answers 1 to 3 chosen over 4, for each of two users. */
const REWARDS = [
  { prompt_emb_idx: 0, answer_emb_idx: 1, reward: 2.5 },
  { prompt_emb_idx: 0, answer_emb_idx: 2, reward: -1 },
  { prompt_emb_idx: 0, answer_emb_idx: 3, reward: 0.5 },
  { prompt_emb_idx: 0, answer_emb_idx: 4, reward: 0.5 },
]
const MARGINS = [2, -1.5, 0, 2, -1.5, 0]

async function trainOnly(): Promise<DataConfig> {
  return writeData({ train: splitFixture('train') })
}

function writeTable(rows: readonly Row[], format: 'jsonl' | 'parquet' = 'jsonl', rowGroup?: number): string {
  const file = join(temporaryFolder(), `rewards.${format}`)
  writeFileSync(file, format === 'jsonl' ? jsonl(rows) : parquet(rows, rowGroup))
  return file
}

async function withTable(rows: readonly Row[], format?: 'jsonl' | 'parquet'): Promise<Dataset> {
  const data = await trainOnly()
  data.train.reward_file = writeTable(rows, format)
  return withBaseReward(await loadDataset(data, 'none'), { rw_model_name: 'map_rw', data })
}

async function errorOf(promise: Promise<unknown>): Promise<AppError> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(thrown instanceof AppError)) throw new Error('expected an AppError')
  return thrown
}

describe('the base reward', () => {
  it.each(['jsonl', 'parquet'] as const)('gives every pair its margin from a %s table', async (format) => {
    const { splits } = await withTable(REWARDS, format)
    expect([...(splits.train.rewardMargin ?? [])]).toEqual(MARGINS)
  })

  it.each(['jsonl', 'parquet'] as const)(
    'comes from the columns of a %s pairs file without a table',
    async (format) => {
      const fixture = dataFixture()
      for (const { rows } of Object.values(fixture))
        rows.forEach((row, i) => Object.assign(row, { chosen_reward: i + 0.25, rejected_reward: 1 }))
      const data = await writeData(fixture, format)
      const { splits } = await withBaseReward(await loadDataset(data, 'none'), { rw_model_name: 'map_rw', data })
      for (const split of ['train', 'dev', 'test', 'test_unseen'] as const) {
        const margins = splits[split]?.rewardMargin
        expect([...(margins ?? [])]).toEqual(Array.from({ length: splits[split]!.pairs }, (_, i) => i - 0.75))
      }
    },
  )

  it('leaves the data alone under zero_rw, also where rewards are there', async () => {
    const data = await trainOnly()
    data.train.reward_file = 'there is no such file'
    const dataset = await loadDataset(data, 'none')
    expect(await withBaseReward(dataset, { rw_model_name: 'zero_rw', data })).toBe(dataset)
  })

  it('says both ways to give rewards where a split has neither', async () => {
    const data = await writeData(dataFixture())
    data.train.reward_file = writeTable(REWARDS)
    const dataset = await loadDataset(data, 'none')
    const error = await errorOf(withBaseReward(dataset, { rw_model_name: 'map_rw', data }))
    expect(error.code).toBe('config_invalid')
    expect(error.message).toContain('dev')
    expect(error.details).toMatchObject({ key: 'dev.reward_file', file: data.dev?.df_file })
    expect(error.details.fix).toMatch(/dev\.reward_file.*prompt_emb_idx, answer_emb_idx, reward.*chosen_reward/s)
  })

  it('names the first missing pair and counts the others', async () => {
    const error = await errorOf(withTable(REWARDS.slice(0, 2)))
    expect(error.code).toBe('data_invalid')
    expect(error.message).toContain('prompt 0 with answer 4, rejected in row 0')
    // Answer 4 in six rows and answer 3 in two, less the one that is named.
    expect(error.message).toContain('7 more of the 12')
    expect(error.details).toMatchObject({ row: 0, column: 'rejected' })
  })

  it('refuses one table for two text files, where its indices can be right for one only', async () => {
    const data = await writeData(dataFixture())
    const reward_file = writeTable(REWARDS)
    const { train, dev } = data
    data.train = { ...train, reward_file }
    data.dev = { ...dev!, reward_file }
    const dataset = await loadDataset(data, 'none')
    const error = await errorOf(withBaseReward(dataset, { rw_model_name: 'map_rw', data }))
    expect(error).toMatchObject({ code: 'config_invalid', details: { key: 'dev.reward_file' } })
  })

  it('refuses a table that speaks of texts which are not there', async () => {
    const error = await errorOf(withTable([...REWARDS, { prompt_emb_idx: 0, answer_emb_idx: 5, reward: 0 }]))
    expect(error.message).toContain('text 5')
  })
})

describe('a reward table', () => {
  const bad = async (rows: readonly Row[], format?: 'jsonl' | 'parquet'): Promise<AppError> =>
    errorOf(RewardTable.read(writeTable(rows, format)))
  const row = (reward: unknown): Row => ({ prompt_emb_idx: 0, answer_emb_idx: 9, reward })

  it.each([
    ['a string', '0.5'],
    ['a missing value', null],
    ['more than float32 holds', 1e39],
  ])('refuses %s as a reward and names its row', async (_, reward) => {
    const error = await bad([...REWARDS, row(reward)])
    expect(error).toMatchObject({ code: 'data_invalid', details: { row: 4, line: 5, column: 'reward' } })
  })

  it.each([NaN, Infinity])('refuses %s from Parquet', async (reward) => {
    const error = await bad([...REWARDS, row(reward)], 'parquet')
    expect(error).toMatchObject({ code: 'data_invalid', details: { row: 4, column: 'reward' } })
  })

  it.each([-1, 0.5, '3', 2 ** 31])('refuses %s as an index', async (answer_emb_idx) => {
    const error = await bad([{ prompt_emb_idx: 0, answer_emb_idx, reward: 1 }])
    expect(error).toMatchObject({ code: 'data_invalid', details: { row: 0, column: 'answer_emb_idx' } })
  })

  it('accepts a repeated pair with the same reward and refuses another', async () => {
    const table = await RewardTable.read(writeTable([...REWARDS, ...REWARDS]))
    expect(table.size).toBe(4)
    const error = await bad([...REWARDS, { ...REWARDS[1]!, reward: -1.5 }])
    expect(error.message).toBe('Prompt 0 with answer 2 has the reward -1.5 here and -1 in an earlier row')
    expect(error.details.row).toBe(4)
  })

  it('names a missing column and the one that was probably meant', async () => {
    const error = await bad([{ prompt_emb_idx: 0, answer_emb_idx: 1, rewards: 1 }])
    expect(error.message).toContain('"reward" is missing')
    expect(error.message).toContain('rewards')
  })

  it('finds every pair again when it is large and in many row groups', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => ({
      prompt_emb_idx: i % 37,
      answer_emb_idx: i,
      reward: Math.fround(Math.sin(i)),
    }))
    const table = await RewardTable.read(writeTable(rows, 'parquet', 3_000))
    expect(table.size).toBe(rows.length)
    expect(table.largestRow).toBe(19_999)
    for (const { prompt_emb_idx, answer_emb_idx, reward } of rows)
      expect(table.find(prompt_emb_idx, answer_emb_idx)).toBe(reward)
    expect(table.find(1, 0)).toBeUndefined()
  })
})

describe('training on top of a base reward', () => {
  const experiment = (
    data: DataConfig,
    rw_model_name: string,
    max_epochs = 30,
  ): ReturnType<typeof experimentSchema.parse> =>
    experimentSchema.parse({
      model_name: 'bt',
      bt: { lambda_w: 0 },
      rw_model_name,
      backend: 'cpu',
      data,
      trainer: { max_epochs, batch_size: 4, learning_rate: 0.02 },
    })

  it('starts at the closed form: with δ = 0 the loss is the mean of log(1 + exp(−margin))', async () => {
    const dataset = await withTable(REWARDS)
    const { train } = dataset.splits
    const config = experiment(await trainOnly(), 'map_rw')
    const execution = new TfjsExecution(
      createModel(config, sizesOf(dataset)),
      dataset,
      config.trainer,
      await loadBackend('cpu'),
    )
    const evaluation = await execution.evaluate(train)
    const figures = stepFigures(evaluation)
    execution.dispose()
    expect([...evaluation.z]).toEqual(MARGINS)
    const loss = MARGINS.reduce((sum, margin) => sum + Math.log(1 + Math.exp(-margin)), 0) / MARGINS.length
    expect(figures.bt_loss).toBeCloseTo(loss, 12)
    // A third of the pairs is right; a tie (margin 0) counts as wrong.
    expect(figures.acc).toBeCloseTo(1 / 3, 12)
    expect(figures.acc_r_star).toBeCloseTo(1 / 3, 12)
    expect(figures.acc_delta).toBe(0)
  })

  it('lowers the loss below that of the base reward alone, and reports accuracy and lift', async () => {
    const fixture = { train: splitFixture('train'), dev: splitFixture('dev'), test: splitFixture('test') }
    for (const { rows } of Object.values(fixture)) {
      // Always right on train and dev; on test wrong in two rows of six.
      rows.forEach((row, i) =>
        Object.assign(row, { chosen_reward: rows === fixture.test.rows && i < 2 ? 0 : 1, rejected_reward: 0.5 }),
      )
    }
    const data = await writeData(fixture)
    const run = async (rw_model_name: string): Promise<{ result: RunResult; first: Record<string, number> }> => {
      let first: Record<string, number> = {}
      const request = {
        config: experiment(data, rw_model_name),
        logDir: temporaryFolder(),
        command: '',
        cwd: '/',
        warnings: [],
      }
      const result = await runExperiment(
        request,
        (message) => {
          if (message.type === 'metrics' && message.batch.epoch === 0) first = { ...first, ...message.batch.values }
        },
        new StopRequest(),
      )
      return { result, first }
    }
    const { result, first } = await run('map_rw')
    expect(first['train_acc_r_star']).toBe(1)
    expect(first['val_acc_r_star']).toBe(1)
    expect(result.val_loss).toBeLessThan(Math.log(1 + Math.exp(-0.5)))
    expect(result.test_acc_r_star).toBeCloseTo(4 / 6, 12)
    expect(result.test_lift).toBeCloseTo((result.test_acc ?? NaN) - 4 / 6, 12)
    const { result: zero } = await run('zero_rw')
    expect(zero.test_lift).toBeUndefined()
  })
})

import fs from 'node:fs'
import path from 'node:path'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { experimentSchema, MODEL_SCHEMAS } from '../../shared/config/experiment'
import { openBackend } from '../backends/openBackend'
import { findAddOn } from '../backends/tensorflow/findAddOn'
import type { Dataset, PairSplit } from '../data/dataset'
import { readNpy } from '../data/npy'
import { createSchedule, totalSteps } from '../loop/schedule'
import { stepFigures } from '../metrics/figures'
import { readNpz } from './testing/npz'

/**
 * Trajectories of the reference's own PyTorch models, step by step. The folder comes from GOLDEN_DIR; its README gives
 * the conditions: data in file order, no shuffling, dropout off, base reward zero.
 */
const root = path.resolve(import.meta.dirname, '../../..')
const golden = path.resolve(root, process.env['GOLDEN_DIR'] ?? '../shared/golden')
const data = path.resolve(root, '../shared/data/simpler')

const caseSchema = z.object({
  model: z.string(),
  centering: z.string().optional(),
  model_config: z.record(z.string(), z.unknown()),
  trainer: z.record(z.string(), z.unknown()),
  feature_columns: z.array(z.string()),
  steps: z.array(
    z.object({ loss: z.number(), bt_loss: z.number(), reg_loss: z.number(), acc: z.number(), lr: z.number() }),
  ),
  test: z.object({ loss: z.number(), bt_loss: z.number(), acc: z.number(), z_first_16: z.array(z.number()) }),
})

/** The fused steps, the reference that specifies them, and that on TensorFlow where it is set up. */
const hasTensorflow = findAddOn() !== undefined
const BACKENDS = (['fused', 'wasm', 'tensorflow'] as const).filter((name) => name !== 'tensorflow' || hasTensorflow)

/** Relative error allowed per step's loss, and for the test loss. */
const STEP_TOLERANCE = 2e-5
const TEST_TOLERANCE = 1e-4
/** Each final tensor: relative L2 error, and the share of entries within ENTRY_TOLERANCE of its largest. */
const TENSOR_TOLERANCE = 1e-3
const ENTRY_TOLERANCE = 2e-4
const ENTRY_SHARE = { fused: 0.999, wasm: 0.999, tensorflow: 0.998 }
/** z of the first pairs, relative to the largest of them. The files' own sums are float32. */
const Z_TOLERANCE = 2e-4
/** Centring makes its gradient zero, so Adam amplifies rounding. */
const FREE_TENSORS = ['layer_d.bias']

const files = fs.existsSync(golden)
  ? fs
      .readdirSync(golden)
      .filter((name) => name.endsWith('.json'))
      .sort()
  : []
const cases = files.map((name) => ({
  name: path.basename(name, '.json'),
  ...caseSchema.parse(JSON.parse(fs.readFileSync(path.join(golden, name), 'utf8'))),
}))
const missing = !fs.existsSync(golden)
  ? `there are no golden files at ${golden}`
  : !fs.existsSync(data)
    ? `there is no data at ${data}`
    : cases.length === 0
      ? `${golden} holds no cases`
      : ''

describe('golden trajectories', () => {
  if (missing) {
    it.skip(`skipped: ${missing}`, () => {})
    return
  }
  const report: string[] = []
  afterAll(() => {
    process.stdout.write(`${report.join('\n')}\n`)
  })

  if (!hasTensorflow) it.skip('on tensorflow: not set up (npm run setup:tensorflow)', () => {})
  const runs = cases.flatMap((one) => BACKENDS.map((backend) => ({ ...one, backend })))
  it.each(runs)('$name on $backend', async ({ name, backend: choice, ...golden }) => {
    const dataset = await simpler(golden.feature_columns)
    const { train, test } = dataset.splits
    const config = experimentSchema.parse({
      backend: choice,
      data: { dts_name: 'simpler', dts_path: data, train: { df_file: '-', text_file: '-', emb_file: '-' } },
      model_name: golden.model,
      trainer: golden.trainer,
      [golden.model]: {
        ...golden.model_config,
        ...withoutDropout(golden.model),
        ...(golden.centering !== undefined && { centering: golden.centering }),
      },
    })
    const { trainer } = config
    const backend = await openBackend(config)
    const execution = (await backend.execute([config], dataset))[0]!
    const arrays = readNpz(
      fs.readFileSync(path.join(path.resolve(root, process.env['GOLDEN_DIR'] ?? '../shared/golden'), `${name}.npz`)),
    )
    const part = (prefix: string): typeof arrays =>
      arrays
        .filter((array) => array.name.startsWith(prefix))
        .map((array) => ({ ...array, name: array.name.slice(prefix.length) }))
    execution.load({ parameters: part('init/') })

    const schedule = createSchedule(trainer, totalSteps(train.pairs, trainer))
    let worstStep = 0
    for (const [step, expected] of golden.steps.entries()) {
      const perEpoch = Math.ceil(train.pairs / trainer.batch_size)
      const from = (step % perEpoch) * trainer.batch_size
      const rows = Int32Array.from({ length: Math.min(trainer.batch_size, train.pairs - from) }, (_, i) => from + i)
      const rates = schedule.at(step)
      expect(rates.learningRate, `learning rate of step ${step}`).toBeCloseTo(expected.lr, 12)
      execution.trainStep(rows, rates, Math.floor(step / perEpoch))
      const [figures] = await execution.drainSteps()
      worstStep = Math.max(
        worstStep,
        relative(figures!.loss, expected.loss),
        relative(figures!.bt_loss, expected.bt_loss),
      )
      expect(figures!.reg_loss, `reg_loss of step ${step}`).toBeCloseTo(expected.reg_loss, 7)
    }
    expect(golden.steps.length).toBe(totalSteps(train.pairs, trainer))
    expect(worstStep, 'largest relative error of a step').toBeLessThanOrEqual(STEP_TOLERANCE)

    let worstTensor = 0
    const state = await execution.state()
    for (const expected of part('final/')) {
      const actual = state.parameters.find((array) => array.name === expected.name)
      if (!actual || FREE_TENSORS.includes(expected.name)) continue
      const { l2, share } = compare(actual.values, expected.values)
      worstTensor = Math.max(worstTensor, l2)
      expect(l2, `relative L2 error of ${expected.name}`).toBeLessThanOrEqual(TENSOR_TOLERANCE)
      if (process.env['SHOW']) process.stdout.write(`${name} ${expected.name} ${l2.toExponential(1)} ${share}\n`)
      expect(share, `share of close entries of ${expected.name}`).toBeGreaterThanOrEqual(ENTRY_SHARE[choice])
    }

    const evaluation = await execution.evaluate(test)
    const figures = stepFigures(evaluation)
    expect(figures.acc).toBeCloseTo(golden.test.acc, 6)
    expect(relative(figures.loss, golden.test.loss)).toBeLessThanOrEqual(TEST_TOLERANCE)
    const largest = Math.max(...golden.test.z_first_16.map(Math.abs))
    for (const [row, z] of golden.test.z_first_16.entries())
      expect(Math.abs(evaluation.z[row]! - z) / largest).toBeLessThan(Z_TOLERANCE)
    report.push(
      `golden ${name}: ${golden.steps.length} steps on ${backend.name}, largest relative error: loss ${worstStep.toExponential(1)}, ` +
        `tensor ${worstTensor.toExponential(1)}, test loss ${relative(figures.loss, golden.test.loss).toExponential(1)}`,
    )
    execution.dispose()
    backend.close()
  })
})

/** Every dropout rate that the model's section has, as 0. */
function withoutDropout(model: string): Record<string, number> {
  const schema = Object.entries(MODEL_SCHEMAS).find(([name]) => name === model)?.[1]
  const rates = Object.keys(schema?.shape ?? {}).filter((key) => key.endsWith('dropout'))
  return Object.fromEntries(rates.map((key) => [key, 0]))
}

const relative = (actual: number, expected: number): number => Math.abs(actual - expected) / Math.abs(expected)

function compare(actual: Float32Array, expected: Float32Array): { l2: number; share: number } {
  let difference = 0
  let size = 0
  const largest = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
  let close = 0
  for (const [i, value] of expected.entries()) {
    difference += (actual[i]! - value) ** 2
    size += value ** 2
    if (Math.abs(actual[i]! - value) <= ENTRY_TOLERANCE * largest) close++
  }
  return { l2: size === 0 ? Math.sqrt(difference) : Math.sqrt(difference / size), share: close / expected.length }
}

/** The SimplER splits in file order, user ids as rows of the reference's tables. */
async function simpler(featureColumns: string[]): Promise<Dataset & { splits: { train: PairSplit; test: PairSplit } }> {
  const split = async (name: 'train' | 'test'): Promise<PairSplit> => {
    const file = await asyncBufferFromFile(
      path.join(data, `dataset_pairwise_preferences_${name}_with_emb_and_ohe.parquet`),
    )
    const rows = await parquetReadObjects({ file })
    const emb = path.join(data, `emb_${name}.npy`)
    const column = (key: string): Int32Array => Int32Array.from(rows, (row) => Number(row[key]))
    return {
      name,
      pairs: rows.length,
      table: { file: emb, ...(await readNpy(emb)) },
      users: column('u_id'),
      prompts: column('prompt_emb_idx'),
      chosen: column('chosen_emb_idx'),
      rejected: column('rejected_emb_idx'),
      ids: null,
      features: Float32Array.from(rows.flatMap((row) => featureColumns.map((key) => Number(row[key])))),
    }
  }
  const splits = { train: await split('train'), test: await split('test') }
  const trainedUsers = Math.max(...splits.train.users) + 1
  return {
    name: 'simpler',
    users: Array.from({ length: trainedUsers }, (_, user) => user),
    trainedUsers,
    width: splits.train.table.width,
    featureColumns,
    splits,
  }
}

import { afterEach, describe, expect, it } from 'vitest'
import type { ExperimentConfig } from '../../../shared/config/experiment'
import type { ModelName } from '../../../shared/config/experiment'
import type { Dataset } from '../../data/dataset'
import { createSchedule } from '../../loop/schedule'
import { experiment } from '../../testing/experiment'
import { syntheticDataset } from '../../testing/syntheticDataset'
import type { Execution, StepFigures } from '../execution'
import { openBackend, type Backend } from '../openBackend'

const opened: Backend[] = []
afterEach(() => {
  for (const backend of opened.splice(0)) backend.close()
})

const STEPS = 30
const BATCH = 27
type Configs = readonly [ExperimentConfig, ...ExperimentConfig[]]

/** Everything that a run leaves, by name; float32 and float64 numbers as they are. */
type Trace = Record<string, readonly number[]>

async function traceOf(execution: Execution, dataset: Dataset, figures: readonly StepFigures[]): Promise<Trace> {
  const { parameters, optimizer, steps } = await execution.state()
  const { z } = await execution.evaluate(dataset.splits.test!)
  const arrays = [...parameters, ...optimizer.map((array) => ({ ...array, name: `optimizer ${array.name}` }))]
  return {
    ...Object.fromEntries(arrays.map(({ name, values }) => [name, [...values]])),
    figures: figures.flatMap((one) => [one.rows, one.loss, one.bt_loss, one.reg_loss, one.acc, one.acc_delta]),
    z: [...z],
    steps: [steps],
  }
}

/**
 * Trains runs in one pass, as `fit` does: each asks for a step when it likes, and the slowest is waited for.
 *
 * @param stops steps that each run takes before it leaves; the last of an epoch's batches is a short one
 */
async function train(
  configs: Configs,
  dataset: Dataset,
  threads: number,
  stops: readonly number[] = configs.map(() => STEPS),
): Promise<Trace[]> {
  const backend = await openBackend({ ...configs[0], backend: 'fused', threads })
  opened.push(backend)
  const withThreads = configs.map((config) => ({ ...config, backend: 'fused', threads }) as const)
  const executions = await backend.execute(withThreads as unknown as Configs, dataset)
  const perEpoch = Math.ceil(dataset.splits.train.pairs / BATCH)
  const traces = executions.map(async (execution, i) => {
    const schedule = createSchedule(configs[i]!.trainer, STEPS)
    const figures: StepFigures[] = []
    for (let step = 0; step < stops[i]!; step++) {
      const [epoch, batch] = [Math.floor(step / perEpoch), step % perEpoch]
      const rows = execution.order(epoch).subarray(batch * BATCH, (batch + 1) * BATCH)
      execution.trainStep(rows, schedule.at(step), epoch)
      if (batch === perEpoch - 1) figures.push(...(await execution.drainSteps()))
    }
    figures.push(...(await execution.drainSteps()))
    const trace = await traceOf(execution, dataset, figures)
    execution.rest()
    return trace
  })
  return Promise.all(traces)
}

/** Seeds, learning rates, λ and K that differ; batches that do not. */
const trainer = (i: number, more: object = {}) => ({
  batch_size: BATCH,
  seed: 10 + i,
  data_seed: 4,
  learning_rate: [1e-2, 3e-3, 1e-3, 5e-2, 2e-2][i]!,
  ...more,
})
const caimiras = [0, 1, 2, 3, 4].map((i) =>
  experiment('caimira', trainer(i, i === 2 ? { gradient_clip_val: 0.05 } : {}), {
    n_dim: [3, 5, 1, 8, 3][i]!,
    lambda_s: [0, 1e-3, 1e-2, 0, 5e-3][i]!,
    lambda_d: [1e-2, 0, 1e-3, 0, 2e-3][i]!,
    r_temperature: i === 4 ? 2 : 1,
  }),
)

const small = syntheticDataset({ users: 7, texts: 60, width: 21, pairs: 170 })
const withFeatures = syntheticDataset({ users: 7, texts: 60, width: 21, pairs: 170, features: 3 })
const first = (configs: readonly ExperimentConfig[], n: number): Configs => configs.slice(0, n) as unknown as Configs

/** A run's trace on its own, taken once. */
const alone = new Map<ExperimentConfig, Map<string, Promise<Trace[]>>>()
async function aloneTrace(config: ExperimentConfig, dataset: Dataset, threads: number, steps = STEPS): Promise<Trace> {
  const key = `${threads} ${steps}`
  const known = alone.get(config) ?? new Map<string, Promise<Trace[]>>()
  alone.set(config, known)
  const trace = known.get(key) ?? train([config], dataset, threads, [steps])
  known.set(key, trace)
  return (await trace)[0]!
}

describe('runs of one pass are to the bit those that they are alone', () => {
  it.each([1, 2, 3, 5].flatMap((runs) => [1, 2].map((threads) => ({ runs, threads }))))(
    'or $runs caimira runs of other K, λ, seeds and rates disturb each other on $threads threads',
    async ({ runs, threads }) => {
      const together = await train(first(caimiras, runs), small, threads)
      for (const [i, trace] of together.entries()) {
        expect(trace['figures']).toHaveLength(STEPS * 6)
        expect(trace).toEqual(await aloneTrace(caimiras[i]!, small, threads))
      }
    },
  )

  it.each([
    { model: 'model1', section: { n_dim: 3, n_dim_user_embed_2: 2, dropout: 0.2, lambda_u: 0.04 }, data: withFeatures },
    {
      model: 'model2',
      section: { n_dim: 4, n_dim_user_embed_2: 3, proj_hidden: 5, dropout: 0.1, proj_dropout: 0.2, user_dropout: 0.3 },
      data: small,
    },
    { model: 'lore', section: { n_dim: 3, lambda_v: 0.01 }, data: small },
    { model: 'bt', section: { lambda_w: 0.01 }, data: small },
  ] satisfies { model: ModelName; section: object; data: Dataset }[])(
    'or seeds of $model share a mask, a buffer or a penalty',
    async ({ model, section, data }) => {
      const configs = first(
        [0, 1, 2].map((i) => experiment(model, trainer(i), section)),
        3,
      )
      for (const threads of [1, 2]) {
        const together = await train(configs, data, threads)
        for (const [i, trace] of together.entries()) expect(trace).toEqual(await aloneTrace(configs[i]!, data, threads))
        // Seeds do differ: equal traces would prove nothing.
        expect(together[0]!['z']).not.toEqual(together[1]!['z'])
      }
    },
  )

  it('or their number of threads changes a bit', async () => {
    const [one, two, three] = await Promise.all([1, 2, 3].map((threads) => train(first(caimiras, 2), small, threads)))
    expect(two).toEqual(one)
    expect(three).toEqual(one)
  })
})

it('runs of two models that read the same of a batch disturb each other in one pass', async () => {
  const mixed = first([caimiras[0]!, experiment('bt', trainer(1)), experiment('lore', trainer(2), { n_dim: 3 })], 3)
  const together = await train(mixed, small, 2)
  for (const [i, trace] of together.entries()) expect(trace).toEqual(await aloneTrace(mixed[i]!, small, 2))
})

describe('a run that leaves early', () => {
  it.each([
    { stops: [30, 12, 30], who: 'in the middle of an epoch' },
    { stops: [7, 30, 14], who: 'at the ends of epochs, one after the other' },
    { stops: [30, 0, 30], who: 'before its first step' },
  ])('$who stops the others, or takes their place', async ({ stops }) => {
    const together = await train(first(caimiras, 3), small, 2, stops)
    for (const [i, trace] of together.entries())
      expect(trace).toEqual(await aloneTrace(caimiras[i]!, small, 2, stops[i]!))
  })
})

it('runs on other batches train on those of the first without a word', async () => {
  const configs = first([experiment('bt', trainer(0)), experiment('bt', trainer(1, { data_seed: 5 }))], 2)
  await expect(train(configs, small, 1)).rejects.toThrow('must train on the same batches')
  const sizes = first([experiment('bt', trainer(0)), experiment('bt', trainer(1, { batch_size: BATCH + 1 }))], 2)
  await expect(train(sizes, small, 1)).rejects.toThrow('must train on the same batches')
  const models = first([experiment('bt', trainer(0)), experiment('model1', trainer(1))], 2)
  await expect(train(models, small, 1)).rejects.toThrow('must train on the same batches')
})

import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { MODEL_NAMES, type ExperimentConfig, type ModelName } from '../../shared/config/experiment'
import type { NamedArray } from '../backends/execution'
import { loadBackend, type LoadedBackend } from '../backends/tfjs/loadBackend'
import { TfjsExecution, type ExplainedSide } from '../backends/tfjs/tfjsExecution'
import type { Dataset, PairSplit } from '../data/dataset'
import { experiment } from '../testing/experiment'
import { syntheticDataset } from '../testing/syntheticDataset'
import type { Init, Model, Tensors } from './model'
import { createModel } from './registry'
import { sizesOf } from './sizesOf'
import { casesOf, type ModelCase } from './testing/cases'

/** What every model owes: a new one is covered by standing in the registry. */
let backend: LoadedBackend
beforeAll(async () => {
  backend = await loadBackend('auto')
})

const small = { plain: dataset(0), featured: dataset(2) }

function dataset(features: number): Dataset {
  return syntheticDataset({ users: 5, unseenUsers: 3, texts: 40, width: 8, pairs: 120, features })
}

function execute(config: ExperimentConfig, data: Dataset): { execution: TfjsExecution; model: Model } {
  const model = createModel(config, sizesOf(data))
  return { model, execution: new TfjsExecution(model, data, config.trainer, backend) }
}

const STEPS = 45

interface Trained {
  execution: TfjsExecution
  model: Model
  data: Dataset
  losses: number[]
}

/** Some steps, so that parameters are no longer what they were drawn as. */
async function train(name: ModelName, one: ModelCase, steps: number): Promise<Trained> {
  const data = one.features ? small.featured : small.plain
  const run = execute(experiment(name, { batch_size: 40, max_epochs: STEPS / 3 }, one.section), data)
  for (let step = 0; step < steps; step++)
    run.execution.trainStep(
      Int32Array.from({ length: 40 }, (_, i) => (step * 40 + i) % 120),
      { learningRate: 0.03, beta1: 0.9 },
      Math.floor(step / 3),
    )
  const figures = await run.execution.drainSteps()
  return { ...run, data, losses: figures.map(({ loss }) => loss) }
}

describe.each(MODEL_NAMES)('%s', (name) => {
  describe.each(casesOf(name))('$name', (one) => {
    let trained: Trained
    beforeAll(async () => {
      trained = await train(name, one, STEPS)
      return () => trained.execution.dispose()
    })

    it('learns', () => {
      const { losses } = trained
      const epoch = (from: number): number => losses.slice(from, from + 3).reduce((a, b) => a + b)
      expect(epoch(STEPS - 3)).toBeLessThan(0.98 * epoch(0))
    })

    it('explains each pair by parts that add up to what it predicts', async () => {
      const { execution, model, data } = trained
      for (const split of [data.splits.test!, data.splits.test_unseen!]) {
        // Not in the data's order, and not all of them.
        const rows = Int32Array.from({ length: split.pairs }, (_, row) => split.pairs - 1 - row).filter(
          (row) => row % 3,
        )
        const parts = execution.explain(split, rows)
        expect(parts === null).toBe(model.explain === undefined)
        if (!parts) continue
        const { deltaMargin } = await execution.evaluate(split)
        const K = parts.dimensions
        const side = ({ load, difficulty }: ExplainedSide, at: number): number =>
          load[at]! * (parts.user[at]! - (difficulty?.[at] ?? 0))
        const largest = Math.max(...deltaMargin.map(Math.abs))
        for (const [i, row] of rows.entries()) {
          let sum = 0
          for (let k = 0; k < K; k++) sum += side(parts.chosen, i * K + k) - side(parts.rejected, i * K + k)
          expect(Math.abs(sum - deltaMargin[row]!)).toBeLessThan(2e-6 * Math.max(1, largest))
        }
      }
    })

    it('gives a user whom training never saw the mean of the trained rows', async () => {
      const { execution, model, data } = trained
      const unseen = data.splits.test_unseen!
      const asUser = (user: number): PairSplit => ({ ...unseen, users: unseen.users.map(() => user) })
      const first = await execution.evaluate(asUser(5))
      expect((await execution.evaluate(asUser(7))).z).toEqual(first.z)

      const { parameters } = await execution.state()
      const perUser = model.parameters.filter((spec) => spec.perUser).map((spec) => spec.name)
      const evaluated = settled(model, parameters)
      execution.load({
        parameters: parameters.map((array) =>
          perUser.includes(array.name) ? firstRowAsMean(evaluated(array)) : array,
        ),
      })
      const known = await execution.evaluate(asUser(0))
      execution.load({ parameters })
      expectClose(known.z, first.z, 1e-5)
      expect(norm(first.z)).toBeGreaterThan(0)
    })

    it('gives a pair the same margin whatever pairs stand beside it', async () => {
      const { execution, model, data } = trained
      const whole = await execution.evaluate(data.splits.test!)
      const alone: number[] = []
      for (let row = 0; row < 8; row++) alone.push((await execution.evaluate(take(data, [row]))).z[0]!)
      const backwards = await execution.evaluate(take(data, [7, 6, 5, 4, 3, 2, 1, 0]))
      const difference = Math.max(
        ...alone.map((z, row) => Math.abs(z - whole.z[row]!)),
        ...alone.map((z, row) => Math.abs(z - backwards.z[7 - row]!)),
      )
      const largest = Math.max(...whole.z.map(Math.abs))
      if (model.batchDependent) expect(difference).toBeGreaterThan(1e-3 * largest)
      else expect(difference).toBeLessThan(1e-5 * largest)
    })

    it('evaluates without drawing anything, and leaves its parameters and buffers as they are', async () => {
      const { execution, data } = trained
      const before = await execution.state()
      const first = await execution.evaluate(data.splits.test!)
      expect(await execution.evaluate(data.splits.test!)).toEqual(first)
      expect(await execution.state()).toEqual(before)
    })

    it('holds no tensor longer than it lives', async () => {
      const before = tf.memory().numTensors
      const { execution, data } = await train(name, one, 1)
      await execution.evaluate(data.splits.test!)
      const held = tf.memory().numTensors
      execution.trainStep(Int32Array.of(0, 1, 2), { learningRate: 0.01, beta1: 0.9 }, 4)
      await execution.drainSteps()
      await execution.evaluate(data.splits.test!)
      await execution.frozen()
      expect(tf.memory().numTensors).toBe(held)
      execution.dispose()
      expect(tf.memory().numTensors).toBe(before)
    })

    it('draws its initial parameters as specified', async () => {
      const data = one.features ? large.featured : large.plain
      const wide = { n_dim: 60, n_dim_user_embed_2: 50, proj_hidden: 70, words_emb_dim: 80, n_topics: 40 }
      const section = Object.fromEntries(Object.entries(wide).filter(([key]) => key in one.section))
      const { execution, model } = execute(experiment(name, { seed: 11 }, { ...one.section, ...section }), data)
      const { parameters } = await execution.state()
      execution.dispose()
      expect(new Set(parameters.map((array) => array.name)).size).toBe(model.parameters.length)
      for (const array of parameters) expectDrawn(name, array, parameters)
    })
  })
})

const large = {
  plain: syntheticDataset({ users: 80, texts: 20, width: 90, pairs: 100, words: 70 }),
  featured: syntheticDataset({ users: 80, texts: 20, width: 90, pairs: 100, words: 70, features: 30 }),
}

/** Parameters that are not a Linear layer's, from the specification. */
const INITS: Readonly<Record<string, Init>> = {
  'caimira/layer_s.weight': { kind: 'normal', sd: 0.001 },
  'ntm/layer_s.weight': { kind: 'normal', sd: 0.001 },
  'model1/user_id.weight': { kind: 'normal', sd: 0.001 },
  'model2/user_id.weight': { kind: 'normal', sd: 0.01 },
  'model2/scale': { kind: 'constant', value: 1 },
  'lore/a.weight': { kind: 'normal', sd: 0.01 },
  'bt/w.weight': { kind: 'constant', value: 0 },
  'ntm/eta_bn_prop': { kind: 'constant', value: 1 },
}

function specified(model: ModelName, { name, shape }: NamedArray, all: readonly NamedArray[]): Init {
  const own = INITS[`${model}/${name}`]
  if (own) return own
  const [layer, part] = [name.slice(0, name.lastIndexOf('.')), name.slice(name.lastIndexOf('.') + 1)]
  if (part === 'running_var') return { kind: 'constant', value: 1 }
  if (part === 'running_mean') return { kind: 'constant', value: 0 }
  const weight = part === 'weight' ? shape : all.find((array) => array.name === `${layer}.weight`)?.shape
  // Normalisation layers have a gain vector, or none.
  if (weight?.length !== 2) return { kind: 'constant', value: part === 'weight' ? 1 : 0 }
  return { kind: 'uniform', bound: 1 / Math.sqrt(weight[1]!) }
}

/** Mean, standard deviation, range, and by the kurtosis the kind of distribution, each within 5 standard errors. */
function expectDrawn(model: ModelName, array: NamedArray, all: readonly NamedArray[]): void {
  const init = specified(model, array, all)
  const values = Array.from(array.values)
  const n = values.length
  if (init.kind === 'constant') {
    expect(new Set(values), array.name).toEqual(new Set([init.value]))
    return
  }
  const sd = init.kind === 'normal' ? init.sd : init.bound / Math.sqrt(3)
  const kurtosis = init.kind === 'normal' ? 3 : 1.8
  const moment = (power: number): number => values.reduce((total, v) => total + (v / sd) ** power, 0) / n
  expect(Math.abs(moment(1)), `mean of ${array.name}`).toBeLessThan(5 / Math.sqrt(n))
  expect(Math.abs(moment(2) - 1), `variance of ${array.name}`).toBeLessThan(5 * Math.sqrt((kurtosis - 1) / n))
  if (init.kind === 'uniform') {
    const largest = Math.max(...values.map(Math.abs))
    expect(largest, `bound of ${array.name}`).toBeLessThanOrEqual(Math.fround(init.bound))
    expect(largest, `range of ${array.name}`).toBeGreaterThan(init.bound * (1 - 10 / n))
  }
  // The variance of x⁴ is 96 for a standard normal and 16/9·… < 6 for a uniform one.
  if (n >= 1000) expect(Math.abs(moment(4) - kurtosis), `kurtosis of ${array.name}`).toBeLessThan(5 * Math.sqrt(96 / n))
}

/** The rows as evaluation uses them. */
function settled(model: Model, parameters: readonly NamedArray[]): (array: NamedArray) => NamedArray {
  const arrays = new Map<string, Float32Array>()
  tf.tidy(() => {
    const named = parameters.map(({ name, shape, values }) => [name, tf.tensor(values, [...shape])])
    const changed: Tensors = model.beforeEvaluation?.(Object.fromEntries(named)) ?? {}
    for (const [name, t] of Object.entries(changed)) arrays.set(name, t.dataSync<'float32'>())
  })
  return (array) => ({ ...array, values: arrays.get(array.name) ?? array.values })
}

function firstRowAsMean(array: NamedArray): NamedArray {
  const [rows, width] = array.shape
  const values = Float32Array.from(array.values)
  for (let k = 0; k < width!; k++) {
    let total = 0
    for (let row = 0; row < rows!; row++) total += array.values[row * width! + k]!
    values[k] = total / rows!
  }
  return { ...array, values }
}

function take({ splits: { test }, featureColumns: { length: F } }: Dataset, rows: readonly number[]): PairSplit {
  const column = (own: Int32Array): Int32Array => Int32Array.from(rows, (row) => own[row]!)
  const { features } = test!
  return {
    ...test!,
    pairs: rows.length,
    users: column(test!.users),
    prompts: column(test!.prompts),
    chosen: column(test!.chosen),
    rejected: column(test!.rejected),
    features: features && Float32Array.from(rows.flatMap((row) => [...features.subarray(row * F, (row + 1) * F)])),
  }
}

const norm = (values: Float32Array): number => Math.hypot(...values)

function expectClose(actual: Float32Array, expected: Float32Array, tolerance: number): void {
  const largest = Math.max(...expected.map(Math.abs))
  for (const [i, value] of expected.entries())
    expect(Math.abs(actual[i]! - value)).toBeLessThanOrEqual(tolerance * largest)
}

import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { MODEL_NAMES, type ExperimentConfig } from '../../shared/config/experiment'
import { loadBackend } from '../backends/tfjs/loadBackend'
import { RandomStream, fillNormal } from '../loop/random'
import { experiment } from '../testing/experiment'
import type { Mode, Model, ModelInputs, Sizes, Tensors } from './model'
import { createModel } from './registry'
import { casesOf, type ModelCase } from './testing/cases'
import type { Matrix, Values } from './testing/float64'
import { lossOf, outcome, type PairBatch, type Situation } from './testing/oracles'

/**
 * Every model against a float64 re-derivation: its values, and its autodiff gradient against central differences of that.
 */
const SIZES = { users: 4, width: 5, vocabulary: 7 }
const FEATURES = 2
const EPOCHS = 8
const NO_DROPOUT = { dropout: 0, proj_dropout: 0, user_dropout: 0, encoder_dropout: 0, z_dropout: 0 }

/** Of float32 against float64, relative to the largest value or the norm. */
const VALUE_TOLERANCE = 1e-5
const GRADIENT_TOLERANCE = 1e-3
/** Of the whole gradient's norm: what a tensor whose own gradient is zero may be off by. */
const ZERO_GRADIENT = 1e-5
const STEP = 1e-4

beforeAll(async () => {
  await loadBackend('auto')
})

describe.each(MODEL_NAMES)('%s equals its formulas', (name) => {
  for (const one of casesOf(name)) {
    it.each([0, 3, 6])(`${one.name}, training in epoch %i`, (epoch) => check(one, true, epoch))
    it(`${one.name}, evaluation`, () => check(one, false, 0))
  }

  function check(one: ModelCase, training: boolean, epoch: number): void {
    const { config, sizes } = setUp(name, one)
    const model = createModel(config, sizes)
    const p = randomParameters(model)
    const situation: Situation = {
      batch: pairBatch('batch', 6, sizes),
      train: pairBatch('train', 5, sizes),
      training,
      noise: matrix('noise', 12, sectionNumber(config, 'n_topics') ?? 1),
      epoch,
      epochs: EPOCHS,
    }
    const expected = outcome(p, situation, config)
    tf.tidy(() => {
      const actual = run(model, tensors(model, p), situation)
      close(actual.chosen, expected.chosen, 'δ chosen')
      close(actual.rejected, expected.rejected, 'δ rejected')
      close([actual.penalty], [expected.penalty], 'reg_loss')
      expect(Object.keys(actual.terms).sort()).toEqual(Object.keys(expected.terms).sort())
      for (const [term, figure] of Object.entries(expected.terms)) close([actual.terms[term]!], [figure], term)
      const buffers = model.parameters.filter(({ buffer }) => buffer).map((spec) => spec.name)
      for (const buffer of training ? buffers : [])
        close(actual.buffers[buffer]!, Array.from(expected.buffers![buffer]!), buffer)
    })
    if (training) checkGradient(model, p, situation, config)
  }
})

function checkGradient(model: Model, p: Values, situation: Situation, config: ExperimentConfig): void {
  const trainable = model.parameters.filter(({ buffer }) => !buffer)
  const sizes = trainable.map(({ shape }) => shape.reduce((a, b) => a * b, 1))
  const all = tf.tidy(() => {
    const start = tensors(model, p)
    // Through one flat vector, as training does: a parameter without influence then has the gradient 0.
    const flat = tf.concat(trainable.map(({ name }) => tf.reshape(start[name]!, [-1])))
    const gradient = tf.grad((x) => {
      const parts = sizes.length === 1 ? [x] : tf.split(x, sizes)
      const cut = trainable.map(({ name, shape }, i) => [name, tf.reshape(parts[i]!, [...shape])])
      const named: Tensors = { ...start, ...Object.fromEntries(cut) }
      const { chosen, rejected, terms = {} } = model.forward(named, inputsOf(situation.batch), modeOf(situation, {}))
      const preference = tf.mean(tf.softplus(tf.sub(rejected, chosen)))
      return tf.addN([preference, model.penalty(named), ...Object.values(terms)])
    })(flat)
    const values = Array.from(gradient.dataSync())
    return sizes.map((size) => values.splice(0, size))
  })
  const expected = trainable.map(({ name }) => {
    const values = Float64Array.from(p[name]!)
    return Array.from(values, (at, i) => {
      const loss = (moved: number): number => {
        const nearby = Float64Array.from(values)
        nearby[i] = moved
        return lossOf(outcome({ ...p, [name]: nearby }, situation, config))
      }
      return (loss(at + STEP) - loss(at - STEP)) / (2 * STEP)
    })
  })
  const whole = norm(expected.flat())
  expect(whole).toBeGreaterThan(0)
  for (const [i, { name }] of trainable.entries()) {
    const error = norm(all[i]!.map((value, k) => value - expected[i]![k]!))
    expect(error, `gradient of ${name}`).toBeLessThanOrEqual(
      GRADIENT_TOLERANCE * norm(expected[i]!) + ZERO_GRADIENT * whole,
    )
  }
}

function run(
  model: Model,
  p: Tensors,
  situation: Situation,
): {
  chosen: number[]
  rejected: number[]
  penalty: number
  terms: Record<string, number>
  buffers: Record<string, number[]>
} {
  const inputs = inputsOf(situation.batch)
  const { train } = situation
  const answers = tf.tensor2d([...train.chosen, ...train.rejected].map((row) => [...row]))
  const frozen = situation.training
    ? {}
    : model.freeze(p, {
        meanAnswer: tf.mean(answers, 0, true),
        mean: (rows) => tf.mean(rows(inputsOf(train)), 0, true),
      })
  const forward = model.forward(p, inputs, modeOf(situation, frozen))
  const read = (named: Tensors = {}): [string, number[]][] =>
    Object.entries(named).map(([name, t]) => [name, Array.from(t.dataSync())])
  return {
    chosen: Array.from(forward.chosen.dataSync()),
    rejected: Array.from(forward.rejected.dataSync()),
    penalty: model.penalty(p).dataSync()[0]!,
    terms: Object.fromEntries(read(forward.terms).map(([name, values]) => [name, values[0]!])),
    buffers: Object.fromEntries(read(forward.buffers)),
  }
}

function modeOf({ training, noise, epoch, epochs }: Situation, frozen: Tensors): Mode {
  if (!training) return { training, frozen }
  return {
    training,
    epoch,
    epochs,
    dropout: () => {
      throw new Error('dropout at rate 0 must cost nothing')
    },
    noise: () => tf.tensor2d(noise.map((row) => [...row])),
  }
}

/** The distinct texts of a batch are its own texts here: rejected answers stand after chosen ones, in reverse. */
function inputsOf(batch: PairBatch): ModelInputs {
  const B = batch.users.length
  const matrix2d = (rows: Matrix): tf.Tensor => tf.tensor2d(rows.map((row) => [...row]))
  const backwards = <T>(rows: readonly T[]): T[] => [...rows].reverse()
  const range = (from: number, step: number): tf.Tensor =>
    tf.tensor1d(
      Int32Array.from({ length: B }, (_, i) => from + step * i),
      'int32',
    )
  return {
    users: tf.tensor1d([...batch.users], 'int32'),
    answers: matrix2d([...batch.chosen, ...backwards(batch.rejected)]),
    chosen: range(0, 1),
    rejected: range(2 * B - 1, -1),
    prompts: () => ({ vectors: matrix2d(backwards(batch.prompts)), rows: range(B - 1, -1) }),
    bow: () => matrix2d([...batch.chosenWords, ...backwards(batch.rejectedWords)]),
    features: batch.features && matrix2d(batch.features),
  }
}

function setUp(model: (typeof MODEL_NAMES)[number], one: ModelCase): { config: ExperimentConfig; sizes: Sizes } {
  const known = Object.keys(Object(Reflect.get(experiment(model), model)))
  const off = Object.fromEntries(Object.entries(NO_DROPOUT).filter(([key]) => known.includes(key)))
  const config = experiment(model, { max_epochs: EPOCHS }, { ...one.section, ...off })
  return { config, sizes: { ...SIZES, features: one.features ? FEATURES : 0 } }
}

function sectionNumber(config: ExperimentConfig, key: string): number | undefined {
  const found: unknown = Reflect.get(Object(Reflect.get(config, config.model_name)), key)
  return typeof found === 'number' ? found : undefined
}

/** Float32 numbers, away from the kinks at 0 and large enough to matter; variances stay positive. */
function randomParameters(model: Model): Record<string, Float64Array> {
  return Object.fromEntries(
    model.parameters.map(({ name, shape }) => {
      const values = new Float32Array(shape.reduce((a, b) => a * b, 1))
      fillNormal(values, 0.5, new RandomStream(3, name))
      const positive = name.endsWith('running_var') || name === 'eta_bn_prop' || name === 'scale'
      return [
        name,
        Float64Array.from(values, (v) => Math.fround(positive ? 0.3 + Math.abs(v) / 2 : v + Math.sign(v) * 0.01)),
      ]
    }),
  )
}

function tensors(model: Model, p: Values): Tensors {
  return Object.fromEntries(
    model.parameters.map(({ name, shape }) => [name, tf.tensor(Float32Array.from(p[name]!), [...shape])]),
  )
}

function matrix(name: string, rows: number, width: number): number[][] {
  const values = new Float32Array(rows * width)
  fillNormal(values, 1, new RandomStream(5, name))
  return Array.from({ length: rows }, (_, i) => Array.from(values.subarray(i * width, (i + 1) * width)))
}

function pairBatch(name: string, B: number, sizes: Sizes): PairBatch {
  const words = (side: string): number[][] =>
    matrix(`${name}/${side}`, B, sizes.vocabulary).map((row) => row.map((v) => Math.max(0, Math.round(2 * v))))
  return {
    users: Array.from({ length: B }, (_, i) => (i * 3) % sizes.users),
    prompts: matrix(`${name}/prompts`, B, sizes.width),
    chosen: matrix(`${name}/chosen`, B, sizes.width),
    rejected: matrix(`${name}/rejected`, B, sizes.width),
    features: sizes.features === 0 ? null : matrix(`${name}/features`, B, sizes.features),
    chosenWords: words('chosen words'),
    rejectedWords: words('rejected words'),
  }
}

const norm = (values: readonly number[]): number => Math.hypot(...values)

function close(actual: readonly number[], expected: readonly number[], what: string): void {
  expect(actual.length, what).toBe(expected.length)
  const largest = Math.max(...expected.map(Math.abs))
  for (const [i, value] of expected.entries())
    expect(Math.abs(actual[i]! - value), `${what} ${i}`).toBeLessThanOrEqual(VALUE_TOLERANCE * largest)
}

import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, expect, it } from 'vitest'
import { loadBackend } from '../../backends/tfjs/loadBackend'
import { experiment } from '../../testing/experiment'
import type { Model, ModelInputs } from '../model'
import { createModel } from '../registry'

beforeAll(async () => {
  await loadBackend('auto')
})

const TABLE = [
  [3, 4],
  [0.3, 0.4],
  [-6, 8],
  [0, 1],
]

function model2(section: object = {}): Model {
  const config = experiment('model2', {}, { n_dim: 2, n_dim_user_embed_2: 2, proj_hidden: 3, ...section })
  return createModel(config, { users: 4, width: 3, features: 0, vocabulary: 0 })
}

const inputsOf = (users: number[]): ModelInputs => ({
  users: tf.tensor1d(users, 'int32'),
  answers: tf.tensor2d([[1, 2, 3]]),
  chosen: tf.tensor1d(
    users.map(() => 0),
    'int32',
  ),
  rejected: tf.tensor1d(
    users.map(() => 0),
    'int32',
  ),
  prompts: () => ({
    vectors: tf.tensor2d([[1, 2, 3]]),
    rows: tf.tensor1d(
      users.map(() => 0),
      'int32',
    ),
  }),
  bow: () => tf.tensor2d([[1]]),
  features: null,
})

const rows = (t: tf.Tensor): number[][] => {
  const flat = [...t.dataSync()]
  return TABLE.map(() => flat.splice(0, 2))
}

function expectRows(actual: number[][], expected: number[][]): void {
  for (const [i, row] of expected.entries())
    for (const [k, value] of row.entries()) expect(actual[i]![k], `row ${i}`).toBeCloseTo(value, 6)
}

it('before a step, brings the rows of its users to the largest norm, as torch does; no others', () => {
  const table = tf.tensor2d(TABLE)
  const changed = model2({ user_max_norm: 2 }).beforeStep!({ 'user_id.weight': table }, inputsOf([0, 1, 3, 0]))
  expectRows(rows(changed['user_id.weight']!), [
    [1.2, 1.6],
    [0.3, 0.4],
    [-6, 8],
    [0, 1],
  ])
  expectRows(rows(table), TABLE)
})

it('divides by norm + 1e-7, which leaves a renormalised row just below the largest norm', () => {
  const small = TABLE.map((row) => row.map((v) => v * 1e-6))
  const changed = model2({ user_max_norm: 1e-6 }).beforeStep!(
    { 'user_id.weight': tf.tensor2d(small) },
    inputsOf([0, 2]),
  )
  const [first] = rows(changed['user_id.weight']!)
  expect(first![0]! * 1e6).toBeCloseTo((3 * 1e-6) / (5e-6 + 1e-7), 5)
})

it('for evaluation, does so to all rows and leaves the parameters alone', () => {
  const table = tf.tensor2d(TABLE)
  const changed = model2().beforeEvaluation!({ 'user_id.weight': table })
  expectRows(rows(changed['user_id.weight']!), [
    [0.6, 0.8],
    [0.3, 0.4],
    [-0.6, 0.8],
    [0, 1],
  ])
  expectRows(rows(table), TABLE)
})

it.each([
  [0.05, 0.1, 0],
  [2, 2, 1],
  [30, 10, 0],
])('clamps a scale of %d to %d, and then gives it no gradient', (scale, used, gradient) => {
  const model = model2({ dropout: 0, proj_dropout: 0, user_dropout: 0 })
  const start = Object.fromEntries(
    model.parameters.map(({ name, shape }) => [name, tf.randomUniform([...shape], 0.1, 1, 'float32', 5)]),
  )
  const delta = (value: tf.Tensor): tf.Tensor =>
    tf.sum(model.forward({ ...start, scale: value }, inputsOf([1]), { training: false, frozen: {} }).chosen)
  const unit = delta(tf.scalar(1)).dataSync()[0]!
  expect(unit).not.toBe(0)
  expect(delta(tf.scalar(scale)).dataSync()[0]).toBeCloseTo(used * unit, 4)
  expect(tf.grad(delta)(tf.scalar(scale)).dataSync()[0]).toBeCloseTo(gradient * unit, 4)
})

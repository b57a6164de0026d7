import * as tf from '@tensorflow/tfjs-core'
import { afterAll, expect, it } from 'vitest'
import { loadBackend } from '../backends/tfjs/loadBackend'
import { TfjsExecution } from '../backends/tfjs/tfjsExecution'
import { RandomStream, permutation } from '../loop/random'
import { createModel } from '../models/registry'
import { sizesOf } from '../models/sizesOf'
import { experiment } from '../testing/experiment'
import { syntheticDataset } from '../testing/syntheticDataset'
import { accuracyAgainstK, adaptUsers, fitAll, pairsByUser, type AdaptOptions } from './adaptUsers'

const dataset = syntheticDataset({ users: 12, unseenUsers: 4, texts: 120, width: 6, pairs: 2400 })
const unseen = dataset.splits.test_unseen!

const byUser = pairsByUser(unseen)
const never = new AbortController().signal
const curveOf = async (
  execution: TfjsExecution,
  options: Omit<AdaptOptions, 'choose'>,
  choose: AdaptOptions['choose'],
) => (await accuracyAgainstK({ execution, split: unseen, byUser }, undefined, { ...options, choose }, never)).curve

const USUAL = { choose: 'random', k: [0, 1, 8], repeats: 3, seed: 0 } satisfies AdaptOptions

const models = new Map<string, Promise<TfjsExecution>>()

/** Trained once for all tests: none of them may change it. */
function trained(model: 'caimira' | 'lore'): Promise<TfjsExecution> {
  const known = models.get(model) ?? train(model)
  models.set(model, known)
  return known
}

async function train(model: 'caimira' | 'lore'): Promise<TfjsExecution> {
  const config = experiment(model, { batch_size: 256 }, { n_dim: 6 })
  const execution = new TfjsExecution(
    createModel(config, sizesOf(dataset)),
    dataset,
    config.trainer,
    await loadBackend('auto'),
  )
  for (let epoch = 0; epoch < 30; epoch++) {
    const order = permutation(2400, new RandomStream(0, 'shuffle', epoch))
    for (let from = 0; from < 2400; from += 256)
      execution.trainStep(order.subarray(from, from + 256), { learningRate: 0.03, beta1: 0.9 }, epoch)
  }
  await execution.drainSteps()
  return execution
}

afterAll(async () => {
  for (const execution of models.values()) (await execution).dispose()
})

it.each(['caimira', 'lore'] as const)('%s knows new users better the more of their pairs it has', async (model) => {
  const execution = await trained(model)
  const before = await execution.state()
  const curve = await curveOf(execution, { k: [0, 4, 64], repeats: 3, seed: 1 }, 'random')
  const [generic, few, many] = curve.map(({ acc }) => acc)
  expect(generic).toBeLessThan(0.75)
  expect(few).toBeGreaterThan(generic! + 0.02)
  expect(many).toBeGreaterThan(few! + 0.03)
  expect(curve[2]!.nll).toBeLessThan(curve[0]!.nll)
  // Everything else stays frozen.
  expect(await execution.state()).toEqual(before)
})

it('gives a user without pairs the generic row, the mean of the trained ones', async () => {
  const execution = await trained('caimira')
  const { parameters } = await execution.state()
  const skill = parameters.find(({ name }) => name === 'layer_s.weight')!
  const rows = await execution.fitNewUsers(unseen, new Int32Array(0), new Int32Array(0), 2)
  const [table] = rows.vectors()
  for (let k = 0; k < 6; k++) {
    const mean = Array.from({ length: 12 }, (_, user) => skill.values[user * 6 + k]!).reduce((a, b) => a + b, 0) / 12
    expect(table!.values[k]).toBeCloseTo(mean, 5)
    expect(table!.values[6 + k]).toBeCloseTo(mean, 5)
  }
  // Those margins are what evaluation says of unknown users.
  const all = Int32Array.from({ length: unseen.pairs }, (_, row) => row)
  const margins = execution.marginsOfNewUsers(rows, unseen, all, new Int32Array(unseen.pairs))
  const { z } = await execution.evaluate(unseen)
  for (const [row, margin] of margins.entries()) expect(margin).toBeCloseTo(z[row]!, 5)
  rows.dispose()
})

it('fits each user by themselves: another user in the file changes nothing', async () => {
  const execution = await trained('caimira')
  const first = unseen.users[0]!
  const own = Int32Array.from([...unseen.users.keys()].filter((row) => unseen.users[row] === first))
  const alone = await execution.fitNewUsers(unseen, own, new Int32Array(own.length), 1)
  const [vector] = alone.vectors()
  const all = await fitAll({ execution, split: unseen, byUser }, dataset.users, never)
  const together = all.find(({ u_id }) => u_id === dataset.users[first])!
  expect(together.pairs).toBe(own.length)
  for (const [i, value] of vector!.values.entries())
    expect(together.vectors['layer_s.weight']![i]).toBeCloseTo(value, 4)
  alone.dispose()
})

it('judges every k on the same held-out pairs, the same again for the same seed', async () => {
  const execution = await trained('lore')
  const options = { k: [0, 2], repeats: 2, seed: 5 }
  const [generic, two] = await curveOf(execution, options, 'random')
  expect(await curveOf(execution, options, 'random')).toEqual([generic, two])
  // Whichever pairs fit, k = 0 fits none of them: the held-out ones are the same.
  const informative = await curveOf(execution, options, 'informative')
  expect(informative[0]).toEqual(generic)
  expect(informative[1]).not.toEqual(two)
})

it.each(['caimira', 'lore'] as const)(
  'of new users of %s, pairs said to be informative tell less than any others',
  async (model) => {
    const execution = await trained(model)
    const options = { k: [0, 4, 8], repeats: 10, seed: 3 }
    const [, random] = await curveOf(execution, options, 'random')
    const [, informative] = await curveOf(execution, options, 'informative')
    expect(informative!.nll).toBeLessThan(random!.nll)
  },
)

it('the yardstick is judged on other pairs than the curve, or the interval is not that of the mean', async () => {
  const execution = await trained('caimira')
  const bt = Float32Array.from({ length: unseen.pairs }, (_, row) => (row % 4 === 0 ? -1 : 1))
  const users = { execution, split: unseen, byUser }
  const told: [number, number | undefined][] = []
  const options = { choose: 'random', k: [0], repeats: 4, seed: 0 } as const
  const found = await accuracyAgainstK(users, bt, options, never, (done, total) => told.push([done, total]))
  // How far it is ends with all.
  expect(told.at(-1)![0]).toBe(told.at(-1)![1])
  expect(found.bt!.acc).toBeGreaterThan(0.7)
  expect(found.bt!.acc).toBeLessThan(0.8)
  const [{ acc, acc_sd, low, high } = { acc: 0, acc_sd: 0, low: 0, high: 0 }] = found.curve
  // Student's t of three degrees of freedom.
  expect(high - acc).toBeCloseTo((3.182446305284263 * acc_sd) / 2, 10)
  expect(acc - low).toBeCloseTo(high - acc, 10)
})

it.each(['caimira', 'lore', 'model1', 'model2', 'ntm'] as const)(
  'a new user of %s cannot be fitted, since something of the first step is gone at the second',
  async (model) => {
    const small = syntheticDataset({ users: 4, unseenUsers: 1, texts: 20, width: 6, pairs: 40, words: 12 })
    const config = experiment(model, {}, { n_dim: 3 })
    const backend = await loadBackend('auto')
    const execution = new TfjsExecution(createModel(config, sizesOf(small)), small, config.trainer, backend)
    const rows = await execution.fitNewUsers(small.splits.test_unseen!, Int32Array.of(0, 1), new Int32Array(2), 1)
    for (const { values } of rows.vectors()) expect([...values].every(Number.isFinite)).toBe(true)
    rows.dispose()
    execution.dispose()
  },
)

it.each(['random', 'informative'] as const)(
  'of %s pairs, trials that do not fit into memory together are told by another figure than alone',
  async (choose) => {
    const execution = await trained('caimira')
    const users = { execution, split: unseen, byUser }
    const bt = Float32Array.from({ length: unseen.pairs }, (_, row) => (row % 4 === 0 ? -1 : 1))
    const options = { choose, k: [0, 2], repeats: 2, seed: 2 }
    const told: number[] = []
    const whole = await accuracyAgainstK(users, bt, options, never)
    const parts = await accuracyAgainstK(users, bt, options, never, (done) => told.push(done), 300)
    expect(parts.bt).toEqual(whole.bt)
    for (const [at, { k, acc, nll, acc_sd }] of whole.curve.entries()) {
      expect(parts.curve[at]!.k).toBe(k)
      expect(parts.curve[at]!.nll).toBeCloseTo(nll, 4)
      expect(parts.curve[at]!.acc).toBeCloseTo(acc, 2)
      expect(parts.curve[at]!.acc_sd).toBeCloseTo(acc_sd, 2)
    }
    expect(told).toEqual(told.toSorted((a, b) => a - b))
  },
)

it('as many trials as arguments of a function cannot be end in a stack trace, or take their square of time', async () => {
  const execution = await trained('caimira')
  const [[user, rows]] = [...byUser] as [[number, Int32Array]]
  const users = { execution, split: unseen, byUser: new Map([[user, rows.slice(0, 2)]]) }
  const options = { choose: 'random', k: [0], repeats: 150_000, seed: 0 } as const
  const { curve } = await accuracyAgainstK(users, undefined, options, never)
  expect(curve[0]!.acc).toBeGreaterThanOrEqual(0)
  expect(curve[0]!.acc).toBeLessThanOrEqual(1)
})

it('whoever waits for a fit no longer is waited for, or a fit that is ended leaves its tensors', async () => {
  const execution = await trained('caimira')
  const before = tf.memory().numTensors
  const stop = new AbortController()
  const users = { execution, split: unseen, byUser }
  const told: number[] = []
  const asked = adaptUsers(users, dataset.users, undefined, USUAL, stop.signal, ({ done }) => {
    told.push(done)
    stop.abort()
  })
  await expect(asked).rejects.toMatchObject({ code: 'stopped' })
  expect(told).toHaveLength(1)
  const late = new AbortController()
  const fit = fitAll(users, dataset.users, late.signal, () => late.abort())
  await expect(fit).rejects.toMatchObject({ code: 'stopped' })
  expect(tf.memory().numTensors).toBe(before)
  const total: number[] = []
  const rest = await adaptUsers(users, dataset.users, undefined, USUAL, never, (work) => {
    total.push(work.total ?? NaN)
    told.push(work.done)
  })
  expect(rest.curve.map(({ k }) => k)).toEqual(USUAL.k)
  expect(told.at(-1)).toBe(total[0])
  expect(told.slice(1)).toEqual(told.slice(1).toSorted((a, b) => a - b))
  expect(new Set(total).size).toBe(1)
})

it('gradients of margins by a new user’s row are others than differences of margins', async () => {
  const execution = await trained('caimira')
  const [own, nobody, owner] = [Int32Array.of(0, 1, 2, 3), new Int32Array(0), new Int32Array(4)]
  const generic = await execution.fitNewUsers(unseen, nobody, nobody, 1)
  const fitted = await execution.fitNewUsers(unseen, own, owner, 1)
  const { width, z, gradients } = execution.sensitivities(generic, unseen, own, owner)
  expect(z).toEqual(execution.marginsOfNewUsers(generic, unseen, own, owner))
  const [[mean], [row]] = [generic.vectors(), fitted.vectors()]
  const { parameters } = await execution.state()
  const rows = parameters.find(({ name }) => name === row!.name)!.values
  const sd = Array.from({ length: width }, (_, k) => {
    const squares = Array.from({ length: 12 }, (_, user) => (rows[user * width + k]! - mean!.values[k]!) ** 2)
    return Math.sqrt(squares.reduce((sum, square) => sum + square) / 12)
  })
  // caimira is linear in the row: a fit changes a margin by the gradient along its move.
  const moved = execution.marginsOfNewUsers(fitted, unseen, own, owner)
  for (let pair = 0; pair < 4; pair++) {
    const along = sd.map((one, k) => (gradients[pair * width + k]! * (row!.values[k]! - mean!.values[k]!)) / one)
    expect(moved[pair]! - z[pair]!).toBeCloseTo(
      along.reduce((a, b) => a + b),
      4,
    )
  }
  generic.dispose()
  fitted.dispose()
})

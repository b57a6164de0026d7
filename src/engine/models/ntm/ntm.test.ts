import { beforeAll, describe, expect, it } from 'vitest'
import { loadBackend, type LoadedBackend } from '../../backends/tfjs/loadBackend'
import { TfjsExecution } from '../../backends/tfjs/tfjsExecution'
import { experiment } from '../../testing/experiment'
import { syntheticDataset } from '../../testing/syntheticDataset'
import { createModel } from '../registry'
import { sizesOf } from '../sizesOf'
import { topWords } from './topWords'

let backend: LoadedBackend
beforeAll(async () => {
  backend = await loadBackend('auto')
})

const data = syntheticDataset({ users: 4, texts: 30, width: 4, pairs: 60, words: 9 })
const config = experiment('ntm', { batch_size: 20, max_epochs: 8 }, { n_topics: 3, words_emb_dim: 5 })
const start = (): TfjsExecution => new TfjsExecution(createModel(config, sizesOf(data)), data, config.trainer, backend)
const rows = Int32Array.from({ length: 20 }, (_, i) => i)

async function buffer(execution: TfjsExecution, name: string): Promise<number[]> {
  const { parameters } = await execution.state()
  return [...parameters.find((array) => array.name === name)!.values]
}

it('logs its terms, and their sum with the others is the loss', async () => {
  const execution = start()
  execution.trainStep(rows, { learningRate: 0.01, beta1: 0.9 }, 0)
  const [step] = await execution.drainSteps()
  const { terms } = await execution.evaluate(data.splits.test!)
  execution.dispose()
  expect(Object.keys(step!.terms).sort()).toEqual(['kl_loss', 'recon_loss'])
  expect(step!.loss).toBeCloseTo(
    step!.bt_loss + step!.reg_loss + step!.terms['recon_loss']! + step!.terms['kl_loss']!,
    4,
  )
  // Fewer than 9 log 9 nats a word at the start.
  expect(terms['recon_loss']).toBeGreaterThan(0)
  expect(terms['kl_loss']).toBeGreaterThanOrEqual(0)
})

it('anneals the batch-normalised share to 0 over three quarters of the epochs', async () => {
  const execution = start()
  const shares: number[] = []
  for (let epoch = 0; epoch < 8; epoch++) {
    execution.trainStep(rows, { learningRate: 0.01, beta1: 0.9 }, epoch)
    shares.push((await buffer(execution, 'eta_bn_prop'))[0]!)
  }
  execution.dispose()
  for (const [epoch, share] of [1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0, 0].entries())
    expect(shares[epoch]).toBeCloseTo(share, 6)
})

it('moves running statistics by a thousandth a step, also when the share is 0', async () => {
  const execution = start()
  execution.trainStep(rows, { learningRate: 0, beta1: 0.9 }, 7)
  for (const name of ['mean_bn_layer', 'logvar_bn_layer', 'eta_bn_layer']) {
    const mean = await buffer(execution, `${name}.running_mean`)
    const variance = await buffer(execution, `${name}.running_var`)
    expect(
      mean.some((value) => value !== 0),
      name,
    ).toBe(true)
    // 0.999 · 1 + 0.001 · the batch's own.
    for (const value of variance) expect(value).toBeGreaterThan(0.999 - 1e-6)
    for (const value of variance) expect(value).toBeLessThan(1.1)
  }
  execution.dispose()
})

it('stays finite where a topic leaves words no probability', async () => {
  const execution = start()
  const { parameters } = await execution.state()
  execution.load({
    parameters: parameters.map((array) =>
      array.name === 'beta_layer.weight' ? { ...array, values: array.values.map((v) => v * 1e4) } : array,
    ),
  })
  for (const epoch of [0, 3, 7]) execution.trainStep(rows, { learningRate: 1e-3, beta1: 0.9 }, epoch)
  const steps = await execution.drainSteps()
  const { z, terms } = await execution.evaluate(data.splits.test!)
  execution.dispose()
  expect(steps.every(({ loss }) => Number.isFinite(loss))).toBe(true)
  expect([...z, ...Object.values(terms)].every(Number.isFinite)).toBe(true)
})

it('says what is missing when no words were loaded', () => {
  expect(() => createModel(config, { users: 2, width: 3, features: 0, vocabulary: 0 })).toThrow(
    expect.objectContaining({ code: 'config_invalid', details: expect.objectContaining({ key: 'vocab_file' }) }),
  )
})

describe('topWords', () => {
  const parameters = [
    { name: 'beta_layer.bias', shape: [4], values: Float32Array.of(9, 0, 0, 0) },
    { name: 'beta_layer.weight', shape: [4, 2], values: Float32Array.of(0.1, 3, 0.9, -1, 0.5, 3, -7, 2) },
  ]
  const words = ['tea', 'rain', 'bread', 'road']

  it('lists each topic’s strongest words, equal ones in the vocabulary’s order', () => {
    expect(topWords(parameters, words, 3)).toEqual([
      ['rain', 'bread', 'tea'],
      ['tea', 'bread', 'road'],
    ])
    expect(topWords(parameters, words, 10)[0]).toHaveLength(4)
  })

  it('refuses a vocabulary of another length', () => {
    expect(() => topWords(parameters, words.slice(1), 2)).toThrow('3 words')
  })
})

import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import type { ModelName } from '../../shared/config/experiment'
import { loadBackend, type LoadedBackend } from '../backends/tfjs/loadBackend'
import { TfjsExecution } from '../backends/tfjs/tfjsExecution'
import { experiment } from '../testing/experiment'
import { syntheticDataset } from '../testing/syntheticDataset'
import type { Mode, Model } from './model'
import { createModel } from './registry'
import { sizesOf } from './sizesOf'

let backend: LoadedBackend
beforeAll(async () => {
  backend = await loadBackend('auto')
})

const B = 10
const data = syntheticDataset({ users: 4, texts: 30, width: 8, pairs: 40, features: 2 })

/** Runs `steps` training steps of a model whose forward pass is `look` at the mode, then of what it wraps. */
function probe(model: Model, config: ReturnType<typeof experiment>, steps: number, look: (mode: Mode) => Mode): void {
  const watched: Model = { ...model, forward: (p, inputs, mode) => model.forward(p, inputs, look(mode)) }
  const execution = new TfjsExecution(watched, data, config.trainer, backend)
  for (let step = 0; step < steps; step++)
    execution.trainStep(
      Int32Array.from({ length: B }, (_, i) => step * B + i),
      { learningRate: 0, beta1: 0.9 },
      0,
    )
  execution.dispose()
}

/** The dropouts of one step, as `rate of shape`. */
function dropouts(name: ModelName, section: object): string[] {
  const config = experiment(name, { batch_size: B }, section)
  const seen: string[] = []
  probe(createModel(config, sizesOf(data)), config, 1, (mode) => {
    if (!mode.training) return mode
    return {
      ...mode,
      dropout: (x, rate) => {
        seen.push(`${rate} of ${x.shape.join('×')}`)
        return mode.dropout(x, rate)
      },
    }
  })
  return seen.sort()
}

const twice = (...sites: string[]): string[] => [...sites, ...sites].sort()

describe('every dropout of the specification is applied, with its own mask for each of the two logits', () => {
  it('model1', () => {
    const section = { n_dim: 3, n_dim_user_embed_2: 2, dropout: 0.25 }
    expect(dropouts('model1', section)).toEqual(twice('0.25 of 10×3', '0.25 of 10×3', '0.25 of 10×3'))
  })

  it('model2', () => {
    const section = { n_dim: 3, proj_hidden: 7, dropout: 0.1, proj_dropout: 0.2, user_dropout: 0.3 }
    const factors = ['0.1 of 10×3', '0.1 of 10×3', '0.1 of 10×3', '0.1 of 10×3']
    expect(dropouts('model2', section)).toEqual(twice('0.2 of 10×7', '0.2 of 10×7', ...factors, '0.3 of 10×3'))
  })

  it('ntm', () => {
    const section = { n_topics: 3, words_emb_dim: 5, encoder_dropout: 0.2, z_dropout: 0.4 }
    expect(dropouts('ntm', section)).toEqual(['0.2 of 20×7', '0.4 of 20×3'])
  })

  it('none at rate 0', () => {
    expect(dropouts('model1', { dropout: 0 })).toEqual([])
    expect(dropouts('model2', { dropout: 0, proj_dropout: 0, user_dropout: 0 })).toEqual([])
    expect(dropouts('ntm', { encoder_dropout: 0, z_dropout: 0 })).toEqual([])
  })
})

describe('the noise of a training step', () => {
  const config = experiment('bt', { batch_size: B, seed: 3 })

  function draws<T>(read: (mode: Extract<Mode, { training: true }>) => T, steps = 1): T[] {
    const found: T[] = []
    probe(createModel(config, sizesOf(data)), config, steps, (mode) => {
      if (mode.training) found.push(read(mode))
      return mode
    })
    return found
  }

  it.each([0.1, 0.3, 0.5, 0.9])('dropout keeps 1 − %d of the entries and scales them by its inverse', (rate) => {
    const n = 40_000
    const [values] = draws(({ dropout }) => [...dropout(tf.fill([200, 200], 2), rate).dataSync()])
    const kept = values!.filter((value) => value !== 0)
    expect(new Set(kept)).toEqual(new Set([Math.fround(Math.fround(1 / (1 - rate)) * 2)]))
    expect(Math.abs(kept.length / n - (1 - rate))).toBeLessThan(5 * Math.sqrt((rate * (1 - rate)) / n))
  })

  it('is another in every call and step, and the same again for the same seed', () => {
    const masks = (): string[] =>
      draws(({ dropout }) => {
        const ones = tf.ones([64])
        return `${[...dropout(ones, 0.5).dataSync()]} ${[...dropout(ones, 0.5).dataSync()]}`
      }, 3)
    const seen = masks()
    expect(new Set(seen.flatMap((both) => both.split(' '))).size).toBe(6)
    expect(masks()).toEqual(seen)
  })

  it('is standard normal where a model asks for that', () => {
    const [values] = draws(({ noise }) => [...noise([100, 100]).dataSync()])
    const mean = values!.reduce((a, b) => a + b) / 10_000
    const variance = values!.reduce((a, b) => a + (b - mean) ** 2, 0) / 10_000
    expect(Math.abs(mean)).toBeLessThan(0.05)
    expect(Math.abs(variance - 1)).toBeLessThan(0.07)
  })
})

import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { MODEL_NAMES, type ExperimentConfig, type ModelName } from '../../../shared/config/experiment'
import { AppError } from '../../../shared/errors'
import { experiment } from '../../testing/experiment'
import { syntheticDataset } from '../../testing/syntheticDataset'
import type { Execution } from '../execution'
import { openBackend } from '../openBackend'
import { findAddOn } from './findAddOn'
import { countCalls } from './testing/countCalls'

const dataset = syntheticDataset({ users: 4, texts: 12, width: 6, pairs: 45, features: 2 })
const BATCH = 8
const RATES = { learningRate: 0.01, beta1: 0.9 }

/**
 * Operations of one training step, dropout off. With tfjs's own gradients and kernels they were: caimira 189, model1 440, model2 853,
 * ntm 490, lore 98, bt 64.
 */
const OPERATIONS: Record<ModelName, number> = { caimira: 113, model1: 214, model2: 508, ntm: 333, lore: 64, bt: 42 }

async function execute(model: ModelName, backend: ExperimentConfig['backend']): Promise<Execution> {
  const config = { ...experiment(model, { max_epochs: 3, batch_size: BATCH }), backend }
  return (await (await openBackend(config)).execute([config], dataset))[0]!
}

function thrownBy(act: () => void): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return expect.unreachable('nothing was thrown')
}

function step(execution: Execution, at: number): void {
  const rows = Int32Array.from({ length: BATCH }, (_, i) => (at * BATCH + i) % 45)
  execution.trainStep(rows, RATES, 0)
}

describe.skipIf(!findAddOn())('TensorFlow (npm run setup:tensorflow)', () => {
  it.each(MODEL_NAMES)('a step of %s is no more operations than it was, and waits for none of them', async (model) => {
    const execution = await execute(model, 'tensorflow')
    step(execution, 0)
    const { operations, reads } = countCalls(() => step(execution, 1))
    expect(operations).toBeLessThanOrEqual(OPERATIONS[model])
    expect(operations).toBeGreaterThan(0)
    expect(reads).toBe(0)
    expect(countCalls(() => void execution.drainSteps()).reads, 'an epoch is read at once').toBe(2)
    execution.dispose()
  })

  it.each(MODEL_NAMES)('%s trains as on WebAssembly', async (model) => {
    const losses = new Map<string, number[]>()
    for (const backend of ['wasm', 'tensorflow'] as const) {
      const execution = await execute(model, backend)
      for (let at = 0; at < 6; at++) step(execution, at)
      losses.set(
        backend,
        (await execution.drainSteps()).map(({ loss }) => loss),
      )
      execution.dispose()
    }
    for (const [at, loss] of losses.get('wasm')!.entries())
      expect(Math.abs(losses.get('tensorflow')![at]! - loss) / loss).toBeLessThan(1e-4)
  })

  it('more than there is memory for is an error that gives the size', async () => {
    await execute('bt', 'tensorflow')
    const one = tf.tensor2d([[1]])
    const error = AppError.from(thrownBy(() => tf.tile(one, [2 ** 22, 2 ** 22])))
    expect(error.code).toBe('out_of_memory')
    expect(error.message).toContain('6.55e+4 GiB more were wanted ([4194304 × 4194304] numbers)')
  })

  it('leaves no tensors behind', async () => {
    const execution = await execute('caimira', 'tensorflow')
    step(execution, 0)
    await execution.drainSteps()
    const before = tf.memory().numTensors
    for (let at = 1; at < 20; at++) step(execution, at)
    await execution.drainSteps()
    expect(tf.memory().numTensors).toBe(before)
    step(execution, 20)
    execution.dispose()
    expect(tf.memory().numTensors).toBeLessThan(before)
  })
})

import { expect, it } from 'vitest'
import { MODEL_NAMES } from '../../shared/config/experiment'
import { loadBackend } from '../backends/tfjs/loadBackend'
import { TfjsExecution } from '../backends/tfjs/tfjsExecution'
import { createModel } from '../models/registry'
import { sizesOf } from '../models/sizesOf'
import { permutation, RandomStream } from '../loop/random'
import { experiment } from '../testing/experiment'
import { syntheticDataset } from '../testing/syntheticDataset'
import { leakCheck } from './leakCheck'

const dataset = syntheticDataset({ users: 5, texts: 40, width: 8, pairs: 400, features: 2 })

async function check(model: (typeof MODEL_NAMES)[number], section: object = {}) {
  const config = experiment(model, { batch_size: 64, learning_rate: 0.05 }, section)
  const execution = new TfjsExecution(
    createModel(config, sizesOf(dataset)),
    dataset,
    config.trainer,
    await loadBackend('auto'),
  )
  for (let epoch = 0; epoch < 10; epoch++) {
    const order = permutation(400, new RandomStream(0, 'shuffle', epoch))
    for (let from = 0; from < 400; from += 64)
      execution.trainStep(order.subarray(from, from + 64), { learningRate: 0.05, beta1: 0.9 }, epoch)
  }
  await execution.drainSteps()
  const { test } = dataset.splits
  const { leak } = await leakCheck(execution, test!)
  execution.dispose()
  return leak
}

it.each(MODEL_NAMES)('does not accuse %s', async (model) => {
  expect(await check(model)).toMatchObject({ leaks: false, acc_shift: 0 })
})

it('catches caimira with side centring, which sees which answer was chosen', async () => {
  const { leaks, max_difference } = await check('caimira', { centering: 'side' })
  expect(leaks).toBe(true)
  expect(max_difference).toBeGreaterThan(0.01)
})

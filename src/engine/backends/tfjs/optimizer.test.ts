import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { beforeAll, expect, test } from 'vitest'
import { createSchedule } from '../../loop/schedule'
import { torchReference } from '../../testing/torchReference'
import { createUpdateRule } from './optimizer'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

test.for(torchReference.optimisers)(
  '$trainer.optimizer ($trainer.scheduler, decay $trainer.weight_decay) takes another path than torch',
  (case_) => {
    const rule = createUpdateRule(case_.trainer)
    const schedule = createSchedule(case_.trainer, case_.gradients.length)
    tf.tidy(() => {
      let parameters: tf.Tensor = tf.tensor1d(case_.start)
      let slots: tf.Tensor[] = rule.slots.map(() => tf.zerosLike(parameters))
      case_.gradients.forEach((gradient, i) => {
        const [next, ...memory] = rule.apply(parameters, slots, tf.tensor1d(gradient), i + 1, schedule.at(i))
        parameters = next!
        slots = memory
        const actual = parameters.dataSync()
        case_.parameters[i]!.forEach((expected, k) =>
          expect(Math.abs(actual[k]! - expected), `parameter ${k} after step ${i + 1}`).toBeLessThan(
            2e-6 * (1 + Math.abs(expected)),
          ),
        )
      })
    })
  },
)

test('a gradient of 0 is clipped to NaN', () => {
  const rule = createUpdateRule({ ...torchReference.optimisers[0]!.trainer, optimizer: 'SGD', gradient_clip_val: 1 })
  const [next] = tf.tidy(() => rule.apply(tf.tensor1d([1, 2]), [], tf.zeros([2]), 1, { learningRate: 1, beta1: 0.9 }))
  expect([...next!.dataSync()]).toEqual([1, 2])
})

import * as tf from '@tensorflow/tfjs-core'
import type { BtConfig } from '../../../shared/config/models/baselines'
import { l1, rowsOf } from '../layers'
import { tensor, type Model, type Sizes } from '../model'
import { WEIGHT, btParameters } from './parameters'

/**
 * bt, the non-personalised baseline every report shows beside the others: a Bradley–Terry model (1952) with one linear
 * reward for all users.
 *
 *     δ = w·y                  w: [1, D], starts at 0
 *     reg = λ_w |w|₁
 */
export function bt(config: BtConfig, sizes: Sizes): Model {
  return {
    parameters: btParameters(sizes),
    batchDependent: false,
    freeze: () => ({}),
    forward(p, { answers, chosen, rejected }) {
      const reward = tf.reshape(tf.matMul(answers, tensor(p, WEIGHT), false, true), [-1])
      return { chosen: rowsOf(reward, chosen), rejected: rowsOf(reward, rejected) }
    },
    penalty: (p) => l1(tensor(p, WEIGHT), config.lambda_w),
  }
}

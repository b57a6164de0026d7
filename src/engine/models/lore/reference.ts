import * as tf from '@tensorflow/tfjs-core'
import type { LoreConfig } from '../../../shared/config/models/baselines'
import { l1, rowsOf } from '../layers'
import { tensor, type Explanation, type Load, type Model, type ModelInputs, type Sizes, type Tensors } from '../model'
import { BASIS, USER, loreParameters } from './parameters'

/**
 * lore, low-rank reward modelling (Bose et al., 2025): K shared rewards, mixed by each user.
 *
 *     δ = softmax(a_u)ᵀ V y        V: [K, D] as a Linear layer without bias, a: [U, K] ~ N(0, 0.01²)
 *     reg = λ_v |V|₁
 */
export function lore(config: LoreConfig, sizes: Sizes): Model {
  function parts(p: Tensors, { users, answers, chosen, rejected }: ModelInputs): Explanation {
    const rewards = tf.matMul(answers, tensor(p, BASIS), false, true)
    return {
      user: tf.softmax(rowsOf(tensor(p, USER), users)),
      chosen: { load: rowsOf(rewards, chosen) },
      rejected: { load: rowsOf(rewards, rejected) },
    }
  }

  return {
    parameters: loreParameters(config, sizes),
    batchDependent: false,
    freeze: () => ({}),
    forward(p, inputs) {
      const { user, chosen, rejected } = parts(p, inputs)
      const logit = ({ load }: Load): tf.Tensor => tf.sum(tf.mul(user, load), 1)
      return { chosen: logit(chosen), rejected: logit(rejected) }
    },
    explain: parts,
    penalty: (p) => l1(tensor(p, BASIS), config.lambda_v),
  }
}

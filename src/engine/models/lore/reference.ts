import * as tf from '@tensorflow/tfjs-core'
import type { LoreConfig } from '../../../shared/config/models/baselines'
import { l1, rowsOf } from '../layers'
import { tensor, type Model, type Sizes } from '../model'
import { BASIS, USER, loreParameters } from './parameters'

/**
 * lore, low-rank reward modelling (Bose et al., 2025): K shared rewards, mixed by each user.
 *
 *     δ = softmax(a_u)ᵀ V y        V: [K, D] as a Linear layer without bias, a: [U, K] ~ N(0, 0.01²)
 *     reg = λ_v |V|₁
 */
export function lore(config: LoreConfig, sizes: Sizes): Model {
  return {
    parameters: loreParameters(config, sizes),
    batchDependent: false,
    freeze: () => ({}),
    forward(p, { users, answers, chosen, rejected }) {
      const rewards = tf.matMul(answers, tensor(p, BASIS), false, true)
      const mixture = tf.softmax(rowsOf(tensor(p, USER), users))
      const logit = (rows: tf.Tensor): tf.Tensor => tf.sum(tf.mul(mixture, rowsOf(rewards, rows)), 1)
      return { chosen: logit(chosen), rejected: logit(rejected) }
    },
    penalty: (p) => l1(tensor(p, BASIS), config.lambda_v),
  }
}

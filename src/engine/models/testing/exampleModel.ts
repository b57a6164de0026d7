import * as tf from '@tensorflow/tfjs-core'
import { l1 } from '../layers'
import { linearInit, tensor, type Model, type Sizes } from '../model'
import type { LinearConfig } from './exampleConfig'

const SHARED = 'w.weight'
const USER = 'v.weight'

/** Standard deviation of the users' initial deviations. */
const USER_SD = 0.001

/**
 * linear, a linear reward for every user around a shared one.
 *
 *     δ = (w + v_u)·y        w: [1, D] as a Linear layer without bias, v: [U, D] ~ N(0, 0.001²)
 *     reg = λ_v |V|₁
 */
export function linear(config: LinearConfig, { users, width }: Sizes): Model {
  return {
    parameters: [
      { name: SHARED, shape: [1, width], init: linearInit(width) },
      { name: USER, shape: [config.n_users ?? users, width], init: { kind: 'normal', sd: USER_SD }, perUser: true },
    ],
    batchDependent: false,
    freeze: () => ({}),
    forward(p, inputs) {
      const direction = tf.add(tf.gather(tensor(p, USER), inputs.users), tensor(p, SHARED))
      const logit = (rows: tf.Tensor): tf.Tensor => tf.sum(tf.mul(direction, tf.gather(inputs.answers, rows)), 1)
      return { chosen: logit(inputs.chosen), rejected: logit(inputs.rejected) }
    },
    penalty: (p) => l1(tensor(p, USER), config.lambda_v),
  }
}

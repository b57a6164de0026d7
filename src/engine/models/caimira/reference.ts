import * as tf from '@tensorflow/tfjs-core'
import type { CaimiraConfig } from '../../../shared/config/models/caimira'
import { linearInit, tensor, type Mode, type Model, type Sizes, type Tensors } from '../model'

const NAMES = {
  difficultyWeight: 'layer_d.weight',
  difficultyBias: 'layer_d.bias',
  relevanceWeight: 'layer_r.weight',
  relevanceBias: 'layer_r.bias',
  skill: 'layer_s.weight',
} as const

/** Standard deviation of the users' initial skills. */
const SKILL_SD = 0.001

/**
 * caimira, content-aware multidimensional item response theory (Gor et al., EMNLP 2024).
 *
 *     d = W_d y + b_d,  d ← d − centre              difficulty   [B, K]
 *     r = softmax((W_r y + b_r) / r_temperature)    relevance    [B, K]
 *     δ = Σ_k r_k (s_u,k − d_k)                     s: [U, K], one skill vector a user
 *     reg = λ_s |S|₁ + λ_d |W_d|₁                   over the full tables
 *
 * `centre` is the mean of d over the batch's chosen and rejected answers together (`pooled`) or over each side alone
 * (`side`). `pooled` evaluates with the training split's mean, so that a prediction depends on its own row alone;
 * `side` evaluates as the reference did, with each batch's own means.
 */
export function caimira(config: CaimiraConfig, sizes: Sizes): Model {
  const K = config.n_dim
  const D = sizes.width
  const side = config.centering === 'side'

  /** Difficulty (not yet centred) and relevance of each distinct answer, [A, K] each, by one product. */
  function items(p: Tensors, answers: tf.Tensor): { difficulty: tf.Tensor; relevance: tf.Tensor } {
    const weight = tf.concat([tensor(p, NAMES.difficultyWeight), tensor(p, NAMES.relevanceWeight)], 0)
    const bias = tf.concat([tensor(p, NAMES.difficultyBias), tensor(p, NAMES.relevanceBias)])
    const [difficulty, logits] = tf.split(tf.add(tf.matMul(answers, weight, false, true), bias), 2, 1)
    return {
      difficulty: difficulty!,
      relevance: tf.softmax(tf.div(logits!, config.r_temperature)),
    }
  }

  return {
    parameters: [
      { name: NAMES.difficultyWeight, shape: [K, D], init: linearInit(D) },
      { name: NAMES.difficultyBias, shape: [K], init: linearInit(D) },
      { name: NAMES.relevanceWeight, shape: [K, D], init: linearInit(D) },
      { name: NAMES.relevanceBias, shape: [K], init: linearInit(D) },
      {
        name: NAMES.skill,
        shape: [config.n_users ?? sizes.users, K],
        init: { kind: 'normal', sd: SKILL_SD },
        perUser: true,
      },
    ],
    batchDependent: side,

    freeze(p, { meanAnswer }): Tensors {
      if (side) return {}
      const centre = tf.matMul(meanAnswer, tensor(p, NAMES.difficultyWeight), false, true)
      return { centre: tf.reshape(tf.add(centre, tensor(p, NAMES.difficultyBias)), [K]) }
    },

    forward(p, inputs, mode) {
      const { difficulty, relevance } = items(p, inputs.answers)
      const skill = tf.gather(tensor(p, NAMES.skill), inputs.users)
      const chosen = tf.gather(difficulty, inputs.chosen)
      const rejected = tf.gather(difficulty, inputs.rejected)
      const centre = centres(chosen, rejected, mode)
      const logit = (rows: tf.Tensor, d: tf.Tensor, mean: tf.Tensor): tf.Tensor =>
        tf.sum(tf.mul(tf.gather(relevance, rows), tf.sub(skill, tf.sub(d, mean))), 1)
      return {
        chosen: logit(inputs.chosen, chosen, centre.chosen),
        rejected: logit(inputs.rejected, rejected, centre.rejected),
      }
    },

    penalty(p) {
      const l1 = (name: string, weight: number): tf.Tensor => tf.mul(weight, tf.sum(tf.abs(tensor(p, name))))
      return tf.add(l1(NAMES.skill, config.lambda_s), l1(NAMES.difficultyWeight, config.lambda_d))
    },
  }

  function centres(chosen: tf.Tensor, rejected: tf.Tensor, mode: Mode): Record<'chosen' | 'rejected', tf.Tensor> {
    if (side) return { chosen: tf.mean(chosen, 0), rejected: tf.mean(rejected, 0) }
    // Both sides have B rows, so the mean over all 2B is the mean of the two means.
    const centre = mode.training
      ? tf.div(tf.add(tf.mean(chosen, 0), tf.mean(rejected, 0)), 2)
      : tensor(mode.frozen, 'centre')
    return { chosen: centre, rejected: centre }
  }
}

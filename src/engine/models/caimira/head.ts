import * as tf from '@tensorflow/tfjs-core'
import type { CaimiraConfig } from '../../../shared/config/models/caimira'
import { l1, rowsOf } from '../layers'
import {
  tensor,
  type Explanation,
  type Forward,
  type Load,
  type Mode,
  type ParameterSpec,
  type Tensors,
} from '../model'
import { NAMES, caimiraParameters } from './parameters'

/** B pairs of item vectors: [A, W] distinct items, and [B] rows of `items` and of the users' table. */
export interface ItemPairs {
  items: tf.Tensor
  chosen: tf.Tensor
  rejected: tf.Tensor
  users: tf.Tensor
}

/** caimira's equations on item vectors of any width W: answers themselves, or what another model makes of them. */
export interface CaimiraHead {
  readonly parameters: readonly ParameterSpec[]
  readonly batchDependent: boolean
  /** What evaluation keeps, given the [1, W] mean item of the training split. */
  freeze(p: Tensors, meanItem: () => tf.Tensor): Tensors
  forward(p: Tensors, pairs: ItemPairs, mode: Mode): Pick<Forward, 'chosen' | 'rejected'>
  explain(p: Tensors, pairs: ItemPairs, frozen: Tensors): Explanation
  penalty(p: Tensors): tf.Tensor
}

/** @param users rows of the skill table */
export function caimiraHead(config: CaimiraConfig, width: number, users: number): CaimiraHead {
  const K = config.n_dim
  const side = config.centering === 'side'

  /** Difficulty (not yet centred) and relevance of each distinct item, [A, K] each, by one product. */
  function describe(p: Tensors, items: tf.Tensor): { difficulty: tf.Tensor; relevance: tf.Tensor } {
    const weight = tf.concat([tensor(p, NAMES.difficultyWeight), tensor(p, NAMES.relevanceWeight)], 0)
    const bias = tf.concat([tensor(p, NAMES.difficultyBias), tensor(p, NAMES.relevanceBias)])
    const [difficulty, logits] = tf.split(tf.add(tf.matMul(items, weight, false, true), bias), 2, 1)
    return { difficulty: difficulty!, relevance: tf.softmax(tf.div(logits!, config.r_temperature)) }
  }

  function centres(chosen: tf.Tensor, rejected: tf.Tensor, mode: Mode): Record<'chosen' | 'rejected', tf.Tensor> {
    if (side) return { chosen: tf.mean(chosen, 0), rejected: tf.mean(rejected, 0) }
    // Both sides have B rows, so the mean over all 2B is the mean of the two means.
    const centre = mode.training
      ? tf.div(tf.add(tf.mean(chosen, 0), tf.mean(rejected, 0)), 2)
      : tensor(mode.frozen, 'centre')
    return { chosen: centre, rejected: centre }
  }

  /** Skill, relevance and difficulty of both sides. */
  function parts(
    p: Tensors,
    pairs: ItemPairs,
    mode: Mode,
  ): Explanation & Record<'chosen' | 'rejected', Required<Load>> {
    const { difficulty, relevance } = describe(p, pairs.items)
    const skill = rowsOf(tensor(p, NAMES.skill), pairs.users)
    const chosen = rowsOf(difficulty, pairs.chosen)
    const rejected = rowsOf(difficulty, pairs.rejected)
    const centre = centres(chosen, rejected, mode)
    return {
      user: skill,
      chosen: { load: rowsOf(relevance, pairs.chosen), difficulty: tf.sub(chosen, centre.chosen) },
      rejected: { load: rowsOf(relevance, pairs.rejected), difficulty: tf.sub(rejected, centre.rejected) },
    }
  }

  return {
    parameters: caimiraParameters(config, width, users),
    batchDependent: side,

    freeze(p, meanItem): Tensors {
      if (side) return {}
      const centre = tf.matMul(meanItem(), tensor(p, NAMES.difficultyWeight), false, true)
      return { centre: tf.reshape(tf.add(centre, tensor(p, NAMES.difficultyBias)), [K]) }
    },

    forward(p, pairs, mode) {
      const { user, chosen, rejected } = parts(p, pairs, mode)
      const logit = ({ load, difficulty }: Required<Load>): tf.Tensor =>
        tf.sum(tf.mul(load, tf.sub(user, difficulty)), 1)
      return { chosen: logit(chosen), rejected: logit(rejected) }
    },

    explain: (p, pairs, frozen) => parts(p, pairs, { training: false, frozen }),

    penalty(p) {
      return tf.add(l1(tensor(p, NAMES.skill), config.lambda_s), l1(tensor(p, NAMES.difficultyWeight), config.lambda_d))
    },
  }
}

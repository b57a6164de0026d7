import * as tf from '@tensorflow/tfjs-core'
import type { Model2Config } from '../../../shared/config/models/model2'
import { dropout, gelu, l2Normalise, layerNorm, linear, rowsOf, squaredL2 } from '../layers'
import { tensor, type Mode, type Model, type ModelInputs, type Sizes, type Tensors } from '../model'
import { SCALE, SCALE_RANGE, USER, USER_PROJECTION, model2Parameters } from './parameters'

/** torch.embedding_renorm_ divides by norm + 1e-7. */
const RENORM_EPS = 1e-7

/**
 * model2: prompt and answer, each projected by its own network and then joined, against a bounded user vector.
 *
 *     x, y ← L2-normalised
 *     P(·) = Linear(D→H), GELU, drop(proj), Linear(H→K)             one P for x (proj_x) and one for y (proj_y)
 *     f_x  = drop(LN(P_x x)),  f_y = drop(LN(P_y y))                [B, K]
 *     f_x  ← f_x ⊙ LN(W_u f)                                        feature_mode gate; not in the reference
 *     f    = L2norm(drop(LN(xy))),  xy = Linear(2K→K), GELU, drop, Linear(K→K) of [f_x; f_y]
 *     r_u  = L2norm(drop(user)(W_id E_u))                           E: [U, n_dim_user_embed_2] ~ N(0, 0.01²)
 *     δ    = clamp(scale, 0.1, 10) · ⟨f, r_u⟩ / sqrt(K)
 *     reg  = λ_uid ‖E‖² (whole table) + λ_w2 ‖W_id‖²
 *
 * Rows of E are brought to a norm of at most user_max_norm before they are used, as by torch's Embedding(max_norm): in
 * training the rows of the step's users, outside the gradient, and for evaluation all. Each of a pair's two logits draws
 * its own dropout masks, as two calls of the reference's module do.
 *
 * @throws AppError `config_invalid` when feature_mode is gate and no features are selected
 */
export function model2(config: Model2Config, sizes: Sizes): Model {
  const K = config.n_dim
  const E = config.n_dim_user_embed_2
  const users = config.n_users ?? sizes.users
  const gated = config.feature_mode === 'gate'

  /** P of distinct texts, [A, D], taken at `rows`: up to the first dropout each text is computed once. */
  function projection(p: Tensors, name: string, texts: tf.Tensor): (rows: tf.Tensor, mode: Mode) => tf.Tensor {
    const hidden = gelu(linear(p, `${name}.0`, l2Normalise(texts)))
    let clean: tf.Tensor | undefined
    return (rows, mode) => {
      if (mode.training && config.proj_dropout > 0)
        return linear(p, `${name}.3`, dropout(rowsOf(hidden, rows), config.proj_dropout, mode))
      clean ??= linear(p, `${name}.3`, hidden)
      return rowsOf(clean, rows)
    }
  }

  /** Rows of E brought to the largest norm allowed; the others as they are. */
  function renormalised(table: tf.Tensor): tf.Tensor {
    const norm = tf.sqrt(tf.sum(tf.square(table), 1, true))
    const scaled = tf.mul(table, tf.div(config.user_max_norm, tf.add(norm, RENORM_EPS)))
    return tf.where(tf.tile(tf.greater(norm, config.user_max_norm), [1, E]), scaled, table)
  }

  /** W_id E_u before its dropout, [B, K]; f of a side, [B, K]; and what their product is multiplied by. */
  function factors(p: Tensors, inputs: ModelInputs, mode: Mode) {
    const prompts = inputs.prompts()
    const prompt = projection(p, 'proj_x', prompts.vectors)
    const answer = projection(p, 'proj_y', inputs.answers)
    const gate = gated && inputs.features ? layerNorm(p, 'ln_u', linear(p, 'W_u', inputs.features)) : null
    const drop = (t: tf.Tensor): tf.Tensor => dropout(t, config.dropout, mode)
    return {
      user: linear(p, USER_PROJECTION, rowsOf(tensor(p, USER), inputs.users)),
      scale: tf.div(tf.clipByValue(tensor(p, SCALE), ...SCALE_RANGE), Math.sqrt(K)),
      f(side: tf.Tensor): tf.Tensor {
        const x = drop(layerNorm(p, 'ln_x', prompt(prompts.rows, mode)))
        const y = drop(layerNorm(p, 'ln_y', answer(side, mode)))
        const both = tf.concat([gate ? tf.mul(x, gate) : x, y], 1)
        const joined = linear(p, 'xy.3', drop(gelu(linear(p, 'xy.0', both))))
        return l2Normalise(drop(layerNorm(p, 'ln_xy', joined)))
      },
    }
  }

  return {
    parameters: model2Parameters(config, sizes),
    batchDependent: false,
    freeze: () => ({}),

    beforeStep(p, inputs) {
      const table = tensor(p, USER)
      const rows = tf.reshape<tf.Rank.R1>(inputs.users, [-1])
      const uses = tf.unsortedSegmentSum(tf.ones(rows.shape), rows, users)
      const used = tf.tile(tf.greater(tf.reshape(uses, [users, 1]), 0), [1, E])
      return { [USER]: tf.where(used, renormalised(table), table) }
    },

    beforeEvaluation: (p) => ({ [USER]: renormalised(tensor(p, USER)) }),

    forward(p, inputs, mode) {
      const { user, scale, f: factor } = factors(p, inputs, mode)
      const logit = (side: tf.Tensor): tf.Tensor => {
        const f = factor(side)
        const r = l2Normalise(dropout(user, config.user_dropout, mode))
        return tf.mul(scale, tf.sum(tf.mul(f, r), 1))
      }
      return { chosen: logit(inputs.chosen), rejected: logit(inputs.rejected) }
    },

    explain(p, inputs, frozen) {
      const { user, scale, f } = factors(p, inputs, { training: false, frozen })
      const scaled = (side: tf.Tensor): tf.Tensor => tf.mul(scale, f(side))
      return {
        user: l2Normalise(user),
        chosen: { load: scaled(inputs.chosen) },
        rejected: { load: scaled(inputs.rejected) },
      }
    },

    penalty(p) {
      return tf.add(
        squaredL2(tensor(p, USER), config.lambda_uid_l2),
        squaredL2(tensor(p, `${USER_PROJECTION}.weight`), config.lambda_w2_id),
      )
    },
  }
}

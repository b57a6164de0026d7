import * as tf from '@tensorflow/tfjs-core'
import type { Model1Config } from '../../../shared/config/models/model1'
import { dropout, l1, layerNorm, linear, rowsOf } from '../layers'
import { tensor, type Mode, type Model, type ModelInputs, type Sizes, type Tensors } from '../model'
import { USER, USER_PROJECTION, model1Parameters, usesFeatures } from './parameters'

/**
 * model1, a trilinear product of prompt, answer and user factors.
 *
 *     f_x = drop(LN(W_x x)),  f_y = drop(LN(W_y y))          [B, K]
 *     f_x ← f_x ⊙ LN(W_u f)                                   with user features f: [B, F]
 *     r_u = drop(W_id E_u)                                    E: [U, n_dim_user_embed_2] ~ N(0, 0.001²), W_id without bias
 *     δ   = Σ_k f_x f_y r_u / sqrt(K)
 *     reg = λ_x|W_x|₁ + λ_y|W_y|₁ + λ_r|W_id|₁ (+ λ_u|W_u|₁)  weights only, E is not penalised
 *
 * Each of a pair's two logits draws its own dropout masks, as two calls of the reference's module do.
 *
 * @throws AppError `config_invalid` when features are asked for and none are selected
 */
export function model1(config: Model1Config, sizes: Sizes): Model {
  const K = config.n_dim
  const withFeatures = usesFeatures(config, sizes)

  /** r_u before its dropout, [B, K], and what each side makes of it before the division by sqrt(K): f_x f_y. */
  function factors(p: Tensors, { users, answers, prompts, features }: ModelInputs, mode: Mode) {
    const { vectors, rows } = prompts()
    const x = layerNorm(p, 'ln_x', rowsOf(linear(p, 'W_x', vectors), rows))
    const projected = linear(p, 'W_y', answers)
    const gate = withFeatures && features ? layerNorm(p, 'ln_u', linear(p, 'W_u', features)) : null
    const drop = (t: tf.Tensor): tf.Tensor => dropout(t, config.dropout, mode)
    return {
      user: linear(p, USER_PROJECTION, rowsOf(tensor(p, USER), users)),
      // Normalised after the gather: both sides then sum ln_y.bias's gradient over the same rows in the same order, and
      // where it is zero (no dropout) it cancels exactly. Rounding left there would become whole steps under Adam.
      load(side: tf.Tensor): tf.Tensor {
        const y = drop(layerNorm(p, 'ln_y', rowsOf(projected, side)))
        const prompt = gate ? tf.mul(drop(x), gate) : drop(x)
        return tf.mul(prompt, y)
      },
    }
  }

  return {
    parameters: model1Parameters(config, sizes),
    batchDependent: false,
    freeze: () => ({}),

    forward(p, inputs, mode) {
      const { user, load } = factors(p, inputs, mode)
      const logit = (side: tf.Tensor): tf.Tensor =>
        tf.div(tf.sum(tf.mul(load(side), dropout(user, config.dropout, mode)), 1), Math.sqrt(K))
      return { chosen: logit(inputs.chosen), rejected: logit(inputs.rejected) }
    },

    explain(p, inputs, frozen) {
      const { user, load } = factors(p, inputs, { training: false, frozen })
      const scaled = (side: tf.Tensor): tf.Tensor => tf.div(load(side), Math.sqrt(K))
      return { user, chosen: { load: scaled(inputs.chosen) }, rejected: { load: scaled(inputs.rejected) } }
    },

    penalty(p) {
      const weights = [
        l1(tensor(p, 'W_x.weight'), config.lambda_x),
        l1(tensor(p, 'W_y.weight'), config.lambda_y),
        l1(tensor(p, `${USER_PROJECTION}.weight`), config.lambda_r),
      ]
      if (withFeatures) weights.push(l1(tensor(p, 'W_u.weight'), config.lambda_u))
      return tf.addN(weights)
    },
  }
}

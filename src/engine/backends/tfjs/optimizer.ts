import * as tf from '@tensorflow/tfjs-core'
import type { TrainerConfig } from '../../../shared/config/trainer'
import type { Rates } from '../../loop/schedule'

/** torch's RMSprop default. */
const RMSPROP_ALPHA = 0.99
/** torch.nn.utils.clip_grad_norm_ adds it to the norm. */
const CLIP_EPS = 1e-6

/** An update rule over one flat parameter vector; `slots` are the optimiser's memory, one vector each. */
export interface UpdateRule {
  readonly slots: readonly string[]
  /** @param step 1-based. Returns the new parameters, then the new slots. Runs inside `tf.tidy`. */
  apply(
    parameters: tf.Tensor,
    slots: readonly tf.Tensor[],
    gradient: tf.Tensor,
    step: number,
    rates: Rates,
  ): tf.Tensor[]
}

/** torch's update rules. `Adam` decays weights decoupled, as AdamW does: the reference runs AdamW under that name. */
export function createUpdateRule(trainer: TrainerConfig): UpdateRule {
  const rule = baseRule(trainer)
  const limit = trainer.gradient_clip_val
  if (limit === undefined) return rule
  return {
    slots: rule.slots,
    apply(parameters, slots, gradient, step, rates) {
      const norm = tf.sqrt(tf.sum(tf.square(gradient)))
      const scale = tf.minimum(tf.div(limit, tf.add(norm, CLIP_EPS)), 1)
      return rule.apply(parameters, slots, tf.mul(gradient, scale), step, rates)
    },
  }
}

function baseRule(trainer: TrainerConfig): UpdateRule {
  const decay = trainer.weight_decay
  switch (trainer.optimizer) {
    case 'Adam':
    case 'AdamW': {
      const beta2 = trainer.betas[1]
      return {
        slots: ['exp_avg', 'exp_avg_sq'],
        apply(parameters, [m, v], gradient, step, { learningRate, beta1 }) {
          const m1 = tf.add(tf.mul(m!, beta1), tf.mul(gradient, 1 - beta1))
          const v1 = tf.add(tf.mul(v!, beta2), tf.mul(tf.square(gradient), 1 - beta2))
          // torch corrects with the current beta1 even where onecycle moves it.
          const correction1 = 1 - beta1 ** step
          const correction2 = Math.sqrt(1 - beta2 ** step)
          const denominator = tf.add(tf.div(tf.sqrt(v1), correction2), trainer.eps)
          const decayed = decay === 0 ? parameters : tf.mul(parameters, 1 - learningRate * decay)
          return [tf.sub(decayed, tf.div(tf.mul(m1, learningRate / correction1), denominator)), m1, v1]
        },
      }
    }
    case 'SGD':
      return {
        slots: [],
        apply(parameters, _slots, gradient, _step, { learningRate }) {
          return [tf.sub(parameters, tf.mul(penalised(gradient, parameters, decay), learningRate))]
        },
      }
    case 'RMSprop':
      return {
        slots: ['square_avg'],
        apply(parameters, [v], gradient, _step, { learningRate }) {
          const g = penalised(gradient, parameters, decay)
          const v1 = tf.add(tf.mul(v!, RMSPROP_ALPHA), tf.mul(tf.square(g), 1 - RMSPROP_ALPHA))
          return [tf.sub(parameters, tf.div(tf.mul(g, learningRate), tf.add(tf.sqrt(v1), trainer.eps))), v1]
        },
      }
  }
}

/** torch's SGD and RMSprop decay weights through the gradient. */
function penalised(gradient: tf.Tensor, parameters: tf.Tensor, decay: number): tf.Tensor {
  return decay === 0 ? gradient : tf.add(gradient, tf.mul(parameters, decay))
}

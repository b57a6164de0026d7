import * as tf from '@tensorflow/tfjs-core'
import { tensor, type Mode, type Tensors } from './model'

/** torch's LayerNorm default. */
const LAYER_NORM_EPS = 1e-5
/** torch.nn.functional.normalize divides by max(norm, 1e-12); squared, it is still a normal float32. */
const NORM_FLOOR_SQUARED = 1e-24

/** `Linear`: x Wᵀ + b, x: [N, in], `<name>.weight`: [out, in], `<name>.bias`: [out] where there is one. */
export function linear(p: Tensors, name: string, x: tf.Tensor): tf.Tensor {
  const product = tf.matMul(x, tensor(p, `${name}.weight`), false, true)
  const bias = p[`${name}.bias`]
  return bias ? tf.add(product, bias) : product
}

/** `LayerNorm` over the last axis with the biased variance, x: [N, K]. */
export function layerNorm(p: Tensors, name: string, x: tf.Tensor): tf.Tensor {
  const centred = tf.sub(x, tf.mean(x, -1, true))
  const variance = tf.mean(tf.square(centred), -1, true)
  const normalised = tf.mul(centred, tf.rsqrt(tf.add(variance, LAYER_NORM_EPS)))
  return tf.add(tf.mul(normalised, tensor(p, `${name}.weight`)), tensor(p, `${name}.bias`))
}

/** The exact GELU, x Φ(x), by erf. */
export function gelu(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1))
}

/** Rows over max(‖row‖₂, 1e-12). The floor is taken under the root, so that a zero row has a finite gradient. */
export function l2Normalise(x: tf.Tensor): tf.Tensor {
  return tf.div(x, tf.sqrt(tf.maximum(tf.sum(tf.square(x), -1, true), NORM_FLOOR_SQUARED)))
}

/** Dropout in training; nothing at all, not even a mask of ones, in evaluation and at rate 0. */
export function dropout(x: tf.Tensor, rate: number, mode: Mode): tf.Tensor {
  return mode.training && rate > 0 ? mode.dropout(x, rate) : x
}

/**
 * weight · |t|₁. The subgradient at 0 is 0, as in torch; tfjs's own says −1 there. The sign is taken from two steps
 * because the wasm backend's `sign` calls small numbers 0.
 */
export function l1(t: tf.Tensor, weight: number): tf.Tensor {
  return tf.mul(weight, absoluteSum(t))
}

const absoluteSum = tf.customGrad((...args) => {
  const [t, save] = args
  if (!(t instanceof tf.Tensor) || typeof save !== 'function')
    throw new Error('a gradient is called with tensor and save')
  save([t])
  return {
    value: tf.sum(tf.abs(t)),
    gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => tf.mul(dy, tf.sub(tf.step(saved!), tf.step(tf.neg(saved!)))),
  }
})

/** weight · ‖t‖². */
export function squaredL2(t: tf.Tensor, weight: number): tf.Tensor {
  return tf.mul(weight, tf.sum(tf.square(t)))
}

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

/** Rows of a table, x: [N, K], rows: [B] int32. */
export function rowsOf(x: tf.Tensor, rows: tf.Tensor): tf.Tensor {
  // tfjs's own gradient of a gather transposes twice, to no effect on an axis that is the first.
  return withGradient(
    [x],
    ([table]) => ({ value: tf.gather(table!, rows), saved: [rows] }),
    (dy, [saved]) => [tf.unsortedSegmentSum(dy, tf.reshape<tf.Rank.R1>(saved!, [saved!.size]), x.shape[0]!)],
  )
}

/**
 * `LayerNorm` over the last axis with the biased variance, x: [N, K]. With x̂ the normalised rows and g = dy ⊙ weight,
 *
 *     dx = (g − mean(g) − x̂ mean(g ⊙ x̂)) / σ
 */
export function layerNorm(p: Tensors, name: string, x: tf.Tensor): tf.Tensor {
  return withGradient(
    [x, tensor(p, `${name}.weight`), tensor(p, `${name}.bias`)],
    ([rows, weight, bias]) => {
      const centred = tf.sub(rows!, tf.mean(rows!, -1, true))
      const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), LAYER_NORM_EPS))
      const normalised = tf.mul(centred, scale)
      return { value: tf.add(tf.mul(normalised, weight!), bias!), saved: [normalised, scale, weight!] }
    },
    (dy, [normalised, scale, weight]) => {
      const g = tf.mul(dy, weight!)
      const along = tf.mul(normalised!, tf.mean(tf.mul(g, normalised!), -1, true))
      const dx = tf.mul(tf.sub(tf.sub(g, tf.mean(g, -1, true)), along), scale!)
      return [dx, tf.sum(tf.mul(dy, normalised!), 0), tf.sum(dy, 0)]
    },
  )
}

/** The preference loss of pairs with margin z: [B], mean(softplus(−z)) = −mean(log σ(z)). */
export function preferenceLoss(z: tf.Tensor): tf.Tensor {
  return withGradient(
    [z],
    ([margin]) => ({ value: tf.mean(tf.softplus(tf.neg(margin!))), saved: [margin!] }),
    (dy, [margin]) => [tf.mul(tf.sigmoid(tf.neg(margin!)), tf.div(dy, -margin!.size))],
  )
}

/** The exact GELU, x Φ(x), by erf. Its derivative is Φ(x) + x φ(x). */
export function gelu(x: tf.Tensor): tf.Tensor {
  return withGradient(
    [x],
    ([t]) => {
      const below = tf.mul(tf.add(tf.erf(tf.mul(t!, Math.SQRT1_2)), 1), 0.5)
      return { value: tf.mul(t!, below), saved: [t!, below] }
    },
    (dy, [t, below]) => {
      const density = tf.mul(tf.exp(tf.mul(tf.square(t!), -0.5)), 1 / Math.sqrt(2 * Math.PI))
      return [tf.mul(dy, tf.add(below!, tf.mul(t!, density)))]
    },
  )
}

/**
 * Rows over max(‖row‖₂, 1e-12). The floor is taken under the root, so that a zero row has a finite gradient. With y the result and
 * n its divisor, dx = (dy − y (y · dy)) / n; a row at the floor is divided by a constant, and has dy / n.
 */
export function l2Normalise(x: tf.Tensor): tf.Tensor {
  return withGradient(
    [x],
    ([rows]) => {
      const squared = tf.sum(tf.square(rows!), -1, true)
      const norm = tf.sqrt(tf.maximum(squared, NORM_FLOOR_SQUARED))
      const value = tf.div(rows!, norm)
      return { value, saved: [value, norm, tf.step(tf.sub(squared, NORM_FLOOR_SQUARED))] }
    },
    (dy, [value, norm, aboveFloor]) => {
      const along = tf.mul(tf.sum(tf.mul(dy, value!), -1, true), aboveFloor!)
      return [tf.div(tf.sub(dy, tf.mul(value!, along)), norm!)]
    },
  )
}

/** Dropout in training; nothing at all, not even a mask of ones, in evaluation and at rate 0. */
export function dropout(x: tf.Tensor, rate: number, mode: Mode): tf.Tensor {
  return mode.training && rate > 0 ? mode.dropout(x, rate) : x
}

/** weight · |t|₁. The subgradient at 0 is 0, as in torch; tfjs's own says −1 there. */
export function l1(t: tf.Tensor, weight: number): tf.Tensor {
  const absoluteSum = withGradient(
    [t],
    ([x]) => ({ value: tf.sum(tf.abs(x!)), saved: [x!] }),
    (dy, [x]) => [tf.mul(dy, sign(x!))],
  )
  return tf.mul(weight, absoluteSum)
}

/** The wasm backend's own `sign` calls small numbers 0. */
function sign(t: tf.Tensor): tf.Tensor {
  return tf.getBackend() === 'wasm' ? tf.sub(tf.step(t), tf.step(tf.neg(t))) : tf.sign(t)
}

/** weight · ‖t‖². */
export function squaredL2(t: tf.Tensor, weight: number): tf.Tensor {
  return tf.mul(weight, tf.sum(tf.square(t)))
}

/**
 * An operation with its own gradient, where autodiff would take many more operations. `gradient` gives one for each input; it may
 * use what `forward` saved and nothing else that `forward` made.
 */
function withGradient(
  inputs: tf.Tensor[],
  forward: (inputs: tf.Tensor[]) => { value: tf.Tensor; saved: tf.Tensor[] },
  gradient: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor[],
): tf.Tensor {
  return tf.customGrad((...args) => {
    const save = args.pop()
    if (typeof save !== 'function') throw new Error('a gradient is called with tensors and save')
    const { value, saved } = forward(args.filter((arg) => arg instanceof tf.Tensor))
    save(saved)
    return { value, gradFunc: gradient }
  })(...inputs)
}

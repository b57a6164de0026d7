import * as tf from '@tensorflow/tfjs-core'
import type { NtmConfig } from '../../../shared/config/models/ntm'
import { AppError } from '../../../shared/errors'
import { caimiraHead, type ItemPairs } from '../caimira/head'
import { dropout, l1, linear, rowsOf, squaredL2 } from '../layers'
import {
  linearInit,
  linearParameters,
  tensor,
  type Mode,
  type Model,
  type ModelInputs,
  type ParameterSpec,
  type Sizes,
  type Tensors,
} from '../model'
import { requireFeatures } from '../userFeatures'

/** Names of Scholar's own implementation; the encoder's Linear layers are `mean_layer` and `logvar_layer`. */
const WORDS = 'embeddings_x_layer'
const TOPIC_WORDS = 'beta_layer'
const FEATURE_WORDS = 'beta_c_layer'
/** Share of the batch-normalised word distribution in x̂, as training last used it. */
const ANNEALED = 'eta_bn_prop'

/** BatchNorm as Scholar sets it. `new = (1 − momentum) old + momentum batch`, torch's convention. */
const BATCH_NORM = { eps: 1e-3, momentum: 1e-3 } as const
/** The annealed share reaches 0 after this part of the epochs. */
const ANNEALING = 0.75

/**
 * ntm, a supervised neural topic model (Scholar; Card, Tan & Smith, ACL 2018) whose topics are the items of a caimira
 * head. T topics, V words, E = words_emb_dim, F user features (0 without), an answer's word counts `bow`: [V].
 *
 *     h = drop(softplus([W_emb bow; f]))                           [E + F], W_emb without bias
 *     μ = BN(Linear(E+F→T) h),  log σ² = BN(Linear(E+F→T) h)
 *     z = drop(μ + σ ε),  θ = softmax(z)                           ε ~ N(0, 1); 0 in evaluation
 *     η = β θ + b + β_c f                                          β: [V, T], β_c: [V, F]
 *     x̂ = a softmax(BN(η)) + (1 − a) softmax(η)                    a falls 1 → 0 by 1/(0.75 max_epochs) per epoch
 *     δ = caimira on [θ; f]
 *     recon_loss = mean(−Σ_v bow_v log x̂_v)                       over chosen and rejected answers
 *     kl_loss    = mean KL(N(μ, σ²) ‖ N(0, σ0²)),  σ0² = (1 − 1/T) / alpha
 *     reg = caimira's + l1_beta |β|₁ + l2_beta ‖β‖² (likewise β_c)
 *
 * The prior is the Laplace approximation of a symmetric Dirichlet. BN is BatchNorm with its gain fixed at 1. Chosen and
 * rejected answers go through in one batch, so that BatchNorm's statistics cannot tell the sides apart; no label enters
 * the encoder. Evaluation uses the running statistics, and the `a` of the last epoch trained.
 *
 * @throws AppError `config_invalid` without bags of words, or when features are asked for and none are selected
 */
export function ntm(config: NtmConfig, sizes: Sizes): Model {
  if (sizes.vocabulary === 0)
    throw new AppError('config_invalid', 'ntm needs word counts', {
      key: 'vocab_file',
      fix: 'Name a vocab_file, and a bow_file in every split, in the data configuration.',
    })
  if (config.has_user_features === true) requireFeatures('ntm.has_user_features', 'true', sizes)
  const withFeatures = (config.has_user_features ?? true) && sizes.features > 0
  const V = sizes.vocabulary
  const T = config.n_topics
  const E = config.words_emb_dim
  const F = withFeatures ? sizes.features : 0
  const priorVariance = (1 - 1 / T) / config.alpha
  const head = caimiraHead(config, T + F, config.n_users ?? sizes.users)

  /** What the encoder makes of the 2B answers, the chosen ones first; `buffers` are filled in training. */
  function encode(
    p: Tensors,
    inputs: ModelInputs,
    mode: Mode,
    buffers: Record<string, tf.Tensor>,
  ): { mean: tf.Tensor; logVariance: tf.Tensor; theta: tf.Tensor; features: tf.Tensor | null } {
    const { features: f } = inputs
    const features = withFeatures && f ? tf.concat([f, f], 0) : null
    const words = rowsOf(linear(p, WORDS, inputs.bow()), bothSides(inputs))
    const h = dropout(tf.softplus(features ? tf.concat([words, features], 1) : words), config.encoder_dropout, mode)
    const mean = batchNorm(p, 'mean_bn_layer', linear(p, 'mean_layer', h), mode, buffers)
    const logVariance = batchNorm(p, 'logvar_bn_layer', linear(p, 'logvar_layer', h), mode, buffers)
    const z = mode.training ? tf.add(mean, tf.mul(tf.exp(tf.div(logVariance, 2)), mode.noise(mean.shape))) : mean
    return { mean, logVariance, theta: tf.softmax(dropout(z, config.z_dropout, mode)), features }
  }

  /** log x̂, [2B, V], from the logarithms of both distributions, so that no probability is rounded to 0. */
  function logWords(
    p: Tensors,
    theta: tf.Tensor,
    features: tf.Tensor | null,
    mode: Mode,
    buffers: Record<string, tf.Tensor>,
  ): tf.Tensor {
    const topics = linear(p, TOPIC_WORDS, theta)
    const eta = features ? tf.add(topics, linear(p, FEATURE_WORDS, features)) : topics
    const a = mode.training ? annealed(mode) : tensor(p, ANNEALED).dataSync<'float32'>()[0]!
    if (mode.training) buffers[ANNEALED] = tf.scalar(a)
    // In training also at a = 0: the running statistics go on.
    const normalised = mode.training || a > 0 ? batchNorm(p, 'eta_bn_layer', eta, mode, buffers) : eta
    if (a === 0) return tf.logSoftmax(eta)
    if (a === 1) return tf.logSoftmax(normalised)
    const first = tf.add(tf.logSoftmax(normalised), Math.log(a))
    const second = tf.add(tf.logSoftmax(eta), Math.log(1 - a))
    return tf.add(second, tf.softplus(tf.sub(first, second)))
  }

  /** Per row, [2B]: ½ Σ_t (σ²/σ0² + μ²/σ0² − 1 + log σ0² − log σ²). */
  function divergence(mean: tf.Tensor, logVariance: tf.Tensor): tf.Tensor {
    const ratio = tf.div(tf.add(tf.exp(logVariance), tf.square(mean)), priorVariance)
    return tf.div(tf.sum(tf.sub(tf.add(ratio, Math.log(priorVariance) - 1), logVariance), 1), 2)
  }

  const items = (theta: tf.Tensor, features: tf.Tensor | null): tf.Tensor =>
    features ? tf.concat([theta, features], 1) : theta

  return {
    parameters: [
      { name: `${WORDS}.weight`, shape: [E, V], init: linearInit(V) },
      ...linearParameters('mean_layer', T, E + F),
      ...linearParameters('logvar_layer', T, E + F),
      ...batchNormParameters('mean_bn_layer', T),
      ...batchNormParameters('logvar_bn_layer', T),
      ...linearParameters(TOPIC_WORDS, V, T),
      ...(withFeatures ? [{ name: `${FEATURE_WORDS}.weight`, shape: [V, F], init: linearInit(F) }] : []),
      ...batchNormParameters('eta_bn_layer', V),
      { name: ANNEALED, shape: [], init: { kind: 'constant', value: 1 }, buffer: true },
      ...head.parameters,
    ],
    batchDependent: head.batchDependent,

    freeze(p, { mean }) {
      const rows = (inputs: ModelInputs): tf.Tensor => {
        const { theta, features } = encode(p, inputs, { training: false, frozen: {} }, {})
        return items(theta, features)
      }
      // Difficulty is linear in the item, so that its mean is the difficulty of the mean item.
      return head.freeze(p, () => mean(rows))
    },

    forward(p, inputs, mode) {
      const buffers: Record<string, tf.Tensor> = {}
      const { mean, logVariance, theta, features } = encode(p, inputs, mode, buffers)
      const words = logWords(p, theta, features, mode, buffers)
      const bow = rowsOf(inputs.bow(), bothSides(inputs))
      return {
        ...head.forward(p, itemPairs(inputs, items(theta, features)), mode),
        terms: {
          recon_loss: tf.neg(tf.mean(tf.sum(tf.mul(bow, words), 1))),
          kl_loss: tf.mean(divergence(mean, logVariance)),
        },
        ...(mode.training && { buffers }),
      }
    },

    explain(p, inputs, frozen) {
      const { theta, features } = encode(p, inputs, { training: false, frozen }, {})
      return head.explain(p, itemPairs(inputs, items(theta, features)), frozen)
    },

    penalty(p) {
      const beta = tensor(p, `${TOPIC_WORDS}.weight`)
      const terms = [head.penalty(p)]
      if (config.l1_beta > 0) terms.push(l1(beta, config.l1_beta))
      if (config.l2_beta > 0) terms.push(squaredL2(beta, config.l2_beta))
      if (withFeatures) {
        const betaC = tensor(p, `${FEATURE_WORDS}.weight`)
        if (config.l1_beta_c > 0) terms.push(l1(betaC, config.l1_beta_c))
        if (config.l2_beta_c > 0) terms.push(squaredL2(betaC, config.l2_beta_c))
      }
      return tf.addN(terms)
    },
  }
}

/** [2B] rows of the batch's distinct answers: all chosen ones, then all rejected ones. */
const bothSides = ({ chosen, rejected }: ModelInputs): tf.Tensor => tf.concat([chosen, rejected], 0)

/** @param items [2B, T + F] of {@link bothSides} */
function itemPairs({ users }: ModelInputs, items: tf.Tensor): ItemPairs {
  const B = users.shape[0]!
  return { items, chosen: tf.range(0, B, 1, 'int32'), rejected: tf.range(B, 2 * B, 1, 'int32'), users }
}

const annealed = ({ epoch, epochs }: { epoch: number; epochs: number }): number =>
  Math.max(0, 1 - epoch / (ANNEALING * epochs))

/** torch's BatchNorm1d over `size` values: a learned bias and running statistics; the gain is 1 and so no parameter. */
function batchNormParameters(name: string, size: number): ParameterSpec[] {
  const constant = (value: number): ParameterSpec['init'] => ({ kind: 'constant', value })
  return [
    { name: `${name}.bias`, shape: [size], init: constant(0) },
    { name: `${name}.running_mean`, shape: [size], init: constant(0), buffer: true },
    { name: `${name}.running_var`, shape: [size], init: constant(1), buffer: true },
  ]
}

/**
 * BatchNorm over the rows of x, [N, size]: (x − mean)/sqrt(var + eps) + bias. Training takes the batch's mean and biased
 * variance, and moves the running ones towards its mean and unbiased variance; evaluation takes the running ones.
 */
function batchNorm(p: Tensors, name: string, x: tf.Tensor, mode: Mode, buffers: Record<string, tf.Tensor>): tf.Tensor {
  const runningMean = tensor(p, `${name}.running_mean`)
  const runningVariance = tensor(p, `${name}.running_var`)
  const scaled = (centred: tf.Tensor, variance: tf.Tensor): tf.Tensor =>
    tf.add(tf.mul(centred, tf.rsqrt(tf.add(variance, BATCH_NORM.eps))), tensor(p, `${name}.bias`))
  if (!mode.training) return scaled(tf.sub(x, runningMean), runningVariance)

  const rows = x.shape[0]!
  // Sums, not means: the backend's sum is exact where the mean of thousands of float32 values is not.
  const mean = tf.div(tf.sum(x, 0), rows)
  const centred = tf.sub(x, mean)
  const squares = tf.sum(tf.square(centred), 0)
  const moved = (running: tf.Tensor, batch: tf.Tensor): tf.Tensor =>
    tf.add(tf.mul(running, 1 - BATCH_NORM.momentum), tf.mul(batch, BATCH_NORM.momentum))
  buffers[`${name}.running_mean`] = moved(runningMean, mean)
  buffers[`${name}.running_var`] = moved(runningVariance, tf.div(squares, rows - 1))
  return scaled(centred, tf.div(squares, rows))
}

import type { ExperimentConfig, ModelName } from '../../../shared/config/experiment'
import type { CaimiraConfig } from '../../../shared/config/models/caimira'
import {
  columnMeans,
  dot,
  gelu,
  l1,
  l2Norm,
  layerNorm,
  linear,
  mean,
  minus,
  row,
  softmax,
  softplus,
  squares,
  sum,
  times,
  value,
  vector,
  type Matrix,
  type Values,
  type Vector,
} from './float64'

/** B pairs, every text written out. */
export interface PairBatch {
  users: Vector
  prompts: Matrix
  chosen: Matrix
  rejected: Matrix
  /** [B, F], null without features. */
  features: Matrix | null
  /** Word counts of the answers. */
  chosenWords: Matrix
  rejectedWords: Matrix
}

export interface Situation {
  batch: PairBatch
  /** The pairs that evaluation takes training statistics from. */
  train: PairBatch
  training: boolean
  /** Standard normal draws for the chosen and then the rejected answers. */
  noise: Matrix
  epoch: number
  epochs: number
}

export interface Outcome {
  chosen: number[]
  rejected: number[]
  penalty: number
  terms: Readonly<Record<string, number>>
  /** New buffers; training only. */
  buffers?: Values
}

/** A model's forward pass without dropout, from its formulas. */
export type Oracle<Name extends ModelName = ModelName> = (
  p: Values,
  situation: Situation,
  config: Extract<ExperimentConfig, { model_name: Name }>,
) => Outcome

const caimiraLogits = (
  p: Values,
  config: CaimiraConfig,
  users: Vector,
  sides: { chosen: Matrix; rejected: Matrix },
  trainItems: Matrix | null,
): Pick<Outcome, 'chosen' | 'rejected'> => {
  const difficulty = (items: Matrix): Matrix => items.map((item) => linear(p, 'layer_d', item))
  const centre = (own: Matrix): Vector => {
    if (config.centering === 'side') return columnMeans(difficulty(own))
    return columnMeans(difficulty(trainItems ?? [...sides.chosen, ...sides.rejected]))
  }
  const logits = (own: Matrix): number[] => {
    const c = centre(own)
    return own.map((item, i) => {
      const d = minus(linear(p, 'layer_d', item), c)
      const r = softmax(linear(p, 'layer_r', item).map((logit) => logit / config.r_temperature))
      return dot(r, minus(row(p, 'layer_s.weight', users[i]!, config.n_dim), d))
    })
  }
  return { chosen: logits(sides.chosen), rejected: logits(sides.rejected) }
}

const caimiraPenalty = (p: Values, config: CaimiraConfig): number =>
  config.lambda_s * l1(p, 'layer_s.weight') + config.lambda_d * l1(p, 'layer_d.weight')

const caimira: Oracle<'caimira'> = (p, { batch, train, training }, { caimira: config }) => ({
  ...caimiraLogits(p, config, batch.users, batch, training ? null : [...train.chosen, ...train.rejected]),
  penalty: caimiraPenalty(p, config),
  terms: {},
})

const model1: Oracle<'model1'> = (p, { batch }, { model1: config }) => {
  const gated = batch.features !== null && config.has_user_features !== false
  const logit = (i: number, y: Vector): number => {
    const x = layerNorm(p, 'ln_x', linear(p, 'W_x', batch.prompts[i]!))
    const fx = gated ? times(x, layerNorm(p, 'ln_u', linear(p, 'W_u', batch.features![i]!))) : x
    const fy = layerNorm(p, 'ln_y', linear(p, 'W_y', y))
    const user = linear(p, 'W_id', row(p, 'user_id.weight', batch.users[i]!, config.n_dim_user_embed_2))
    return sum(times(times(fx, fy), user)) / Math.sqrt(config.n_dim)
  }
  return {
    chosen: batch.chosen.map((y, i) => logit(i, y)),
    rejected: batch.rejected.map((y, i) => logit(i, y)),
    penalty:
      config.lambda_x * l1(p, 'W_x.weight') +
      config.lambda_y * l1(p, 'W_y.weight') +
      config.lambda_r * l1(p, 'W_id.weight') +
      (gated ? config.lambda_u * l1(p, 'W_u.weight') : 0),
    terms: {},
  }
}

const model2: Oracle<'model2'> = (p, { batch }, { model2: config }) => {
  const project = (name: string, text: Vector): number[] =>
    linear(p, `${name}.3`, linear(p, `${name}.0`, l2Norm(text)).map(gelu))
  const logit = (i: number, y: Vector): number => {
    const x = layerNorm(p, 'ln_x', project('proj_x', batch.prompts[i]!))
    const gate = config.feature_mode === 'gate'
    const fx = gate ? times(x, layerNorm(p, 'ln_u', linear(p, 'W_u', batch.features![i]!))) : x
    const fy = layerNorm(p, 'ln_y', project('proj_y', y))
    const xy = linear(p, 'xy.3', linear(p, 'xy.0', [...fx, ...fy]).map(gelu))
    const f = l2Norm(layerNorm(p, 'ln_xy', xy))
    const r = l2Norm(linear(p, 'W_id', row(p, 'user_id.weight', batch.users[i]!, config.n_dim_user_embed_2)))
    const scale = Math.min(Math.max(value(p, 'scale')[0]!, 0.1), 10)
    return (scale * dot(f, r)) / Math.sqrt(config.n_dim)
  }
  return {
    chosen: batch.chosen.map((y, i) => logit(i, y)),
    rejected: batch.rejected.map((y, i) => logit(i, y)),
    penalty: config.lambda_uid_l2 * squares(p, 'user_id.weight') + config.lambda_w2_id * squares(p, 'W_id.weight'),
    terms: {},
  }
}

const ntm: Oracle<'ntm'> = (p, { batch, train, training, noise, epoch, epochs }, { ntm: config }) => {
  const buffers: Record<string, number[]> = {}
  const batchNorm = (name: string, rows: Matrix): number[][] => {
    const bias = vector(p, `${name}.bias`)
    const running = [vector(p, `${name}.running_mean`), vector(p, `${name}.running_var`)] as const
    const centre = training ? columnMeans(rows) : running[0]
    const squared = columnMeans(rows.map((one) => one.map((v, k) => (v - centre[k]!) ** 2)))
    const variance = training ? squared : running[1]
    if (training) {
      const unbiased = squared.map((v) => (v * rows.length) / (rows.length - 1))
      buffers[`${name}.running_mean`] = running[0].map((old, k) => 0.999 * old + 0.001 * centre[k]!)
      buffers[`${name}.running_var`] = running[1].map((old, k) => 0.999 * old + 0.001 * unbiased[k]!)
    }
    return rows.map((one) => one.map((v, k) => (v - centre[k]!) / Math.sqrt(variance[k]! + 1e-3) + bias[k]!))
  }
  const sidesOf = (one: PairBatch): { words: Matrix; features: Matrix } => {
    const own = config.has_user_features === false ? null : one.features
    const features = own ?? one.users.map(() => [])
    return { words: [...one.chosenWords, ...one.rejectedWords], features: [...features, ...features] }
  }
  const encode = (one: PairBatch): { mu: number[][]; logVariance: number[][]; items: Matrix; theta: number[][] } => {
    const { words, features } = sidesOf(one)
    const h = words.map((bow, i) => [...linear(p, 'embeddings_x_layer', bow), ...features[i]!].map(softplus))
    const mu = batchNorm(
      'mean_bn_layer',
      h.map((v) => linear(p, 'mean_layer', v)),
    )
    const logVariance = batchNorm(
      'logvar_bn_layer',
      h.map((v) => linear(p, 'logvar_layer', v)),
    )
    const theta = mu.map((m, i) =>
      softmax(m.map((v, k) => (training ? v + Math.exp(logVariance[i]![k]! / 2) * noise[i]![k]! : v))),
    )
    return { mu, logVariance, theta, items: theta.map((t, i) => [...t, ...features[i]!]) }
  }

  const { words, features } = sidesOf(batch)
  const { mu, logVariance, theta, items } = encode(batch)
  const eta = theta.map((t, i) => {
    const topics = linear(p, 'beta_layer', t)
    if (features[i]!.length === 0) return topics
    const more = linear(p, 'beta_c_layer', features[i]!)
    return topics.map((v, k) => v + more[k]!)
  })
  const a = training ? Math.max(0, 1 - epoch / (0.75 * epochs)) : value(p, 'eta_bn_prop')[0]!
  const normalised = batchNorm('eta_bn_layer', eta)
  if (training) buffers['eta_bn_prop'] = [a]
  const recon = words.map((bow, i) => {
    const first = softmax(normalised[i]!)
    const second = softmax(eta[i]!)
    return -sum(bow.map((count, k) => count * Math.log(a * first[k]! + (1 - a) * second[k]!)))
  })
  const prior = (1 - 1 / config.n_topics) / config.alpha
  const divergence = mu.map((m, i) =>
    sum(
      m.map((v, k) => {
        const log = logVariance[i]![k]!
        return 0.5 * (Math.exp(log) / prior + v ** 2 / prior - 1 + Math.log(prior) - log)
      }),
    ),
  )
  const B = batch.users.length
  const trainItems = training ? null : encode(train).items
  return {
    ...caimiraLogits(p, config, batch.users, { chosen: items.slice(0, B), rejected: items.slice(B) }, trainItems),
    penalty:
      caimiraPenalty(p, config) +
      config.l1_beta * l1(p, 'beta_layer.weight') +
      config.l2_beta * squares(p, 'beta_layer.weight') +
      (features[0]!.length === 0
        ? 0
        : config.l1_beta_c * l1(p, 'beta_c_layer.weight') + config.l2_beta_c * squares(p, 'beta_c_layer.weight')),
    terms: { recon_loss: mean(recon), kl_loss: mean(divergence) },
    ...(training && { buffers }),
  }
}

const lore: Oracle<'lore'> = (p, { batch }, { lore: config }) => {
  const logit = (i: number, y: Vector): number =>
    dot(softmax(row(p, 'a.weight', batch.users[i]!, config.n_dim)), linear(p, 'V', y))
  return {
    chosen: batch.chosen.map((y, i) => logit(i, y)),
    rejected: batch.rejected.map((y, i) => logit(i, y)),
    penalty: config.lambda_v * l1(p, 'V.weight'),
    terms: {},
  }
}

const bt: Oracle<'bt'> = (p, { batch }, { bt: config }) => ({
  chosen: batch.chosen.map((y) => linear(p, 'w', y)[0]!),
  rejected: batch.rejected.map((y) => linear(p, 'w', y)[0]!),
  penalty: config.lambda_w * l1(p, 'w.weight'),
  terms: {},
})

/** One for every model; the compiler names a new one that is missing here. */
export const ORACLES: { readonly [Name in ModelName]: Oracle<Name> } = { caimira, model1, model2, ntm, lore, bt }

/** A model's outcome by its oracle. */
export function outcome(p: Values, situation: Situation, config: ExperimentConfig): Outcome {
  switch (config.model_name) {
    case 'caimira':
      return ORACLES.caimira(p, situation, config)
    case 'model1':
      return ORACLES.model1(p, situation, config)
    case 'model2':
      return ORACLES.model2(p, situation, config)
    case 'ntm':
      return ORACLES.ntm(p, situation, config)
    case 'lore':
      return ORACLES.lore(p, situation, config)
    case 'bt':
      return ORACLES.bt(p, situation, config)
  }
}

/** The loss of a training step at base reward 0. */
export function lossOf({ chosen, rejected, penalty, terms }: Outcome): number {
  const preference = mean(chosen.map((delta, i) => softplus(rejected[i]! - delta)))
  return preference + penalty + sum(Object.values(terms))
}

import type { CaimiraConfig } from '../../../shared/config/models/caimira'
import type { Model, Sizes } from '../model'
import { caimiraHead } from './head'

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
  const head = caimiraHead(config, sizes.width, config.n_users ?? sizes.users)
  return {
    parameters: head.parameters,
    batchDependent: head.batchDependent,
    freeze: (p, { meanAnswer }) => head.freeze(p, () => meanAnswer),
    forward: (p, inputs, mode) => head.forward(p, { ...inputs, items: inputs.answers }, mode),
    explain: (p, inputs, frozen) => head.explain(p, { ...inputs, items: inputs.answers }, frozen),
    penalty: (p) => head.penalty(p),
  }
}

import { z } from 'zod'
import { configuredSizes, n_dim, penalty } from './sizes'

export const CENTERINGS = ['pooled', 'side'] as const

/** The `caimira` section: content-aware multidimensional IRT (Gor et al., EMNLP 2024). */
export const caimiraSchema = z.strictObject({
  n_dim: n_dim.default(5),
  lambda_s: penalty.default(1e-6).describe('L1 weight on the user skills'),
  lambda_d: penalty.default(1e-6).describe('L1 weight on the difficulty projection'),
  r_temperature: z.number().positive().default(0.5).describe('Temperature of the relevance softmax'),
  centering: z
    .enum(CENTERINGS)
    .default('pooled')
    .describe('`side` reproduces old results and leaks which answer was chosen; `pooled` does not'),
  ...configuredSizes,
})
export type CaimiraConfig = z.infer<typeof caimiraSchema>

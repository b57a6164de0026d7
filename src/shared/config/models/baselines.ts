import { z } from 'zod'
import { configuredSizes, n_dim, penalty } from './sizes'

/** The `bt` section: one linear reward for all users, the non-personalised baseline. */
export const btSchema = z.strictObject({
  lambda_w: penalty.default(1e-6).describe('L1 weight on the reward direction'),
  ...configuredSizes,
})
export type BtConfig = z.infer<typeof btSchema>

/** The `lore` section: low-rank reward modelling (Bose et al., 2025). */
export const loreSchema = z.strictObject({
  n_dim: n_dim.default(8),
  lambda_v: penalty.default(1e-6).describe('L1 weight on the reward basis'),
  ...configuredSizes,
})
export type LoreConfig = z.infer<typeof loreSchema>

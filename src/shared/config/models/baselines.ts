import { z } from 'zod'
import { configuredSizes, dimensions, penalty } from './sizes'

/** The `bt` section: one linear reward for all users, the non-personalised baseline. */
export const btSchema = z.strictObject({
  lambda_w: penalty(1e-6, 'L1 of the reward', 'L1 weight on the one reward for all.'),
  ...configuredSizes,
})
export type BtConfig = z.infer<typeof btSchema>

/** The `lore` section: low-rank reward modelling (Bose et al., 2025). */
export const loreSchema = z.strictObject({
  n_dim: dimensions(8, 'Shared rewards K that users mix.'),
  lambda_v: penalty(1e-6, 'L1 of the rewards', 'L1 weight on the shared rewards.'),
  ...configuredSizes,
})
export type LoreConfig = z.infer<typeof loreSchema>

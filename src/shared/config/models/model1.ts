import { z } from 'zod'
import { configuredSizes, dropoutRate, n_dim, penalty } from './sizes'

/** The `model1` section: a trilinear product of prompt, answer and user factors. */
export const model1Schema = z.strictObject({
  n_dim: n_dim.default(5),
  n_dim_user_embed_2: z.int().positive().max(4096).default(10).describe('Width of a user embedding'),
  lambda_x: penalty.default(1e-6).describe('L1 weight on the prompt projection'),
  lambda_y: penalty.default(1e-6).describe('L1 weight on the answer projection'),
  lambda_r: penalty.default(1e-6).describe('L1 weight on the user projection'),
  lambda_u: penalty.default(1e-6).describe('L1 weight on the feature projection'),
  dropout: dropoutRate.default(0.1).describe('Dropout of all factors'),
  has_user_features: z
    .boolean()
    .optional()
    .describe('Use the selected user features; by default whenever there are any'),
  ...configuredSizes,
})
export type Model1Config = z.infer<typeof model1Schema>

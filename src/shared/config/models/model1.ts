import { z } from 'zod'
import { configuredSizes, dimensions, dropoutRate, penalty, userFeatures, width } from './sizes'

/** The `model1` section: a trilinear product of prompt, answer and user factors. */
export const model1Schema = z.strictObject({
  n_dim: dimensions(5, 'Factors K of prompts, answers and users.'),
  n_dim_user_embed_2: width(10, 4096, 'User embedding', "Width of a user's embedding."),
  has_user_features: userFeatures,
  lambda_x: penalty(1e-6, 'L1 of prompts', 'L1 weight on the prompt projection.'),
  lambda_y: penalty(1e-6, 'L1 of answers', 'L1 weight on the answer projection.'),
  lambda_r: penalty(1e-6, 'L1 of users', 'L1 weight on the user projection.'),
  lambda_u: penalty(1e-6, 'L1 of features', 'L1 weight on the feature projection.'),
  dropout: dropoutRate(0.1, 'Dropout', 'Dropout of all factors.'),
  ...configuredSizes,
})
export type Model1Config = z.infer<typeof model1Schema>

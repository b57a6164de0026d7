import { z } from 'zod'
import { configuredSizes, dropoutRate, n_dim, penalty } from './sizes'

export const FEATURE_MODES = ['none', 'gate'] as const

/** The `model2` section: projected prompt and answer, joined, against a bounded user vector. */
export const model2Schema = z.strictObject({
  n_dim: n_dim.default(5),
  n_dim_user_embed_2: z.int().positive().max(4096).default(16).describe('Width of a user embedding'),
  proj_hidden: z.int().positive().max(65_536).default(256).describe('Hidden units H of the projections'),
  dropout: dropoutRate.default(0.1).describe('Dropout of the factors and of the joint network'),
  proj_dropout: dropoutRate.default(0.2).describe('Dropout inside the projections'),
  user_dropout: dropoutRate.default(0.3).describe('Dropout of the user vector'),
  user_max_norm: z.number().positive().default(1).describe('Largest norm of a user embedding'),
  init_scale: z.number().positive().default(1).describe('Initial scale of the logit, learned between 0.1 and 10'),
  lambda_uid_l2: penalty.default(1e-3).describe('L2 weight on the user embeddings'),
  lambda_w2_id: penalty.default(1e-6).describe('L2 weight on the user projection'),
  feature_mode: z
    .enum(FEATURE_MODES)
    .default('none')
    .describe('`gate` multiplies the prompt factor by the user features'),
  lambda_x: penalty.default(1e-5).describe('Accepted for old files and unused'),
  lambda_y: penalty.default(1e-5).describe('Accepted for old files and unused'),
  lambda_r: penalty.default(1e-5).describe('Accepted for old files and unused'),
  lambda_u: penalty.default(1e-5).describe('Accepted for old files and unused'),
  has_user_features: z.boolean().optional().describe('Accepted for old files; feature_mode decides'),
  ...configuredSizes,
})
export type Model2Config = z.infer<typeof model2Schema>

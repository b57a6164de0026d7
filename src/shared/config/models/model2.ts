import { z } from 'zod'
import { about } from '../describe'
import { configuredSizes, dimensions, dropoutRate, penalty, positive, width } from './sizes'

export const FEATURE_MODES = ['none', 'gate'] as const

const olderPenalty = (title: string) =>
  z
    .number()
    .min(0)
    .default(1e-5)
    .meta(about({ title, description: 'Accepted for older files and unused.', group: 'sizes', unused: true }))

/** The `model2` section: projected prompt and answer, joined, against a bounded user vector. */
export const model2Schema = z.strictObject({
  n_dim: dimensions(5, 'Factors K of prompts, answers and users.'),
  n_dim_user_embed_2: width(16, 4096, 'User embedding', "Width of a user's embedding."),
  proj_hidden: width(256, 65_536, 'Hidden units', 'Hidden units H of the projections.'),
  user_max_norm: positive(1, 'User norm at most', "Largest norm of a user's embedding."),
  init_scale: positive(1, 'Initial scale', 'Initial scale of the logit, which is learned and held between 0.1 and 10.'),
  feature_mode: z
    .enum(FEATURE_MODES)
    .default('none')
    .meta(
      about({
        title: 'Features',
        description: 'What the selected user features do.',
        group: 'model',
        choices: { none: 'nothing', gate: 'multiply the prompt factor' },
        only: { key: '/features', not: 'none' },
      }),
    ),
  dropout: dropoutRate(0.1, 'Dropout', 'Dropout of the factors and of the joint network.'),
  proj_dropout: dropoutRate(0.2, 'Projection dropout', 'Dropout inside the projections.'),
  user_dropout: dropoutRate(0.3, 'User dropout', 'Dropout of the user vector.'),
  lambda_uid_l2: penalty(1e-3, 'L2 of users', 'L2 weight on the user embeddings.'),
  lambda_w2_id: penalty(1e-6, 'L2 of the user projection', 'L2 weight on the user projection.'),
  lambda_x: olderPenalty('L1 of prompts'),
  lambda_y: olderPenalty('L1 of answers'),
  lambda_r: olderPenalty('L1 of users'),
  lambda_u: olderPenalty('L1 of features'),
  has_user_features: z
    .boolean()
    .optional()
    .meta(
      about({
        title: 'Use features',
        description: 'Accepted for older files; feature_mode decides.',
        group: 'sizes',
        unused: true,
      }),
    ),
  ...configuredSizes,
})
export type Model2Config = z.infer<typeof model2Schema>

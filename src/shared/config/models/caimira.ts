import { z } from 'zod'
import { about } from '../describe'
import { configuredSizes, dimensions, penalty, positive } from './sizes'

export const CENTERINGS = ['pooled', 'side'] as const

/** The `caimira` section: content-aware multidimensional IRT (Gor et al., EMNLP 2024). */
export const caimiraSchema = z.strictObject({
  n_dim: dimensions(5, 'Latent dimensions K: skills that users have and answers ask for.'),
  lambda_s: penalty(1e-6, 'L1 of the skills', "L1 weight on the users' skills."),
  lambda_d: penalty(1e-6, 'L1 of the difficulties', 'L1 weight on the difficulty projection.'),
  r_temperature: positive(
    0.5,
    'Relevance temperature',
    'Temperature of the relevance softmax; lower picks fewer dimensions for an answer.',
  ),
  centering: z
    .enum(CENTERINGS)
    .default('pooled')
    .meta(
      about({
        title: 'Centring',
        description: 'What is subtracted from difficulties.',
        group: 'model',
        choices: {
          pooled: 'one mean of all answers',
          side: "each side's own mean: reproduces old results, and leaks which answer was chosen",
        },
      }),
    ),
  ...configuredSizes,
})
export type CaimiraConfig = z.infer<typeof caimiraSchema>

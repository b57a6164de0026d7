import { z } from 'zod'

const size = z.int().positive().optional()

/** Sizes that older files carry. They come from the data; a configured one is only checked against it. */
export const configuredSizes = {
  n_users: size.describe('Rows of the user table; the data says how many it needs'),
  n_dim_user_embed: size.describe('Width of the vectors; checked against the data'),
  n_dim_item_embed: size.describe('Width of the vectors; checked against the data'),
  n_dim_prompt_embed: size.describe('Width of the vectors; checked against the data'),
  n_dim_answer_embed: size.describe('Width of the vectors; checked against the data'),
  n_dim_user_features: size.describe('Number of user features; checked against the data'),
}

export const n_dim = z.int().positive().max(4096).describe('Latent dimensions K')
export const penalty = z.number().min(0)
export const dropoutRate = z.number().min(0).lt(1)

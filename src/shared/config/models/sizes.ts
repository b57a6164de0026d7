import { z } from 'zod'
import { about, type GroupName } from '../describe'

const size = z.int().positive().optional()
const fromData = (title: string, description: string) =>
  size.meta(about({ title, description, group: 'sizes', unused: true }))

/** Sizes that older files carry. They come from the data; a configured one is only checked against it. */
export const configuredSizes = {
  n_users: fromData('Users', 'Rows of the user table; the data says how many it needs.'),
  n_dim_user_embed: fromData('Width of the vectors', 'Checked against the data.'),
  n_dim_item_embed: fromData('Width of the item vectors', 'Checked against the data.'),
  n_dim_prompt_embed: fromData('Width of the prompt vectors', 'Checked against the data.'),
  n_dim_answer_embed: fromData('Width of the answer vectors', 'Checked against the data.'),
  n_dim_user_features: fromData('Number of user features', 'Checked against the data.'),
}

/** Latent dimensions K. */
export const dimensions = (standard: number, description: string) =>
  z
    .int()
    .positive()
    .max(4096)
    .default(standard)
    .meta(about({ title: 'Dimensions', description, group: 'model', scale: 'log' }))

/** A width of a layer or an embedding. */
export const width = (standard: number, most: number, title: string, description: string) =>
  z
    .int()
    .positive()
    .max(most)
    .default(standard)
    .meta(about({ title, description, group: 'model', scale: 'log' }))

/** The weight of a penalty on parameters. */
export const penalty = (standard: number, title: string, description: string) =>
  z
    .number()
    .min(0)
    .default(standard)
    .meta(about({ title, description, group: 'regularisation', scale: 'log' }))

/** The share of numbers that a training step leaves out. */
export const dropoutRate = (standard: number, title: string, description: string) =>
  z
    .number()
    .min(0)
    .lt(1)
    .default(standard)
    .meta(about({ title, description, group: 'regularisation' }))

/** A number above zero. */
export const positive = (standard: number, title: string, description: string, group: GroupName = 'model') =>
  z
    .number()
    .positive()
    .default(standard)
    .meta(about({ title, description, group, scale: 'log' }))

/** Whether the selected features are used, for the models that can. */
export const userFeatures = z
  .boolean()
  .optional()
  .meta(
    about({
      title: 'Use features',
      description: 'Use the selected user features; where it is not given, whenever there are any.',
      group: 'model',
      only: { key: '/features', not: 'none' },
    }),
  )

import { AppError } from '../../shared/errors'
import type { Sizes } from './model'

interface ConfiguredSizes {
  n_users?: number | undefined
  n_dim_user_embed?: number | undefined
  n_dim_item_embed?: number | undefined
  n_dim_prompt_embed?: number | undefined
  n_dim_answer_embed?: number | undefined
  n_dim_user_features?: number | undefined
}

const WIDTHS = ['n_dim_user_embed', 'n_dim_item_embed', 'n_dim_prompt_embed', 'n_dim_answer_embed'] as const

/**
 * Sizes come from the data; configured ones (older files carry them) are checked against it.
 *
 * @throws AppError `config_invalid`
 */
export function checkSizes(section: string, configured: ConfiguredSizes, sizes: Sizes): void {
  const refuse = (key: keyof ConfiguredSizes, but: string): never => {
    throw new AppError('config_invalid', `${section}.${key} is ${configured[key]}, but ${but}`, {
      key: `${section}.${key}`,
      fix: 'Delete the key: the size comes from the data.',
    })
  }
  if (configured.n_users !== undefined && configured.n_users < sizes.users)
    refuse('n_users', `the training split has ${sizes.users} users`)
  for (const key of WIDTHS)
    if (configured[key] !== undefined && configured[key] !== sizes.width)
      refuse(key, `the text vectors are ${sizes.width} wide`)
  // A file may name the features it would use; they count only where some are selected.
  const features = configured.n_dim_user_features
  if (features !== undefined && sizes.features > 0 && features !== sizes.features)
    refuse('n_dim_user_features', `${sizes.features} user features are selected`)
}

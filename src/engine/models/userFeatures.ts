import { AppError } from '../../shared/errors'
import type { Sizes } from './model'

/**
 * Refuses a configuration that needs user features where none are selected.
 *
 * @throws AppError `config_invalid`
 */
export function requireFeatures(key: string, value: string, sizes: Sizes): void {
  if (sizes.features > 0) return
  throw new AppError('config_invalid', `${key} is ${value}, but no user features are selected`, {
    key,
    fix: 'Select features with --features all (or column names and prefixes), or change the key.',
  })
}

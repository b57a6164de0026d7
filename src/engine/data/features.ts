import { didYouMean } from '../../shared/config/nearest'
import { AppError } from '../../shared/errors'

/** All user features, none, or those that are named exactly or by a prefix. */
export type FeatureSelection = 'all' | 'none' | readonly string[]

export const TEXT_COLUMNS = ['prompt', 'chosen', 'rejected'] as const
export type TextColumn = (typeof TEXT_COLUMNS)[number]
export const USER_COLUMN = 'u_id'
export const ID_COLUMN = 'id'

export function indexColumn(column: TextColumn): string {
  return `${column}_emb_idx`
}

const OWN_COLUMNS = new Set<string>([USER_COLUMN, ID_COLUMN, ...TEXT_COLUMNS, ...TEXT_COLUMNS.map(indexColumn)])

/** Columns that start with one of the prefixes, in file order; the data's own columns are never features. */
export function featureColumns(columns: readonly string[], prefixes: readonly string[]): string[] {
  return columns.filter((name) => !OWN_COLUMNS.has(name) && prefixes.some((prefix) => name.startsWith(prefix)))
}

/**
 * The selected ones of the available feature columns, in file order.
 *
 * @throws AppError `config_invalid` for an entry that is neither a column's name nor the beginning of one
 */
export function selectFeatures(selection: FeatureSelection, available: readonly string[]): string[] {
  if (selection === 'none') return []
  if (selection === 'all') return [...available]
  const wanted = new Set<string>()
  for (const entry of selection) {
    // An exact name wins, so that `user_a` does not also take `user_ab`.
    const hits = available.includes(entry) ? [entry] : available.filter((name) => name.startsWith(entry))
    if (hits.length === 0) throw unknownFeature(entry, available)
    for (const name of hits) wanted.add(name)
  }
  return available.filter((name) => wanted.has(name))
}

function unknownFeature(entry: string, available: readonly string[]): AppError {
  const known = available.length === 0 ? 'The data has no feature columns' : `Known: ${available.join(', ')}`
  return new AppError('config_invalid', `There is no user feature "${entry}".${didYouMean(entry, available)}`, {
    key: 'features',
    fix: `${known}. Feature columns are those that start with one of prefix_columns.`,
  })
}

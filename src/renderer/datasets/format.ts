import type { DatasetFilter } from '../../shared/domain/datasets'
import type { ProblemKind } from '../../shared/domain/dataset'

/** One for all: making it takes a hundred times as long as using it, and a table uses it for every row. */
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
export const count = (value: number): string => whole.format(value)
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

export function plural(value: number, word: string, many = `${word}s`): string {
  return `${count(value)} ${value === 1 ? word : many}`
}

/** `1.2 MB`, in powers of ten as file managers show it. */
export function bytes(value: number | null): string {
  if (value === null) return 'missing'
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  let rest = value
  for (; rest >= 999.5 && unit < units.length - 1; unit++) rest /= 1000
  return `${unit === 0 ? rest : rest.toFixed(1)} ${units[unit] ?? ''}`
}

/** The name of a file, and the folder before it in a title. */
export const baseName = (file: string): string => file.split(/[\\/]/).at(-1) ?? file

export const PROBLEM_TITLES: Record<ProblemKind, string> = {
  file_missing: 'File is missing',
  file_unreadable: 'File cannot be read',
  file_malformed: 'File is malformed',
  column_missing: 'Column is missing',
  row_malformed: 'Row cannot be read',
  value_missing: 'Value is missing',
  value_invalid: 'Value has the wrong type',
  index_out_of_range: 'Index beyond the vectors',
  text_not_found: 'Text is not in the text file',
  length_mismatch: 'Texts and vectors differ in number',
  width_mismatch: 'Vectors differ in width',
  vector_not_finite: 'Vector is not finite',
  vector_overflow: 'Vector does not fit float16',
  split_empty: 'Split is empty',
  unseen_user_in_train: 'Unseen user is in train',
  features_mismatch: 'Feature columns differ',
  texts_misaligned: 'Texts of another data set',
  text_mismatch: 'Text and index disagree',
  chosen_equals_rejected: 'Both answers are the same',
  id_repeated: 'Id is repeated',
  pair_in_two_splits: 'Pair stands in two splits',
}

const SHARED = { pairs: 'pair', users: 'user', prompts: 'prompt', texts: 'a text' }
const TESTS = { is: '=', is_not: '≠', contains: 'contains', below: '<', above: '>', missing: 'is missing' }

/** What a filter keeps, in a few words. */
export function filterLabel(filter: DatasetFilter, problems: readonly string[] = []): string {
  switch (filter.type) {
    case 'value': {
      const value =
        filter.test === 'missing' ? '' : ` ${filter.value.length > 40 ? `${filter.value.slice(0, 40)}…` : filter.value}`
      return `${filter.column} ${TESTS[filter.test]}${value}`
    }
    case 'length':
      return `${filter.column}: ${range(filter.from, filter.to)} ${filter.unit}`
    case 'user_pairs':
      return `users with ${range(filter.from, filter.to)} ${filter.from === 1 && filter.to === 1 ? 'pair' : 'pairs'}`
    case 'shared':
      return `${SHARED[filter.what]} also in ${filter.with}`
    case 'reversed':
      return 'also judged the other way round'
    case 'duplicate':
      return 'repeats an earlier row'
    case 'conflict':
      return 'contradicts an earlier row of the user'
    case 'same_answer':
      return 'chosen equals rejected'
    case 'unusable':
      return 'unusable rows'
    case 'rows':
      return plural(filter.rows.length, 'row')
    case 'problem':
      return problems[filter.problem] ?? `problem ${filter.problem + 1}`
  }
}

export const range = (from: number, to: number): string => (from === to ? count(from) : `${count(from)}–${count(to)}`)

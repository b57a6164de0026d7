import type { RunSummary } from '../../shared/api/requests'
import { COLUMNS, nameOf, type ColumnKey, type SortValue } from './columns'

export interface Sort {
  column: ColumnKey
  descending: boolean
}

/** The rows of the table: those that match every word of the filter, in order; what has no value comes last either way. */
export function arrange(runs: readonly RunSummary[], filter: string, { column, descending }: Sort): RunSummary[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
  const kept = runs.filter((run) => matches(run, words))
  const now = Date.now()
  const keyed = kept.map((run) => ({ run, value: COLUMNS[column].value(run, now) }))
  keyed.sort((a, b) => compare(a.value, b.value, descending) || b.run.created - a.run.created)
  return keyed.map(({ run }) => run)
}

function matches(run: RunSummary, words: readonly string[]): boolean {
  if (words.length === 0) return true
  const text = [nameOf(run), run.model_name, run.dts_name, run.status, run.id, run.reason ?? ''].join(' ').toLowerCase()
  return words.every((word) => text.includes(word))
}

function compare(a: SortValue, b: SortValue, descending: boolean): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined)
  const order = typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b))
  return descending ? -order : order
}

/** `v2` before `v10`. */
const collator = new Intl.Collator('en', { numeric: true })

import type { LocationQuery, LocationQueryRaw } from 'vue-router'
import { MOST_COMPARED, predictedSplitSchema, type PredictedSplit } from '../../shared/domain/compare'

export const COMPARE_TABS = ['Overview', 'Configuration'] as const
export type CompareTab = (typeof COMPARE_TABS)[number]

/** What of a comparison stands in the address: whoever opens it sees the same. */
export interface ComparePlace {
  /** Ids, each once. */
  runs: readonly string[]
  /** One of `runs`; undefined where there are none. */
  reference: string | undefined
  tab: CompareTab
  /** Figures besides the usual ones. */
  figures: readonly string[]
  /** The split whose predictions are tested; undefined chooses for itself. */
  split: PredictedSplit | undefined
  /** Every run by itself, although some differ only by their seed. */
  single: boolean
  /** Keys that are equal in all runs too. */
  all: boolean
}

const MOST_FIGURES = 100

/** Reads an address; whatever it says that cannot be is left out. */
export function placeOf(query: LocationQuery): ComparePlace {
  const runs = listOf(query.runs).slice(0, MOST_COMPARED)
  const [reference] = listOf(query.reference)
  return {
    runs,
    reference: reference !== undefined && runs.includes(reference) ? reference : runs[0],
    tab: COMPARE_TABS.find((tab) => tab.toLowerCase() === query.tab) ?? 'Overview',
    figures: listOf(query.figures).slice(0, MOST_FIGURES),
    split: predictedSplitSchema.safeParse(query.split).data,
    single: query.single === '1',
    all: query.all === '1',
  }
}

/** The address of a place; what goes without saying is not said. */
export function queryOf({
  runs,
  reference,
  tab = 'Overview',
  figures = [],
  split,
  single,
  all,
}: Partial<ComparePlace>): LocationQueryRaw {
  return {
    ...(runs && runs.length > 0 && { runs: textOf(runs) }),
    ...(reference !== undefined && reference !== runs?.[0] && { reference: textOf([reference]) }),
    ...(tab !== 'Overview' && { tab: tab.toLowerCase() }),
    ...(figures.length > 0 && { figures: textOf(figures) }),
    ...(split && { split }),
    ...(single === true && { single: '1' }),
    ...(all === true && { all: '1' }),
  }
}

/** Names separated by commas; a comma in one is written as in an address. */
function textOf(names: readonly string[]): string {
  return names.map((name) => name.replaceAll('%', '%25').replaceAll(',', '%2C')).join(',')
}

function listOf(text: LocationQuery[string] | undefined): string[] {
  if (typeof text !== 'string') return []
  const names = text.split(',').map((name) => name.replaceAll('%2C', ',').replaceAll('%25', '%'))
  return [...new Set(names.filter(Boolean))]
}

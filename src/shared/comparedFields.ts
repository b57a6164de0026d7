import { valueText } from './comparedTables'
import type { ComparedRuns } from './domain/compare'
import type { RunCell } from './domain/runTable'

/** The values of a parameter, in order; a missing one is a value too. */
export interface ParameterValues {
  name: string
  texts: readonly string[]
  /** Place among `texts` of each run's value. */
  of: readonly number[]
}

/** Undefined for a parameter in which the runs do not differ. */
export function parameterValues({ params }: ComparedRuns, name: string | undefined): ParameterValues | undefined {
  const found = params.find((param) => param.name === name && param.differs)
  if (!found) return undefined
  const cells = found.values.map((value, at) => (found.missing.includes(at) ? undefined : value))
  const distinct = [...new Set(cells)].sort(inOrder)
  return { name: found.name, texts: distinct.map(valueText), of: cells.map((cell) => distinct.indexOf(cell)) }
}

const collator = new Intl.Collator('en', { numeric: true })

/** Numbers by size, then texts; a missing value comes last. */
function inOrder(a: RunCell | undefined, b: RunCell | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined)
  return typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b))
}

/** A parameter or figure over all runs, as an axis shows it. */
export interface Field {
  name: string
  /** Of numbers, or of texts in their order. */
  kind: 'number' | 'category'
  figure: boolean
  /** Of each run: a number, or the place of its text; null where it has none. */
  values: readonly (number | null)[]
  texts: readonly string[]
}

/** More texts than this are no categories but names. */
const MOST_CATEGORIES = 40

/** What a run is called decides nothing. */
const NAMES: readonly string[] = ['exp_name', 'exp_version']

/** What runs can be laid out by: parameters in which they differ, then figures. */
export function fieldsOf(compared: ComparedRuns): Field[] {
  const params = compared.params.flatMap((param): Field[] => {
    if (!param.differs || NAMES.includes(param.name)) return []
    const own = param.values.map((value, at) => (param.missing.includes(at) ? undefined : value))
    const known = own.filter((value) => value !== undefined && value !== null)
    if (known.length > 0 && known.every((value) => typeof value === 'number')) {
      const values = own.map((value) => (typeof value === 'number' && Number.isFinite(value) ? value : null))
      return [{ name: param.name, kind: 'number', figure: false, values, texts: [] }]
    }
    const found = parameterValues(compared, param.name)
    if (!found || found.texts.length > MOST_CATEGORIES) return []
    return [{ name: param.name, kind: 'category', figure: false, values: found.of, texts: found.texts }]
  })
  const figures = compared.figures.map(({ name, values }): Field => ({
    name,
    kind: 'number',
    figure: true,
    values,
    texts: [],
  }))
  return [...params, ...figures]
}

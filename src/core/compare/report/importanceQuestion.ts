import { SEED_KEYS, type ComparedRuns } from '../../../shared/domain/compare'
import { FEWEST_RUNS, type ImportanceQuestion } from '../../../shared/domain/importance'

/** More texts than this are no categories but names. */
const MOST_CATEGORIES = 40
/** What a run is called decides nothing. */
const NAMES: readonly string[] = ['exp_name', 'exp_version']
const FIGURES = ['test_acc', 'val_acc', 'val_loss', 'test_loss']

/** What is asked about the figure that people ask about first; undefined where runs are too few, or differ in nothing. */
export function importanceQuestion({
  params,
  figures,
}: ComparedRuns): { figure: string; question: ImportanceQuestion } | undefined {
  const figure = FIGURES.flatMap((name) => figures.find((one) => one.name === name) ?? [])[0]
  const known = figure?.values.filter((value) => value !== null).length ?? 0
  const fields = params.flatMap((param): ImportanceQuestion['fields'] => {
    if (!param.differs || NAMES.includes(param.name)) return []
    const own = param.values.map((value, at) => (param.missing.includes(at) ? undefined : value))
    const there = own.filter((value) => value !== undefined && value !== null)
    if (there.length > 0 && there.every((value) => typeof value === 'number')) {
      const values = own.map((value) => (typeof value === 'number' && Number.isFinite(value) ? value : null))
      return [{ name: param.name, kind: 'number', values }]
    }
    const texts = [...new Set(own.map(String))].sort()
    if (texts.length > MOST_CATEGORIES) return []
    return [{ name: param.name, kind: 'category', values: own.map((value) => texts.indexOf(String(value))) }]
  })
  if (!figure || known < FEWEST_RUNS || fields.every(({ name }) => SEED_KEYS.includes(name))) return undefined
  return { figure: figure.name, question: { fields: fields.slice(0, 100), figure: figure.values } }
}

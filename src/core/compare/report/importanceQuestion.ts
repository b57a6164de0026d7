import { fieldsOf } from '../../../shared/comparedFields'
import { SEED_KEYS, type ComparedRuns } from '../../../shared/domain/compare'
import { FEWEST_RUNS, MOST_FIELDS, type ImportanceQuestion } from '../../../shared/domain/importance'

const FIGURES = ['test_acc', 'val_acc', 'val_loss', 'test_loss']

/** What is asked about the figure that people ask about first; undefined where runs are too few, or differ in nothing. */
export function importanceQuestion(
  compared: ComparedRuns,
): { figure: string; question: ImportanceQuestion } | undefined {
  const figure = FIGURES.flatMap((name) => compared.figures.find((one) => one.name === name) ?? [])[0]
  const known = figure?.values.filter((value) => value !== null).length ?? 0
  const params = fieldsOf(compared).filter((field) => !field.figure)
  if (!figure || known < FEWEST_RUNS || params.every(({ name }) => SEED_KEYS.includes(name))) return undefined
  const fields = params.slice(0, MOST_FIELDS).map(({ name, kind, values }) => ({ name, kind, values: [...values] }))
  return { figure: figure.name, question: { fields, figure: figure.values } }
}

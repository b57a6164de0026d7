import { setImmediate } from 'node:timers/promises'
import { importanceQuestionSchema, type Importance, type ImportanceQuestion } from '../../shared/domain/importance'
import { throwIfStopped } from '../data/files'
import { forestImportance } from '../statistics/randomForest'
import { spearman } from '../statistics/ranks'

/** Enough that the order of clear effects does not depend on the seed. */
const TREES = 300

/**
 * What parameters have to do with a figure: the permutation importance of a random forest, which sees any shape and interactions, and
 * Spearman's ρ, which sees one direction. A missing value is a place of its own, below all others.
 */
export async function importanceOf(
  asked: ImportanceQuestion,
  signal: AbortSignal,
  onWork: (done: number, total: number) => void,
): Promise<Importance> {
  const { fields, figure, seed } = importanceQuestionSchema.parse(asked)
  const rows = [...figure.keys()].filter((row) => figure[row] !== null)
  const y = Float64Array.from(rows, (row) => figure[row] ?? 0)
  const columns = fields.map(({ values }) => {
    const known = values.filter((value) => value !== null)
    const none = known.length > 0 ? Math.min(...known) - 1 : 0
    return Float64Array.from(rows, (row) => values[row] ?? none)
  })
  const forest = await forestImportance(columns, y, { trees: TREES, seed }, async (tree) => {
    // A request to stop is heard between two trees.
    await setImmediate()
    throwIfStopped(signal)
    onWork(tree, TREES)
  })
  const found = fields.map(({ name, kind, values }, at) => {
    const known = rows.filter((row) => values[row] !== null)
    const rho =
      kind === 'number'
        ? spearman(
            known.map((row) => values[row] ?? 0),
            known.map((row) => figure[row] ?? 0),
          )
        : NaN
    return {
      ...{ name, importance: forest.importance[at]!, error: forest.error[at]! },
      rho: Number.isNaN(rho) ? null : rho,
    }
  })
  return {
    ...{ runs: rows.length, trees: TREES, explained: forest.explained },
    fields: found.sort((a, b) => b.importance - a.importance),
  }
}

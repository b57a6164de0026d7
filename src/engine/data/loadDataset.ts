import type { DataConfig } from '../../shared/config/data'
import type { DataProblem } from '../../shared/domain/dataset'
import { AppError, formatPlace } from '../../shared/errors'
import type { Dataset } from './dataset'
import type { FeatureSelection } from './features'
import { prepareDataset } from './prepare'

/**
 * Validates and loads a data set.
 *
 * @throws AppError `data_invalid` with all errors found, `config_invalid` for an unknown feature, `stopped`
 */
export async function loadDataset(
  data: DataConfig,
  features: FeatureSelection,
  signal?: AbortSignal,
): Promise<Dataset> {
  const { dataset, report } = await prepareDataset(data, { features, signal })
  if (!dataset) throw dataInvalid(data.dts_name, report.problems)
  return dataset
}

/** The error that a run ends with when its data has errors: the first one's place, and all of them as findings. */
export function dataInvalid(name: string, problems: readonly DataProblem[]): AppError {
  const errors = problems.filter((problem) => problem.severity === 'error')
  const [first] = errors
  if (!first || errors.length > 1)
    return new AppError('data_invalid', `The data set "${name}" has ${errors.length} errors`, {
      findings: errors.map(formatProblem),
    })
  const { file, line, row, column, fix, count } = first
  const often = count > 1 ? ` (${count} times, first here)` : ''
  return new AppError('data_invalid', `${first.message}${often}`, {
    ...(file !== undefined && { file }),
    ...(line !== undefined && { line }),
    ...(row !== undefined && { row }),
    ...(column !== undefined && { column }),
    fix,
  })
}

/** One line: what, where, how often, and what to do. */
export function formatProblem(problem: DataProblem): string {
  const often = problem.count > 1 ? ` (${problem.count} times, first here)` : ''
  return `${formatPlace(problem)}: ${problem.message}${often}. ${problem.fix}`
}

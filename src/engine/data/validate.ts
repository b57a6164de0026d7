import type { DataConfig } from '../../shared/config/data'
import type { ProblemRows, ValidationReport } from '../../shared/domain/dataset'
import { readData, type DataOptions } from './prepare'

/**
 * Checks all files of a data set and reports every problem at once. Memory stays bounded whatever the files' size: it
 * holds hashes of texts, ids and pairs, never the strings or the vectors.
 *
 * @throws AppError `config_invalid` for an unknown feature, `stopped`; never for faults in the data
 */
export async function validateData(data: DataConfig, options: DataOptions = {}): Promise<ValidationReport> {
  return (await readData(data, options, false)).report
}

/** As {@link validateData}, with every row of every problem, up to a bound each. */
export async function listProblems(
  data: DataConfig,
  options: DataOptions = {},
): Promise<{ report: ValidationReport; rows: ProblemRows[] }> {
  const { report, problemRows = [] } = await readData(data, { ...options, keepRows: true }, false)
  return { report, rows: [...problemRows] }
}

import type { DataConfig } from '../../shared/config/data'
import type { ValidationReport } from '../../shared/domain/dataset'
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

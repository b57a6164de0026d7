import { BACKENDS, LONGEST_NAME, type ExperimentConfig } from '../../shared/config/experiment'
import type { RunRecord } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'
import { changedExperiment, savedExperiment } from '../config/savedExperiment'

const SUFFIX = '-again'

/**
 * The experiment that repeats a run: its configuration, with `auto` replaced by the backend and the threads that it got.
 *
 * @throws AppError `usage` where the run has not come to an end that could be repeated
 */
export function repeatedExperiment(run: { dir: string; record: RunRecord }): ExperimentConfig {
  const { record } = run
  if (record.status !== 'finished' || !record.result)
    throw new AppError('usage', `The run is ${record.status}: only a finished run has results to compare with`, {
      fix: record.status === 'running' ? 'Wait for its end.' : `Finish it first: delta train --resume ${record.id}`,
    })
  const config = savedExperiment(run)
  const { backend: name, threads } = record.result
  const backend = BACKENDS.find((known) => known === name)
  return changedExperiment(config, {
    exp_version: config.exp_version.slice(0, LONGEST_NAME - SUFFIX.length) + SUFFIX,
    ...(backend !== undefined && { backend }),
    // Sums of several threads are added in another order than those of one.
    ...(backend === 'fused' && { threads }),
  })
}

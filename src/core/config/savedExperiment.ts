import path from 'node:path'
import type { RunSummary } from '../../shared/api/requests'
import { experimentSchema, type ExperimentConfig } from '../../shared/config/experiment'
import { explain } from '../../shared/config/explain'
import { RUN_FILES } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'
import { readYamlFile } from './yamlFile'

/** What may change when a run goes on: how long it trains and where. Anything else would make it another run. */
const RESUMABLE = ['trainer.max_epochs', 'trainer.max_steps', 'trainer.patience', 'trainer.test_on'] as const

/** The resolved configuration that a run was trained with. */
export function savedExperiment(run: RunSummary): ExperimentConfig {
  const file = readYamlFile(path.join(run.dir, RUN_FILES.hparams))
  const parsed = experimentSchema.safeParse(file.value)
  if (parsed.success) return parsed.data
  const findings = explain(experimentSchema, file.value, parsed.error).map(
    ({ keys, message }) => `${keys.join('.') || 'the file'}: ${message}`,
  )
  throw new AppError(
    'unreadable',
    'The configuration of this run cannot be read',
    { file: file.file, findings },
    parsed.error,
  )
}

/**
 * The configuration with which a run goes on.
 *
 * @throws AppError `usage` when the run is still running, or when a setting would make it another run
 */
export function resumedExperiment(
  run: RunSummary,
  overrides: ReadonlyMap<string, { value: unknown; flag: string }>,
  { backend, threads }: { backend?: string; threads?: unknown },
): ExperimentConfig {
  if (run.status === 'running')
    throw new AppError('usage', `The run ${run.exp_name}/${run.exp_version} is still running`, {
      fix: 'Stop it first.',
    })
  const config = savedExperiment(run)
  const trainer: Record<string, unknown> = { ...config.trainer }
  for (const [key, { value, flag }] of overrides) {
    if (!RESUMABLE.some((known) => known === key))
      throw new AppError('usage', `${flag} cannot change when a run is resumed`, {
        key,
        fix: `Only ${RESUMABLE.join(', ')} the backend and the threads can. Start a new run for anything else.`,
      })
    trainer[key.slice('trainer.'.length)] = value
  }
  const raw = {
    ...config,
    trainer,
    ...(backend !== undefined && { backend }),
    ...(threads !== undefined && { threads }),
  }
  const parsed = experimentSchema.safeParse(raw)
  if (parsed.success) return parsed.data
  const findings = explain(experimentSchema, raw, parsed.error).map(
    ({ keys, message }) => `${keys.join('.') || 'the file'}: ${message}`,
  )
  throw new AppError('config_invalid', findings.length === 1 ? findings[0]! : 'The settings are not valid', {
    findings,
  })
}

import path from 'node:path'
import type { RunSummary } from '../../shared/api/requests'
import { experimentSchema, type ExperimentConfig } from '../../shared/config/experiment'
import { explain } from '../../shared/config/explain'
import { isActive } from '../../shared/domain/lifecycle'
import { RUN_FILES } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'
import { readYamlFile } from './yamlFile'

/** What may change when a run goes on: how long it trains and where. Anything else would make it another run. */
const RESUMABLE = ['trainer.max_epochs', 'trainer.max_steps', 'trainer.patience', 'trainer.test_on'] as const

/** The resolved configuration that a run was trained with. */
export function savedExperiment(run: Pick<RunSummary, 'dir'>): ExperimentConfig {
  const file = readYamlFile(path.join(run.dir, RUN_FILES.hparams))
  const result = experimentSchema.safeParse(file.value)
  if (result.success) return result.data
  const findings = explain(experimentSchema, file.value, result.error).map(
    ({ keys, message }) => `${keys.join('.') || 'the file'}: ${message}`,
  )
  throw new AppError(
    'unreadable',
    'The configuration of this run cannot be read',
    { file: file.file, findings },
    result.error,
  )
}

/**
 * The configuration of a run with some keys changed, as a new run: dotted keys (`trainer.learning_rate`), null takes one out.
 *
 * @throws AppError `config_invalid` with every finding
 */
export function changedExperiment(
  config: ExperimentConfig,
  changes: Readonly<Record<string, unknown>>,
): ExperimentConfig {
  const raw: Record<string, unknown> = structuredClone({ ...config })
  for (const [key, value] of Object.entries(changes)) {
    const parts = key.split('.')
    const last = parts.pop() ?? key
    let section: Record<string, unknown> = raw
    for (const part of parts) {
      const inner = { ...Object(section[part]) }
      section[part] = inner
      section = inner
    }
    if (value === null) delete section[last]
    else section[last] = value
  }
  return parsed(raw)
}

function parsed(raw: unknown): ExperimentConfig {
  const result = experimentSchema.safeParse(raw)
  if (result.success) return result.data
  const findings = explain(experimentSchema, raw, result.error).map(
    ({ keys, message }) => `${keys.join('.') || 'the configuration'}: ${message}`,
  )
  throw new AppError('config_invalid', findings.length === 1 ? findings[0]! : 'The settings are not valid', {
    findings,
  })
}

/**
 * The configuration with which a run goes on.
 *
 * @throws AppError `usage` when the run is still running, or when a setting would make it another run
 */
export function resumedExperiment(
  run: Pick<RunSummary, 'dir' | 'status' | 'exp_name' | 'exp_version'>,
  overrides: ReadonlyMap<string, { value: unknown; flag: string }>,
  { backend, threads }: { backend?: string; threads?: unknown },
): ExperimentConfig {
  if (isActive(run.status))
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
  return parsed({
    ...config,
    trainer,
    ...(backend !== undefined && { backend }),
    ...(threads !== undefined && { threads }),
  })
}

import type { SweepFile } from '../../shared/domain/sweep'
import { AppError } from '../../shared/errors'
import type { ConfigRoots } from '../config/resolveExperiment'
import { planCounts, soundSweep, withSweepChanges } from '../sweeps/sweepDocument'
import { readSweepAgain } from './readSweepAgain'
import type { SweepFolder } from './sweepFolder'

export interface MoreTrials {
  /** In all, those that it has included. */
  trials?: number | undefined
  minutes?: number | undefined
  /** Of a grid: all values of some of its keys, those that it has included. */
  values?: Readonly<Record<string, NonNullable<SweepFile['parameters'][string]['values']>>> | undefined
}

/**
 * Raises what a sweep is to have, in its own file. Whoever works on it reads that again; else it goes on with it when it is resumed.
 *
 * @returns puts the file back as it was
 * @throws AppError `usage` where it has them all, `config_invalid`, `unwritable`
 */
export function addTrials(
  folder: SweepFolder,
  { trials, minutes, values }: MoreTrials,
  roots: ConfigRoots,
): () => void {
  const { name, yaml: old, record } = folder
  const seeds = (record.sweep.seeds ?? [record.config.trainer.seed]).length
  const before = Math.max(folder.trials(record.sweep.metric).length, planCounts(soundSweep(old, roots)).trials)
  if (values === undefined && (trials === undefined || trials <= before))
    throw new AppError(
      'usage',
      `The sweep ${name} has ${before} trials${trials === undefined ? '' : `: ${trials} are no more`}`,
      {
        key: 'trials',
        fix: 'Give how many it shall have in all.',
      },
    )
  const yaml = withSweepChanges(old, {
    ...(trials !== undefined && { 'budget.trials': trials }),
    ...(minutes !== undefined && { 'budget.minutes': minutes }),
    ...Object.fromEntries(
      Object.entries(values ?? {}).map(([key, list]) => [`parameters.${key}`, { values: [...list] }]),
    ),
  })
  const { trials: all } = planCounts(soundSweep(yaml, roots))
  if (all <= before)
    throw new AppError('usage', `All ${all / seeds} points of the sweep ${name} are in it already`, {
      fix: `Start another sweep with more values${seeds > 1 ? '' : ' or seeds'}${trials !== undefined && trials - before < seeds ? `, or give at least ${before + seeds} trials` : ''}.`,
    })
  folder.rewrite(yaml)
  const back = (): void => folder.rewrite(old)
  try {
    // Refused now, in words, and not by the process that works on it.
    readSweepAgain(folder, roots)
  } catch (thrown) {
    back()
    throw thrown
  }
  return back
}

import path from 'node:path'
import type { ExperimentConfig } from '../../shared/config/experiment'
import { MOST_TRIALS, type SweepFile } from '../../shared/domain/sweep'
import { AppError } from '../../shared/errors'
import type { ConfigRoots } from '../config/resolveExperiment'
import { grid, pointKey } from './methods'
import { readSweep, searchOf, type SweepPlan } from './readSweep'
import { SWEEP_FILES, type SweepFolder } from './sweepFolder'

/**
 * The plan of a sweep that goes on, from its own copy of the file. Only the budget may have changed, and a grid may have got more values.
 *
 * @throws AppError `config_invalid`, and `usage` where it would become another sweep
 */
export function readSweepAgain(folder: SweepFolder, roots: ConfigRoots): SweepPlan {
  const file = path.join(folder.dir, SWEEP_FILES.asked)
  const plan = readSweep(file, roots)
  const { record } = folder
  const changed = (['method', 'metric', 'seeds', 'parameters', 'options', 'direction'] as const).find(
    (key) =>
      JSON.stringify(plan.sweep[key]) !== JSON.stringify(record.sweep[key]) &&
      !(key === 'parameters' && extendsGrid(record.sweep, plan)),
  )
  if (changed !== undefined)
    throw new AppError('usage', `\`${changed}\` is no longer what the sweep ${folder.name} began with`, {
      file,
      key: changed,
      fix:
        plan.sweep.method === 'grid'
          ? 'A grid can only get more values, and another budget. Put the rest back, or start another sweep.'
          : 'Only its budget can change. Put the rest back, or start another sweep.',
    })
  if (JSON.stringify(unnamed(plan.config)) !== JSON.stringify(unnamed(record.config)))
    throw new AppError('usage', `The base of the sweep ${folder.name} now means something else than when it began`, {
      file,
      fix: 'Put the configuration files back as they were, or start another sweep.',
    })
  return { ...plan, name: folder.name }
}

/** Whether every point of a grid is still one of the new grid. */
function extendsGrid(before: SweepFile, { sweep, search }: SweepPlan): boolean {
  const former = sweep.method === 'grid' ? searchOf(before, 1) : undefined
  if (!former) return false
  const now = new Set(grid(search.space, MOST_TRIALS).map(pointKey))
  return grid(former.space, MOST_TRIALS).every((point) => now.has(pointKey(point)))
}

const unnamed = (config: ExperimentConfig): object => ({ ...config, exp_name: '' })

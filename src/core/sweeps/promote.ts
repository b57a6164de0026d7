import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { RUN_FILES } from '../../shared/domain/run'
import { compare } from '../../shared/domain/halving'
import type { SweepView } from '../../shared/domain/sweeps'
import { AppError, messageOf } from '../../shared/errors'
import { savedExperiment } from '../config/savedExperiment'
import { makeRunFolder, readRecord, writeRecord } from '../service/recordFile'
import { NO_ANNOTATIONS, writeAnnotations } from '../store/annotations'

/** Files of a run that say who it is, or who works on it: a copy has its own. */
const OWN_FILES: readonly string[] = [RUN_FILES.record, RUN_FILES.hparams, RUN_FILES.owner, RUN_FILES.annotations]

export interface Promoted {
  id: string
  dir: string
  trial: number
}

/**
 * Copies a trial's run, checkpoints, figures and predictions included, to a run of its own: it stays when the sweep is deleted.
 *
 * @param trial the best point's best seed where it is not given
 * @throws AppError `usage` where it has no result, `unwritable`
 */
export async function promote(view: SweepView, logDir: string, expName: string, trial?: number): Promise<Promoted> {
  const { sweep, trials } = view
  const chosen = trial === undefined ? bestTrial(view) : trials[trial]
  const record = chosen?.dir === undefined ? undefined : readRecord(chosen.dir)
  if (!chosen?.dir || !record?.result || record.status !== 'finished')
    throw new AppError('usage', trial === undefined ? 'No point is trained yet' : `Trial ${trial} has no result`, {
      fix: 'Wait until it has finished.',
    })
  const from = chosen.dir
  const config = { ...savedExperiment({ dir: from }), exp_name: expName, exp_version: 'v0' }
  const made = makeRunFolder(logDir, config)
  try {
    await fs.promises.cp(from, made.dir, {
      recursive: true,
      mode: fs.constants.COPYFILE_FICLONE,
      // A run has files and folders only: whatever else lies there is left.
      filter: (source) =>
        !OWN_FILES.includes(path.relative(from, source)) && !source.endsWith('.tmp') && isPlain(source),
    })
    const id = randomUUID()
    const { dir, config: named } = made
    const figure = chosen.metric === null ? '' : `: ${sweep.metric} ${Number(chosen.metric.toPrecision(6))}`
    writeAnnotations(dir, {
      ...NO_ANNOTATIONS,
      tags: ['promoted'],
      note: `Trial ${chosen.trial} (point ${chosen.point}, seed ${chosen.seed}) of the sweep ${sweep.name}${figure}`,
    })
    // Last: a folder with a record is a whole run.
    writeRecord(dir, {
      ...record,
      ...{ id, exp_name: named.exp_name, exp_version: named.exp_version, created: Date.now(), ended: Date.now() },
      result: { ...record.result, runId: id, dir },
    })
    return { id, dir, trial: chosen.trial }
  } catch (cause) {
    fs.rmSync(made.dir, { recursive: true, force: true })
    if (cause instanceof AppError) throw cause
    throw new AppError('unwritable', `The run cannot be copied: ${messageOf(cause)}`, { file: made.dir }, cause)
  }
}

function bestTrial({ ranking, trials, sweep }: SweepView): SweepView['trials'][number] | undefined {
  const own = trials.filter(({ point, metric }) => point === ranking[0]?.point && metric !== null)
  return own.sort((a, b) => compare(a.metric ?? NaN, b.metric ?? NaN, sweep.direction))[0]
}

function isPlain(source: string): boolean {
  const state = fs.lstatSync(source)
  return state.isFile() || state.isDirectory()
}

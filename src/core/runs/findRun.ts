import fs from 'node:fs'
import path from 'node:path'
import { didYouMean } from '../../shared/config/nearest'
import type { RunSummary } from '../../shared/api/requests'
import { RUN_FILES } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'
import { RunStore } from './runStore'

/** Shorter beginnings of an id would be guesses. */
const MIN_ID_PREFIX = 6

/**
 * A run by its id (or the beginning of one), by `exp_name/exp_version`, or by its folder.
 *
 * @throws AppError `not_found` when there is none or several
 */
export async function findRun(
  reference: string,
  { cwd, logDir }: { cwd: string; logDir: string },
): Promise<RunSummary> {
  const folder = path.resolve(cwd, reference)
  if (fs.existsSync(path.join(folder, RUN_FILES.record))) return inFolder(folder)
  const { runs } = await new RunStore(logDir).list()
  const named = runs.filter((run) => `${run.exp_name}/${run.exp_version}` === reference || run.id === reference)
  const found =
    named.length > 0 || reference.length < MIN_ID_PREFIX ? named : runs.filter((run) => run.id.startsWith(reference))
  const [run] = found
  if (run && found.length === 1) return run
  const names = runs.map((one) => `${one.exp_name}/${one.exp_version}`)
  throw new AppError(
    'not_found',
    found.length > 1
      ? `"${reference}" is the beginning of ${found.length} runs' ids`
      : `There is no run "${reference}" in ${logDir}.${didYouMean(reference, names)}`,
    { fix: 'Name it by its id, as exp_name/exp_version, or by its folder; `delta runs list` shows all.' },
  )
}

async function inFolder(folder: string): Promise<RunSummary> {
  const real = fs.realpathSync(folder)
  const { runs, unreadable } = await new RunStore(path.dirname(path.dirname(real))).list()
  const run = runs.find(({ dir }) => fs.realpathSync(dir) === real)
  if (run) return run
  const reason = unreadable.find(({ dir }) => dir === real)?.reason ?? 'its files cannot be read'
  throw new AppError('unreadable', `${folder} is no readable run: ${reason}`, { file: folder })
}

import fs from 'node:fs'
import path from 'node:path'
import { didYouMean } from '../../shared/config/nearest'
import { RUN_FILES } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'
import type { Store } from './openStore'
import type { RunRow } from './runTable'
import { syncRun } from './syncRuns'

/** Shorter beginnings of an id would be guesses. */
const MIN_ID_PREFIX = 6

interface Candidate {
  id: string
  name: string
  log_dir: string | null
  trashed: number | null
}

/**
 * A run of the history by its folder, its id or the beginning of one, or `exp_name/exp_version`. A name that several log
 * folders have means the one in `logDir`.
 *
 * @param among runs of the trash, or those that are not in it
 * @throws AppError `not_found` when there is none or several
 */
export async function findInHistory(
  store: Store,
  reference: string,
  { cwd, logDir, trash = false }: { cwd: string; logDir: string; trash?: boolean },
): Promise<RunRow> {
  const folder = path.resolve(cwd, reference)
  if (!trash && fs.existsSync(path.join(folder, RUN_FILES.record))) return store.runs.get(await syncRun(store, folder))
  const real = fs.existsSync(folder) ? store.runs.byDir(fs.realpathSync(folder)) : undefined
  if (real) return real
  const all = store.db.handle
    .prepare<[], Candidate>(
      `SELECT r.id, e.name || '/' || r.exp_version AS name, r.log_dir, r.trashed FROM runs r
       JOIN experiments e ON e.key = r.experiment WHERE r.trashed IS ${trash ? 'NOT ' : ''}NULL`,
    )
    .all()
  const named = all.filter(({ id, name }) => id === reference || name === reference)
  const here = named.filter((run) => run.log_dir === logDir)
  const found =
    here.length === 1
      ? here
      : named.length > 0 || reference.length < MIN_ID_PREFIX
        ? named
        : all.filter(({ id }) => id.startsWith(reference))
  const [run] = found
  if (run && found.length === 1) return store.runs.get(run.id)
  const where = trash ? 'the trash' : 'the history'
  throw new AppError(
    'not_found',
    found.length > 1
      ? `"${reference}" means ${found.length} runs: ${found.map(({ id }) => id.slice(0, 8)).join(', ')}`
      : `There is no run "${reference}" in ${where}.${didYouMean(
          reference,
          all.map(({ name }) => name),
        )}`,
    { fix: 'Name it by its id, as exp_name/exp_version, or by its folder; `delta runs list --all` shows all.' },
  )
}

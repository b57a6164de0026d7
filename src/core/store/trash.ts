import fs from 'node:fs'
import path from 'node:path'
import { hasEnded } from '../../shared/domain/lifecycle'
import { AppError, messageOf } from '../../shared/errors'
import { makeFolders } from '../folders'
import { isInside } from '../runs/readInside'
import type { Store } from './openStore'
import type { RunRow } from './runTable'
import { TRASH } from './syncRuns'

/** Names tried before giving up: `v0`, `v0-2`, … */
const MAX_NAME_TRIES = 10_000

/**
 * Puts a run into the trash of its log folder: one rename, and it is in no list. TensorBoard's logs stay where they are, since
 * they are not ours; their run is only taken out of the lists.
 *
 * @throws AppError `usage` while it is being trained, `unwritable`, `not_found`
 */
export function deleteRun(store: Store, id: string, now: number): { trashDir: string | null } {
  const run = store.runs.get(id)
  if (run.trashed !== null) return { trashDir: run.trash_dir }
  if (!hasEnded(run.status))
    throw new AppError('usage', `The run is ${run.status}`, { fix: 'Stop it, or take it out of the queue, first.' })
  if (run.dir === null || run.log_dir === null || run.source === 'tensorboard' || !fs.existsSync(run.dir)) {
    store.runs.markTrashed(id, now, null)
    return { trashDir: null }
  }
  const trash = path.join(run.log_dir, TRASH)
  makeFolders(trash)
  const { dir } = run
  const name = `${path.basename(path.dirname(dir))}--${path.basename(dir)}`
  return store.db.write('delete run', () => {
    const trashDir = move(dir, trash, name)
    try {
      store.runs.markTrashed(id, now, trashDir)
    } catch (error) {
      fs.renameSync(trashDir, dir)
      throw error
    }
    return { trashDir }
  })
}

/**
 * Takes a run out of the trash, to where it was; a name that is taken by now gets `-2`, `-3`, …
 *
 * @throws AppError `usage` when it is not in the trash, `not_found` when its folder is gone, `unwritable`
 */
export function restoreRun(store: Store, id: string): { dir: string | null } {
  const run = inTrash(store, id)
  const { trash_dir, log_dir } = run
  if (trash_dir === null || log_dir === null) {
    store.db.write('restore run', () =>
      store.db.handle.prepare('UPDATE runs SET trashed = NULL WHERE key = ?').run(run.key),
    )
    return { dir: run.dir }
  }
  if (!fs.existsSync(trash_dir))
    throw new AppError('not_found', `The folder ${trash_dir} is gone from the trash`, {
      file: trash_dir,
      fix: 'It was removed by hand; `delta runs purge` takes the run out of the history.',
    })
  const { exp_name, exp_version } = store.runs.names(run.key)
  const parent = path.join(log_dir, folderName(exp_name))
  makeFolders(parent)
  return store.db.write('restore run', () => {
    const dir = move(trash_dir, parent, folderName(exp_version))
    store.db.handle
      .prepare('UPDATE runs SET trashed = NULL, trash_dir = NULL, missing = NULL, dir = ? WHERE key = ?')
      .run(dir, run.key)
    return { dir }
  })
}

/**
 * Deletes a run in the trash for good.
 *
 * @returns bytes freed on disk, those of its files
 * @throws AppError `usage` when it is not in the trash, `unwritable`
 */
export function purgeRun(store: Store, id: string): { bytes: number } {
  const run = inTrash(store, id)
  const { trash_dir, log_dir } = run
  if (trash_dir === null) {
    store.runs.forget(run.key)
    return { bytes: 0 }
  }
  // The path is from a database that anybody may have written.
  if (log_dir === null || !isInside(path.join(log_dir, TRASH), trash_dir) || path.basename(trash_dir) === TRASH)
    throw new AppError('internal', `${trash_dir} does not lie in a trash folder and is not deleted`, {
      file: trash_dir,
    })
  const bytes = bytesUnder(trash_dir)
  try {
    fs.rmSync(trash_dir, { recursive: true, force: true })
  } catch (cause) {
    throw unwritable(trash_dir, cause)
  }
  store.runs.forget(run.key)
  return { bytes }
}

/** Bytes of all files of a folder; links count as themselves. */
export function bytesUnder(dir: string): number {
  let bytes = 0
  for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
    const file = path.join(dir, entry.name)
    bytes += entry.isDirectory() ? bytesUnder(file) : (fs.lstatSync(file, { throwIfNoEntry: false })?.size ?? 0)
  }
  return bytes
}

function inTrash(store: Store, id: string): RunRow {
  const run = store.runs.get(id)
  if (run.trashed !== null) return run
  throw new AppError('usage', 'The run is not in the trash', { fix: 'Put it there first: delta runs delete RUN' })
}

/** A record may name anything; a folder's name may not climb. */
function folderName(name: string): string {
  return name.replaceAll(/[^\w.-]/g, '_').replace(/^\.+/, '') || 'run'
}

/** Moves a folder to the first free name. A rename onto a folder that is there fails, so nothing is overwritten. */
function move(from: string, parent: string, wanted: string): string {
  for (let n = 1; n <= MAX_NAME_TRIES; n++) {
    const target = path.join(parent, n === 1 ? wanted : `${wanted}-${n}`)
    if (fs.existsSync(target)) continue
    try {
      fs.renameSync(from, target)
      return target
    } catch (cause) {
      throw unwritable(target, cause)
    }
  }
  throw unwritable(path.join(parent, wanted), new Error('all names are taken'))
}

function unwritable(file: string, cause: unknown): AppError {
  return new AppError(
    'unwritable',
    `${file} cannot be changed: ${messageOf(cause)}`,
    { file, fix: 'Check the permissions of the log folder.' },
    cause,
  )
}

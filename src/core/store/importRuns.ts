import fs from 'node:fs'
import path from 'node:path'
import { RUN_FILES } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'
import type { Store } from './openStore'
import { syncLogDir, syncRun } from './syncRuns'
import { eventFolders, importTensorBoard, realFolder, type ImportedRun } from './tensorboard/importTensorBoard'

export interface Imported {
  /** Ids of our own runs that were read. */
  runs: string[]
  tensorboard: ImportedRun[]
  unreadable: { dir: string; reason: string }[]
}

/**
 * Reads what `dir` holds: a run's folder, a log folder of runs, TensorBoard logs, or several of these below one another. Files
 * stay where they are.
 *
 * @throws AppError `not_found`, `unreadable` where it holds none of these
 */
export async function importRuns(store: Store, dir: string): Promise<Imported> {
  const root = realFolder(dir)
  const imported: Imported = { runs: [], tensorboard: [], unreadable: [] }
  if (fs.existsSync(path.join(root, RUN_FILES.record))) {
    imported.runs.push(await syncRun(store, root, 'imported'))
    return imported
  }
  for (const logDir of logDirsOf(root)) {
    imported.unreadable.push(...(await syncLogDir(store, logDir)).unreadable)
    imported.runs.push(...store.runs.inLogDir(logDir).flatMap(({ id, missing }) => (missing === null ? [id] : [])))
  }
  if (eventFolders(root).length > 0) imported.tensorboard = await importTensorBoard(store, root)
  if (imported.runs.length + imported.tensorboard.length > 0) return imported
  throw new AppError('unreadable', `${dir} holds no run and no TensorBoard event file`, {
    file: dir,
    findings: imported.unreadable.map(({ dir: at, reason }) => `${at}: ${reason}`),
    fix: `A run's folder has a ${RUN_FILES.record}; TensorBoard's files are called events.out.tfevents.…`,
  })
}

const MAX_DEPTH = 6

/** Folders with runs two levels below: `<logDir>/<exp_name>/<exp_version>/run.json`. Also for an experiment's own folder. */
function logDirsOf(root: string): string[] {
  const found = new Set<string>()
  const walk = (folder: string, depth: number): void => {
    if (depth > MAX_DEPTH) return
    for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
      if (!entry.isDirectory() || entry.name.startsWith('.')) continue
      const below = path.join(folder, entry.name)
      if (fs.existsSync(path.join(below, RUN_FILES.record))) found.add(path.dirname(folder))
      else walk(below, depth + 1)
    }
  }
  walk(root, 0)
  return [...found].sort()
}

import fs from 'node:fs'
import path from 'node:path'
import { makeFolders } from '../folders'
import { HistoryDatabase, storeError, type SlowLog } from './database'
import { MetricTable } from './metricTable'
import { migrate } from './migrations'
import { RunTable } from './runTable'

export const HISTORY_FILE = 'history.sqlite'

export interface StoreOptions {
  /** Folder of the history, see `dataFolder`; undefined keeps it in memory. */
  dir: string | undefined
  /** Told of slow statements; by default they go to `history.log` beside the file. */
  slow?: SlowLog
}

/** The history of all runs. One connection a process; any number of processes. */
export interface Store {
  readonly db: HistoryDatabase
  readonly runs: RunTable
  readonly metrics: MetricTable
  close(): void
}

/**
 * Opens the history, or makes it.
 *
 * @throws AppError `unwritable`, or `unreadable` for a damaged file or one of a newer program
 */
export function openStore({ dir, slow }: StoreOptions): Store {
  if (dir !== undefined) makeFolders(dir)
  const file = dir === undefined ? ':memory:' : path.join(dir, HISTORY_FILE)
  let db: HistoryDatabase | undefined
  try {
    db = new HistoryDatabase(file, slow ?? (dir === undefined ? undefined : slowLog(dir)))
    migrate(db.handle, file)
    return { db, runs: new RunTable(db), metrics: new MetricTable(db), close: () => db?.close() }
  } catch (error) {
    db?.close()
    throw storeError(error, file)
  }
}

/** Beyond this the log of slow statements begins anew. */
const MAX_LOG_BYTES = 2 ** 20

function slowLog(dir: string): SlowLog {
  const file = path.join(dir, 'history.log')
  return ({ name, ms }) => {
    try {
      if ((fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0) > MAX_LOG_BYTES) fs.renameSync(file, `${file}.old`)
      fs.appendFileSync(file, `${new Date().toISOString()} slow: ${name} took ${ms.toFixed(0)} ms\n`)
    } catch {
      // A log that cannot be written must not fail what it tells of.
    }
  }
}

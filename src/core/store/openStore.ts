import fs from 'node:fs'
import path from 'node:path'
import { AppError, messageOf } from '../../shared/errors'
import { makeFolders } from '../folders'
import { AnnotationTable } from './annotations'
import {
  Damage,
  damageMark,
  FULL_CHECK_BYTES,
  HistoryDatabase,
  isDamage,
  markDamaged,
  storeError,
  type SlowLog,
} from './database'
import { HistoryReader } from './historyQuery'
import { RunLister, type ListedRun, type ListRequest } from './listRuns'
import { readKnownFolders, rememberFolders, type FolderKind, type KnownFolder } from './knownFolders'
import { MetricTable } from './metricTable'
import { migrate } from './migrations'
import { ResultTable } from './results'
import { RunTable } from './runTable'
import { SavedComparisonTable } from './savedComparisons'
import { setAside } from './setAside'

export const HISTORY_FILE = 'history.sqlite'

/**
 * When a whole file is looked at for damage, which takes a second for 100 MB: each time; `daily`, for a short command, where nobody has for a day or
 * somebody has met a broken page; `start`, for a workbench, also where somebody who had it open has not closed it, and may have ended with the
 * machine: it looks at the file in any case, but later, see {@link Store.checkLate}.
 */
export type Check = 'always' | 'start' | 'daily'

export interface StoreOptions {
  /** Folder of the history, see `dataFolder`; undefined keeps it in memory. */
  dir: string | undefined
  /** Whether the whole file is looked at for damage. */
  check?: Check
  /** Told of slow statements; by default they go to `history.log` beside the file. */
  slow?: SlowLog
}

/** The history of all runs. One connection a process; any number of processes. */
export interface Store {
  readonly db: HistoryDatabase
  readonly runs: RunTable
  readonly metrics: MetricTable
  readonly annotations: AnnotationTable
  readonly history: HistoryReader
  readonly results: ResultTable
  readonly comparisons: SavedComparisonTable
  /** Every metric and parameter that some run has. */
  names(): string[]
  /** Runs as a table: filtered, sorted, with the columns asked for. */
  list(request: ListRequest): { rows: ListedRun[]; total: number }
  /** What had to be repaired when it was opened, in words for a person. */
  readonly repairs: readonly string[]
  /**
   * Looks at the whole file where that was put off when it was opened, unless it is so large that everybody would wait: that is done once a day.
   * What is damaged is repaired the next time that it is opened.
   *
   * @returns what is wrong, in words for a person
   */
  checkLate(): string | undefined
  /** Folders that have to be read for the history to be whole again; see `openHistory`. */
  lost(): KnownFolder[]
  /** Keeps the name of a folder outside of the database, for the day when that is lost. */
  remember(folder: string, kind: FolderKind): void
  close(): void
}

/**
 * Opens the history, or makes it. A damaged file is put aside and a new one begun: `openHistory` then fills it from the run
 * folders.
 *
 * @throws AppError `unwritable`, or `unreadable` for a file of a newer program
 */
export function openStore({ dir, slow, check = 'always' }: StoreOptions): Store {
  if (dir === undefined) return build(openChecked(':memory:', slow, 'daily'), undefined, [])
  makeFolders(dir)
  const file = path.join(dir, HISTORY_FILE)
  const log = slow ?? slowLog(dir)
  const known = readKnownFolders(dir)
  const missing = !fs.existsSync(file)
  try {
    const db = openChecked(file, log, check)
    if (missing) owe(db, known)
    return build(db, dir, missing && known.length > 0 ? [`The history ${file} was gone`] : [])
  } catch (error) {
    if (!isDamage(error)) throw storeError(error, file)
    const { movedTo, folders } = setAside(dir, file, () => openChecked(file, log, 'always').close())
    const db = openChecked(file, log, check)
    if (movedTo === undefined) return build(db, dir, [])
    owe(db, [...known, ...folders])
    return build(db, dir, [`The history ${file} was damaged and has been put aside as ${movedTo}`])
  }
}

/** Notes folders that a new history has to read, in itself: whoever opens it next may be the one to do it. */
function owe(db: HistoryDatabase, folders: readonly KnownFolder[]): void {
  db.write('note lost folders', () => {
    const insert = db.handle.prepare('INSERT OR IGNORE INTO folders (path, kind) VALUES (?, ?)')
    for (const { path: folder, kind } of folders) insert.run(folder, kind)
  })
}

function build(db: HistoryDatabase, dir: string | undefined, repairs: readonly string[]): Store {
  const lister = new RunLister(db)
  return {
    db,
    list: (request) => lister.list(request),
    runs: new RunTable(db),
    metrics: new MetricTable(db),
    annotations: new AnnotationTable(db),
    history: new HistoryReader(db),
    results: new ResultTable(db),
    comparisons: new SavedComparisonTable(db),
    checkLate: () => {
      if (db.checked || db.bytes > FULL_CHECK_BYTES) return undefined
      const fault = faultOf(db)
      if (fault === undefined) return undefined
      markDamaged(db.file)
      return `The history ${db.file} is damaged (${fault}): start the program again, which puts it aside and reads the runs back from their folders`
    },
    names: () =>
      db.handle.prepare<[], string>('SELECT name FROM metrics UNION SELECT name FROM params ORDER BY 1').pluck().all(),
    repairs,
    lost: () =>
      db.handle.prepare<[], KnownFolder>('SELECT path, kind FROM folders WHERE synced IS NULL ORDER BY path').all(),
    remember: (folder, kind) => {
      if (dir !== undefined) rememberFolders(dir, [{ path: folder, kind }])
    },
    close: () => db.close(),
  }
}

const DAY_MS = 24 * 3600 * 1000

/** Opens a file, looks for damage and brings its schema up to date. */
function openChecked(file: string, slow: SlowLog | undefined, check: Check): HistoryDatabase {
  // SQLite takes its log away with the last connection that is closed.
  const leftOpen = fs.existsSync(`${file}-wal`)
  const db = new HistoryDatabase(file, slow)
  try {
    // A schema that cannot be read fails here, before a migration makes anything of it.
    const checks = check === 'always' || (check === 'start' && leftOpen) || !checkedLately(db)
    if (checks) refuseDamage(db, file)
    migrate(db.handle, file)
    if (checks && file !== ':memory:') noteCheck(db)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function refuseDamage(db: HistoryDatabase, file: string): void {
  const faults = db.check()
  if (faults.length === 0) return
  throw new AppError('unreadable', `The history ${file} is damaged`, { file, findings: faults }, new Damage(faults))
}

/** A page may be so broken that SQLite cannot even say which. */
function faultOf(db: HistoryDatabase): string | undefined {
  try {
    return db.check()[0]
  } catch (error) {
    return isDamage(error) ? messageOf(error) : undefined
  }
}

function checkedLately(db: HistoryDatabase): boolean {
  if (fs.existsSync(damageMark(db.file))) return false
  const known = db.handle.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").get()
  if (known === undefined) return false
  const at = Number(db.handle.prepare("SELECT value FROM meta WHERE name = 'checked'").pluck().get() ?? 0)
  const age = Date.now() - at
  // A clock that was set back must not put the next check off for years.
  return age >= 0 && age < DAY_MS
}

function noteCheck(db: HistoryDatabase): void {
  fs.rmSync(damageMark(db.file), { force: true })
  db.write('note check', () =>
    db.handle.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('checked', ?)").run(String(Date.now())),
  )
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

import fs from 'node:fs'
import path from 'node:path'
import { AppError } from '../../shared/errors'
import { makeFolders } from '../folders'
import { AnnotationTable } from './annotations'
import { Damage, damageMark, HistoryDatabase, isDamage, storeError, type SlowLog } from './database'
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

export interface StoreOptions {
  /** Folder of the history, see `dataFolder`; undefined keeps it in memory. */
  dir: string | undefined
  /** A workbench looks at the whole file when it starts; a short command only where nobody has for a day. */
  check?: 'always' | 'daily'
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
function openChecked(file: string, slow: SlowLog | undefined, check: 'always' | 'daily'): HistoryDatabase {
  const db = new HistoryDatabase(file, slow)
  try {
    // A schema that cannot be read fails here, before a migration makes anything of it.
    if (check === 'always' || !checkedLately(db)) refuseDamage(db, file)
    migrate(db.handle, file)
    if (file !== ':memory:') noteCheck(db, check)
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

function checkedLately(db: HistoryDatabase): boolean {
  if (fs.existsSync(damageMark(db.file))) return false
  const known = db.handle.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").get()
  if (known === undefined) return false
  const at = Number(db.handle.prepare("SELECT value FROM meta WHERE name = 'checked'").pluck().get() ?? 0)
  const age = Date.now() - at
  // A clock that was set back must not put the next check off for years.
  return age >= 0 && age < DAY_MS
}

function noteCheck(db: HistoryDatabase, check: 'always' | 'daily'): void {
  if (check === 'daily' && checkedLately(db)) return
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

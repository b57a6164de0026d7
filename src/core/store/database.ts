import fs from 'node:fs'
import BetterSqlite from 'better-sqlite3'
import { AppError, messageOf } from '../../shared/errors'

/** Another process writes for some milliseconds at a time; one that holds the lock for longer than this is stuck. */
const BUSY_TIMEOUT_MS = 5_000
/** Slower statements are written to the log by name: a person notices them. */
export const SLOW_MS = 40
/** 4 KiB pages; SQLite copies the write-ahead log into the database when it holds this many. */
const WAL_PAGES = 1_000
/** What the write-ahead log keeps on disk once it has been copied. */
const WAL_LIMIT_BYTES = 16 * 2 ** 20
/** About half a second of reading. */
export const FULL_CHECK_BYTES = 128 * 2 ** 20
const CACHE_KIB = 32 * 2 ** 10

/** Told of each statement slower than {@link SLOW_MS}. */
export type SlowLog = (entry: { name: string; ms: number }) => void

/** SQLite for this program: one connection, every access under a name, every write in one transaction. */
export class HistoryDatabase {
  readonly file: string
  /** For preparing statements; writes go through {@link write}. */
  readonly handle: BetterSqlite.Database
  readonly #slow: SlowLog
  readonly #statements = new Map<string, BetterSqlite.Statement>()
  #rollbacks = 0
  #checked = false

  /** @param file a path, or `:memory:` */
  constructor(file: string, slow: SlowLog = () => {}) {
    this.file = file
    this.#slow = slow
    this.handle = new BetterSqlite(file, { timeout: BUSY_TIMEOUT_MS })
    try {
      this.#configure()
    } catch (error) {
      this.handle.close()
      throw error
    }
  }

  #configure(): void {
    const { handle } = this
    handle.pragma('journal_mode = WAL')
    // SQLite's default is FULL: the write-ahead log is flushed to the platter at every commit, which costs milliseconds on
    // a disk and was most of the time of a batch of metrics. Wrong here, because a batch stands in the run's own
    // metrics.jsonl as well: what a power cut takes from the database is read again from there. NORMAL flushes at
    // checkpoints; a killed process loses nothing, a power cut at most the last commits, and neither damages the file.
    handle.pragma('synchronous = NORMAL')
    // SQLite's default is off, for the sake of programs of 2004; ours deletes a run and means its points too.
    handle.pragma('foreign_keys = ON')
    // The log is copied into the database at the first commit past these pages, SQLite's own default. Every read here is
    // one short, synchronous call, so no reader can hold the copy up and let the log grow.
    handle.pragma(`wal_autocheckpoint = ${WAL_PAGES}`)
    // By default the log keeps its greatest size for ever.
    handle.pragma(`journal_size_limit = ${WAL_LIMIT_BYTES}`)
    handle.pragma(`cache_size = -${CACHE_KIB}`)
    handle.pragma('temp_store = MEMORY')
    // A file from elsewhere must not run functions through its schema, and a damaged page is found when it is read.
    handle.pragma('trusted_schema = OFF')
    handle.pragma('cell_size_check = ON')
  }

  /**
   * What is wrong with the file, in SQLite's words; empty when all is well. Reads the whole file once, and compares every
   * index with its table unless the file is so large that a person would wait for it.
   */
  check(): string[] {
    this.#checked = true
    const pragma = this.bytes <= FULL_CHECK_BYTES ? 'integrity_check(5)' : 'quick_check(5)'
    const rows = this.read(pragma, () => this.handle.pragma(pragma))
    if (!Array.isArray(rows)) return []
    return rows.map((row: unknown) => String(Object.values(Object(row))[0])).filter((line) => line !== 'ok')
  }

  /** Whether this connection has looked at the whole file. */
  get checked(): boolean {
    return this.#checked
  }

  get bytes(): number {
    const pages = Number(this.handle.pragma('page_count', { simple: true }))
    return pages * Number(this.handle.pragma('page_size', { simple: true }))
  }

  /** A statement that writes, prepared once: reading a run's folder runs thirty of them. */
  statement(sql: string): BetterSqlite.Statement {
    let known = this.#statements.get(sql)
    if (!known) this.#statements.set(sql, (known = this.handle.prepare(sql)))
    return known
  }

  /** Several reads that see one state of the database. */
  read<T>(name: string, work: () => T): T {
    if (this.handle.inTransaction) return this.#timed(name, work)
    return this.#timed(name, () => this.#transaction('BEGIN', work))
  }

  /**
   * All of `work` or nothing. Takes the write lock first: a transaction that began by reading would fail when it turns to
   * writing while another process has written in between. Inside another `write` it is part of that one.
   *
   * @throws AppError `unwritable`, or what `work` throws
   */
  write<T>(name: string, work: () => T): T {
    if (this.handle.inTransaction) return this.#timed(name, work)
    return this.#timed(name, () => this.#transaction('BEGIN IMMEDIATE', work))
  }

  /** How many rows this connection has written so far. */
  written(): number {
    return Number(this.handle.prepare('SELECT total_changes()').pluck().get())
  }

  /** Another one once another connection has written. */
  version(): number {
    return Number(this.handle.pragma('data_version', { simple: true }))
  }

  /** How many transactions were undone. Keys that were read within one may be gone: a cache of them asks here. */
  get rollbacks(): number {
    return this.#rollbacks
  }

  close(): void {
    this.handle.close()
  }

  #transaction<T>(begin: string, work: () => T): T {
    const { handle } = this
    try {
      handle.exec(begin)
      const result = work()
      handle.exec('COMMIT')
      return result
    } catch (error) {
      this.#rollbacks++
      // A full disk makes SQLite roll back by itself.
      if (handle.inTransaction) handle.exec('ROLLBACK')
      if (isDamage(error)) markDamaged(this.file)
      throw storeError(error, this.file)
    }
  }

  #timed<T>(name: string, work: () => T): T {
    const started = performance.now()
    try {
      return work()
    } finally {
      const ms = performance.now() - started
      if (ms > SLOW_MS) this.#slow({ name, ms })
    }
  }
}

/** Beside a database in which a broken page was met: whoever opens it next looks at the whole of it. */
export const damageMark = (file: string): string => `${file}.damaged`

export function markDamaged(file: string): void {
  try {
    if (file !== ':memory:') fs.writeFileSync(damageMark(file), '')
  } catch {
    // The daily check will find it.
  }
}

/** SQLite's result codes, without their extensions: SQLITE_IOERR_WRITE → SQLITE_IOERR. */
function resultCode(error: unknown): string | undefined {
  return error instanceof BetterSqlite.SqliteError ? error.code.split('_').slice(0, 2).join('_') : undefined
}

/** What `integrity_check` found, as the cause of an error. */
export class Damage extends Error {
  constructor(faults: readonly string[]) {
    super(faults.join('; '))
  }
}

/** Whether the file itself is broken, so that only a new one helps. */
export function isDamage(error: unknown): boolean {
  const cause = error instanceof AppError ? error.cause : error
  if (cause instanceof Damage) return true
  const code = resultCode(cause)
  return code === 'SQLITE_CORRUPT' || code === 'SQLITE_NOTADB'
}

/** What SQLite says, as an error that says what to do. Anything else passes unchanged. */
export function storeError(error: unknown, file: string): unknown {
  switch (resultCode(error)) {
    case undefined:
      return error
    case 'SQLITE_FULL':
      return new AppError(
        'unwritable',
        `The disk of the history ${file} is full`,
        {
          file,
          fix: 'Free some space. Runs in progress keep writing into their own folders, from which the history is brought up to date.',
        },
        error,
      )
    case 'SQLITE_READONLY':
    case 'SQLITE_CANTOPEN':
    case 'SQLITE_PERM':
      return new AppError(
        'unwritable',
        `The history ${file} cannot be written: ${messageOf(error)}`,
        { file, fix: 'Check the permissions of the folder, or choose another with --data-dir or DELTA_HOME.' },
        error,
      )
    case 'SQLITE_BUSY':
    case 'SQLITE_LOCKED':
      return new AppError(
        'unwritable',
        `Another process has kept the history ${file} locked for ${BUSY_TIMEOUT_MS / 1000} s`,
        { file, fix: 'Look for a hanging or stopped `delta` or backup program that has the file open.' },
        error,
      )
    case 'SQLITE_CORRUPT':
    case 'SQLITE_NOTADB':
      return new AppError(
        'unreadable',
        `The history ${file} is damaged: ${messageOf(error)}`,
        { file, fix: 'Start the program again: it puts the file aside and reads the runs back from their folders.' },
        error,
      )
    case 'SQLITE_IOERR':
      return new AppError(
        'unwritable',
        `The history ${file} cannot be read or written: ${messageOf(error)}`,
        { file, fix: 'Check the disk, or choose another folder with --data-dir or DELTA_HOME.' },
        error,
      )
    default:
      return new AppError('internal', `The history ${file} refused a statement: ${messageOf(error)}`, { file }, error)
  }
}

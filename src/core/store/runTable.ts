import type { Statement } from 'better-sqlite3'
import { canBecome, isActive, transition, type RunStatus, type Transition } from '../../shared/domain/lifecycle'
import type { RunRecord } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'
import type { HistoryDatabase } from './database'
import { flatJson, type FlatValue } from './flatten'

/** How a run got into the history. */
export type RunSource = 'trained' | 'imported' | 'tensorboard'

export interface NewRun {
  id: string
  exp_name: string
  exp_version: string
  model_name: string
  dts_name: string
  /** Folder of the data set. */
  dts_path?: string
  status: RunStatus
  /** Why it is there: the first entry of its life. */
  reason: string
  /** Milliseconds since the Unix epoch. */
  created: number
  source: RunSource
  command: string
  cwd?: string
  version: string
  /** Absolute folder, where there is one already. */
  dir?: string
  logDir?: string
  params?: readonly FlatValue[]
}

/** A process, so that another one with its number is not taken for it. */
export interface Owner {
  pid: number
  host: string
  /** When it started, in whatever the system calls it; compared for equality only. */
  started: string
}

export interface RunRow {
  key: number
  id: string
  dir: string | null
  log_dir: string | null
  status: RunStatus
  reason: string | null
  sequence: number
  record: string | null
  stamp: string | null
  heartbeat: number | null
  owner_pid: number | null
  owner_host: string | null
  owner_started: string | null
  missing: number | null
  trashed: number | null
  trash_dir: string | null
  source: RunSource
}

const ROW =
  'key, id, dir, log_dir, status, reason, sequence, record, stamp, heartbeat, owner_pid, owner_host, owner_started, missing, trashed, trash_dir, source'

/** What a run's own folder says about it. */
export interface FolderState {
  dir: string
  logDir: string
  record: RunRecord
  /** The record's status, corrected where its process is gone. */
  status: RunStatus
  reason?: string
  epochs: number
  /** Tells one state of the folder's files from another. */
  stamp: string
  source: RunSource
}

/** The table of runs and its statuses. */
export class RunTable {
  readonly #db: HistoryDatabase
  /** Asked for of thousands of runs at once. */
  readonly #find: Statement<[string], RunRow>
  readonly #status: Statement<[string], RunStatus>

  constructor(db: HistoryDatabase) {
    this.#db = db
    this.#find = db.handle.prepare(`SELECT ${ROW} FROM runs WHERE id = ?`)
    this.#status = db.handle.prepare<[string], RunStatus>('SELECT status FROM runs WHERE id = ?').pluck()
  }

  status(id: string): RunStatus | undefined {
    return this.#status.get(id)
  }

  find(id: string): RunRow | undefined {
    return this.#find.get(id)
  }

  /** @throws AppError `not_found` */
  get(id: string): RunRow {
    const row = this.find(id)
    if (row) return row
    throw new AppError('not_found', `The history has no run with the id "${id}"`, {
      fix: '`delta runs list --all` shows every run that it knows.',
    })
  }

  byDir(dir: string): RunRow | undefined {
    return this.#db.handle.prepare<[string], RunRow>(`SELECT ${ROW} FROM runs WHERE dir = ?`).get(dir)
  }

  /** Runs of one log folder, those in the trash left out. */
  inLogDir(logDir: string): RunRow[] {
    return this.#db.handle
      .prepare<[string], RunRow>(`SELECT ${ROW} FROM runs WHERE log_dir = ? AND trashed IS NULL`)
      .all(logDir)
  }

  anyInLogDir(logDir: string): boolean {
    const found = this.#db.handle.prepare<[string]>('SELECT 1 FROM runs WHERE log_dir = ? AND trashed IS NULL LIMIT 1')
    return found.get(logDir) !== undefined
  }

  /** Runs of a log folder that lie in its trash. */
  inTrashOf(logDir: string): RunRow[] {
    return this.#db.handle
      .prepare<[string], RunRow>(`SELECT ${ROW} FROM runs WHERE log_dir = ? AND trashed IS NOT NULL`)
      .all(logDir)
  }

  /** Runs that a process works on or should. */
  active(): RunRow[] {
    return this.#db.handle
      .prepare<[], RunRow>(`SELECT ${ROW} FROM runs WHERE status IN ('queued', 'starting', 'running', 'stopping')`)
      .all()
      .filter(({ status }) => isActive(status))
  }

  /** @returns the run's key */
  create(run: NewRun): number {
    return this.#db.write('create run', () => {
      const key = this.#insert(run)
      this.#note(key, { from: null, to: run.status, at: run.created, reason: run.reason })
      if (run.params) this.setParams(key, 'params', run.params)
      return key
    })
  }

  /**
   * Changes a run's status, if it is the one that the caller believes.
   *
   * @throws AppError `usage` when the way does not exist or somebody else was quicker, `not_found`
   */
  transition(id: string, from: RunStatus, to: RunStatus, reason: string, at: number): Transition {
    return this.#db.write('transition', () => {
      const run = this.get(id)
      const step = transition(from, to, at, reason)
      if (run.status !== from)
        throw new AppError('usage', `The run is ${run.status} by now, not ${from}`, {
          fix: 'Look at it again before changing it.',
        })
      this.#setStatus(run.key, step)
      return step
    })
  }

  transitions(id: string): Transition[] {
    return this.#db.handle
      .prepare<[string], Transition>(
        `SELECT from_status AS "from", to_status AS "to", at, reason FROM transitions
         WHERE run = (SELECT key FROM runs WHERE id = ?) ORDER BY key`,
      )
      .all(id)
  }

  /** Declares the process that works on a run. */
  own(id: string, owner: Owner, at: number): void {
    this.#change(
      'own run',
      'owner_pid = ?, owner_host = ?, owner_started = ?, heartbeat = ?',
      [owner.pid, owner.host, owner.started, at],
      id,
    )
  }

  /** A sign of life. A clock that was set back must not take an earlier one back. */
  heartbeat(id: string, at: number): void {
    this.#change('heartbeat', 'heartbeat = max(coalesce(heartbeat, 0), ?)', [at], id)
  }

  /** Nobody works on it any more. */
  disown(id: string): void {
    this.#change('disown run', 'owner_pid = NULL, owner_host = NULL, owner_started = NULL', [], id)
  }

  /** How the process ended. */
  exited(id: string, exit: { code: number | null; signal: string | null; stderr: string }): void {
    this.#change(
      'exit',
      'exit_code = ?, exit_signal = ?, stderr = ?, owner_pid = NULL, owner_host = NULL, owner_started = NULL',
      [exit.code, exit.signal, exit.stderr],
      id,
    )
  }

  /**
   * Brings a run's row in line with its folder, which is the truth (docs/adr/0005). A workbench that has written `starting`
   * or `stopping` knows more than a folder that says `running`.
   */
  upsertFromFolder(folder: FolderState, now: number): { key: number; fresh: boolean } {
    return this.#db.write('index run', () => {
      const { record, dir, logDir, status, reason, stamp, epochs, source } = folder
      this.#db.statement('UPDATE runs SET dir = NULL, missing = ? WHERE dir = ? AND id <> ?').run(now, dir, record.id)
      const known = this.find(record.id)
      const key = known?.key ?? this.#insert({ ...record, status, reason: '', source })
      this.#db
        .statement(
          `UPDATE runs SET exp_version = ?, experiment = ?, model_name = ?, dts_name = ?, created = ?, ended = ?, dir = ?, log_dir = ?,
             command = ?, cwd = ?, version = ?, record = ?, stamp = ?, epochs = ?,
             missing = NULL, trashed = NULL, trash_dir = NULL WHERE key = ?`,
        )
        .run(
          record.exp_version,
          this.#experiment(record.exp_name),
          record.model_name,
          record.dts_name,
          Math.round(record.created),
          record.ended === undefined ? null : Math.round(record.ended),
          dir,
          logDir,
          record.command,
          record.cwd ?? null,
          record.version,
          JSON.stringify(record),
          stamp,
          epochs,
          key,
        )
      if (known === undefined) this.#note(key, { from: null, to: status, at: now, reason: reason ?? `Found in ${dir}` })
      else this.setObserved(known, status, reason, now)
      return { key, fresh: known === undefined }
    })
  }

  /** A status that was seen from outside, not asked for. */
  setObserved(
    known: Pick<RunRow, 'key' | 'status' | 'reason'>,
    seen: RunStatus,
    reason: string | undefined,
    at: number,
  ): void {
    // A queued run's folder keeps saying so until its engine has written into it.
    if ((seen === 'running' || seen === 'queued') && isActive(known.status)) return
    if (seen === known.status && (reason ?? null) === known.reason) return
    if (seen === known.status) {
      this.#db.statement('UPDATE runs SET reason = ? WHERE key = ?').run(reason ?? null, known.key)
      return
    }
    const why =
      reason ?? (canBecome(known.status, seen) ? 'Found so in its folder' : 'It went on outside of this history')
    this.#setStatus(known.key, { from: known.status, to: seen, at, reason: why }, reason)
  }

  names(key: number): { exp_name: string; exp_version: string } {
    const row = this.#db.handle
      .prepare<[number], { exp_name: string; exp_version: string }>(
        'SELECT e.name AS exp_name, r.exp_version FROM runs r JOIN experiments e ON e.key = r.experiment WHERE r.key = ?',
      )
      .get(key)
    return row ?? { exp_name: '', exp_version: '' }
  }

  /** The command that trains it again, and the version of this program that it was given to. */
  origin(key: number): { command: string; version: string } | undefined {
    return this.#db.handle
      .prepare<[number], { command: string; version: string }>('SELECT command, version FROM runs WHERE key = ?')
      .get(key)
  }

  /** When it was started, in milliseconds since the Unix epoch; 0 of a run that is not known. */
  created(id: string): number {
    return this.#db.handle.prepare<[string], number>('SELECT created FROM runs WHERE id = ?').pluck().get(id) ?? 0
  }

  epochs(key: number): number {
    const row = this.#db.handle.prepare<[number], { epochs: number }>('SELECT epochs FROM runs WHERE key = ?').get(key)
    return row?.epochs ?? 0
  }

  /** @param trashDir where its folder lies now; null where its files stay in place */
  markTrashed(id: string, at: number, trashDir: string | null): void {
    this.#change(
      'trash run',
      'trashed = ?, trash_dir = ?, dir = CASE WHEN ? IS NULL THEN dir ELSE NULL END',
      [at, trashDir, trashDir],
      id,
    )
  }

  /** Deletes a run from the history, with everything that hangs on it. */
  forget(key: number): void {
    this.#db.write('forget run', () => this.#db.statement('DELETE FROM runs WHERE key = ?').run(key))
  }

  /** A folder that is no longer there; what is known of the run stays. Nothing happens if the run lies elsewhere by now. */
  markMissing(key: number, dir: string, at: number): void {
    this.#db
      .statement('UPDATE runs SET missing = ? WHERE key = ? AND dir = ? AND trashed IS NULL AND missing IS NULL')
      .run(at, key, dir)
  }

  setParams(key: number, table: 'params' | 'environment', values: readonly FlatValue[]): void {
    this.#db.write(`set ${table}`, () => {
      this.#db.statement(`DELETE FROM ${table} WHERE run = ?`).run(key)
      const insert = this.#db.statement(
        `INSERT OR REPLACE INTO ${table} (run, name, type, number, text) VALUES (?, ?, ?, ?, ?)`,
      )
      for (const { name, type, number, text } of values) insert.run(key, name, type, number, text)
      if (table === 'params') this.#db.statement('UPDATE runs SET config = ? WHERE key = ?').run(flatJson(values), key)
    })
  }

  /** The data files that a run read. */
  files(key: number): { role: string; path: string; size: number; sha256: string }[] {
    return this.#db.handle
      .prepare<[number], { role: string; path: string; size: number; sha256: string }>(
        'SELECT role, path, size, sha256 FROM run_files WHERE run = ? ORDER BY role',
      )
      .all(key)
  }

  setFiles(key: number, files: readonly { role: string; path: string; size: number; sha256: string }[]): void {
    this.#db.write('set files', () => {
      this.#db.statement('DELETE FROM run_files WHERE run = ?').run(key)
      const insert = this.#db.statement('INSERT INTO run_files (run, role, path, size, sha256) VALUES (?, ?, ?, ?, ?)')
      for (const { role, path, size, sha256 } of files) insert.run(key, role, path, size, sha256)
    })
  }

  addEvent(id: string | null, kind: string, message: string, at: number): void {
    this.#db.write('event', () =>
      this.#db
        .statement('INSERT INTO events (run, at, kind, message) VALUES ((SELECT key FROM runs WHERE id = ?), ?, ?, ?)')
        .run(id, Math.round(at), kind, message),
    )
  }

  #insert(run: NewRun): number {
    const { lastInsertRowid } = this.#db
      .statement(
        `INSERT INTO runs (id, experiment, exp_version, model_name, dts_name, dataset, status, reason, created, dir, log_dir, source, command, cwd, version)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        run.id,
        this.#experiment(run.exp_name),
        run.exp_version,
        run.model_name,
        run.dts_name,
        run.dts_path === undefined ? null : this.#dataset(run.dts_name, run.dts_path),
        run.status,
        run.reason === '' ? null : run.reason,
        Math.round(run.created),
        run.dir ?? null,
        run.logDir ?? null,
        run.source,
        run.command,
        run.cwd ?? null,
        run.version,
      )
    return Number(lastInsertRowid)
  }

  setDataset(key: number, name: string, path: string): void {
    this.#db.statement('UPDATE runs SET dataset = ? WHERE key = ?').run(this.#dataset(name, path), key)
  }

  #experiment(name: string): number {
    return this.#keyOf('experiments', 'name', [name])
  }

  #dataset(name: string, path: string): number {
    return this.#keyOf('datasets', 'name, path', [name, path])
  }

  #keyOf(table: string, columns: string, values: readonly string[]): number {
    const places = values.map(() => '?').join(', ')
    const select = this.#db.handle.prepare<string[], { key: number }>(
      `SELECT key FROM ${table} WHERE (${columns}) = (${places})`,
    )
    const known = select.get(...values)
    if (known) return known.key
    return Number(
      this.#db.statement(`INSERT INTO ${table} (${columns}) VALUES (${places})`).run(...values).lastInsertRowid,
    )
  }

  #setStatus(key: number, step: Transition, reason: string | undefined = step.reason): void {
    this.#db.statement('UPDATE runs SET status = ?, reason = ? WHERE key = ?').run(step.to, reason ?? null, key)
    this.#note(key, step)
  }

  #note(key: number, { from, to, at, reason }: Transition): void {
    this.#db
      .statement('INSERT INTO transitions (run, from_status, to_status, at, reason) VALUES (?, ?, ?, ?, ?)')
      .run(key, from, to, Math.round(at), reason)
  }

  #change(name: string, assignments: string, values: readonly (string | number | null)[], id: string): void {
    const { changes } = this.#db.write(name, () =>
      this.#db.statement(`UPDATE runs SET ${assignments} WHERE id = ?`).run(...values, id),
    )
    if (changes === 0) this.get(id)
  }
}

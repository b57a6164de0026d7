import { z } from 'zod'
import { isActive, type RunStatus } from '../../shared/domain/lifecycle'
import { queueSettingsSchema, type QueueSettings } from '../../shared/domain/queue'
import { AppError } from '../../shared/errors'
import type { Store } from '../store/openStore'
import type { Owner } from '../store/runTable'

/** What a resumed run may change of its configuration: dotted keys and their values. */
export const changesSchema = z.record(z.string(), z.unknown())
export type Changes = z.infer<typeof changesSchema>

export interface Waiting {
  id: string
  dir: string
  position: number
  restarts: number
  changes: Changes
}

export interface Claim extends Owner {
  id: string
  status: RunStatus
  dir: string | null
  threads: number
  heartbeat: number | null
  /** The engine's process, once it is known. */
  engine: Owner | undefined
}

interface WaitingRow {
  id: string
  dir: string | null
  position: number
  restarts: number
  changes: string
}

interface ClaimRow {
  id: string
  status: RunStatus
  dir: string | null
  threads: number
  heartbeat: number | null
  pid: number | null
  host: string | null
  started: string | null
  owner_pid: number | null
  owner_host: string | null
  owner_started: string | null
}

/** The queue, and who has claimed what: the part of the history that decides which process works on a run. */
export class QueueTable {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  get #db() {
    return this.#store.db
  }

  /** Runs of a log folder that wait, the next one first. */
  waiting(logDir: string): Waiting[] {
    return this.#db.handle
      .prepare<[string], WaitingRow>(
        `SELECT id, dir, position, restarts, changes FROM queue JOIN runs ON runs.key = queue.run
         WHERE log_dir = ? AND status = 'queued' AND trashed IS NULL ORDER BY position`,
      )
      .all(logDir)
      .flatMap(({ dir, changes, ...row }) =>
        dir === null ? [] : [{ ...row, dir, changes: changesSchema.parse(JSON.parse(changes)) }],
      )
  }

  /** Puts a queued run at the end, or at the front. */
  add(id: string, entry: { restarts: number; changes: Changes; first?: boolean }): void {
    this.#db.write('queue run', () => {
      const { key } = this.#store.runs.get(id)
      const edge = entry.first === true ? 'min(position), 1) - 1' : 'max(position), 0) + 1'
      this.#db
        .statement(
          `INSERT OR REPLACE INTO queue (run, position, restarts, changes) VALUES (?, (SELECT coalesce(${edge} FROM queue), ?, ?)`,
        )
        .run(key, entry.restarts, JSON.stringify(entry.changes))
    })
  }

  remove(id: string): void {
    this.#db.write('unqueue run', () =>
      this.#db.statement('DELETE FROM queue WHERE run = (SELECT key FROM runs WHERE id = ?)').run(id),
    )
  }

  /**
   * Gives all waiting runs of a log folder the order of `ids`; those not named keep theirs, after them.
   *
   * @throws AppError `usage` for a run that does not wait
   */
  reorder(logDir: string, ids: readonly string[]): void {
    this.#db.write('reorder queue', () => {
      const waiting = this.waiting(logDir)
      const known = new Map(waiting.map((entry) => [entry.id, entry]))
      const stranger = ids.find((id) => !known.has(id))
      if (stranger !== undefined)
        throw new AppError('usage', `The run ${stranger} is not in the queue`, {
          fix: 'It may have been started or taken out meanwhile.',
        })
      const rest = waiting.filter(({ id }) => !ids.includes(id)).map(({ id }) => id)
      const positions = waiting.map(({ position }) => position)
      const place = this.#db.statement('UPDATE queue SET position = ? WHERE run = (SELECT key FROM runs WHERE id = ?)')
      for (const [index, id] of [...new Set([...ids, ...rest])].entries()) place.run(positions[index], id)
    })
  }

  settings(): QueueSettings {
    const rows = this.#db.handle
      .prepare<[], { name: string; value: string }>('SELECT name, value FROM queue_settings')
      .all()
    return queueSettingsSchema.parse(Object.fromEntries(rows.map(({ name, value }) => [name, JSON.parse(value)])))
  }

  change(settings: Partial<QueueSettings>): QueueSettings {
    return this.#db.write('queue settings', () => {
      const set = this.#db.statement('INSERT OR REPLACE INTO queue_settings (name, value) VALUES (?, ?)')
      for (const [name, value] of Object.entries(settings))
        if (value !== undefined) set.run(name, JSON.stringify(value))
      return this.settings()
    })
  }

  /**
   * Takes a run on, if it still has the status that the caller believes: of several processes exactly one gets it.
   *
   * @returns whether this process has it now
   */
  claim(id: string, from: RunStatus, owner: Owner, reason: string, now: number): boolean {
    return this.#db.write('claim run', () => {
      const run = this.#store.runs.find(id)
      if (run?.status !== from) return false
      this.#store.runs.transition(id, from, 'starting', reason, now)
      this.take(id, owner, now)
      return true
    })
  }

  /** Writes down who works on a run. */
  take(id: string, { pid, host, started }: Owner, now: number): void {
    this.#db.write('take run', () => {
      const { key } = this.#store.runs.get(id)
      this.#db
        .statement('INSERT OR REPLACE INTO claims (run, pid, host, started) VALUES (?, ?, ?, ?)')
        .run(key, pid, host, started)
      this.#db.statement('DELETE FROM queue WHERE run = ?').run(key)
      this.#store.runs.heartbeat(id, now)
    })
  }

  usesThreads(id: string, threads: number): void {
    this.#db.write('threads', () =>
      this.#db
        .statement('UPDATE claims SET threads = ? WHERE run = (SELECT key FROM runs WHERE id = ?)')
        .run(threads, id),
    )
  }

  release(id: string): void {
    this.#db.write('release run', () =>
      this.#db.statement('DELETE FROM claims WHERE run = (SELECT key FROM runs WHERE id = ?)').run(id),
    )
  }

  /** Every run that somebody works on or should, with who that is. */
  active(): (Claim | (Omit<Claim, keyof Owner> & { pid?: undefined }))[] {
    return this.#db.handle
      .prepare<[], ClaimRow>(
        `SELECT id, status, dir, coalesce(threads, 1) AS threads, heartbeat, pid, host, started, owner_pid, owner_host, owner_started
         FROM runs LEFT JOIN claims ON claims.run = runs.key WHERE status IN ('starting', 'running', 'stopping')`,
      )
      .all()
      .filter(({ status }) => isActive(status))
      .map(({ pid, host, started, owner_pid, owner_host, owner_started, ...row }) => {
        const engine =
          owner_pid === null || owner_host === null || owner_started === null
            ? undefined
            : { pid: owner_pid, host: owner_host, started: owner_started }
        return pid === null || host === null || started === null
          ? { ...row, engine }
          : { ...row, engine, pid, host, started }
      })
  }
}

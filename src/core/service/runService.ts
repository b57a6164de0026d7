import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import { availableParallelism, hostname } from 'node:os'
import { join } from 'node:path'
import type { AppEvent } from '../../shared/api/events'
import type { ExperimentConfig } from '../../shared/config/experiment'
import { hasEnded, isActive, type RunStatus } from '../../shared/domain/lifecycle'
import type { QueueSettings } from '../../shared/domain/queue'
import { RUN_FILES, type RunRecord } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'
import { VERSION } from '../../shared/version'
import { changedExperiment, resumedExperiment, savedExperiment } from '../config/savedExperiment'
import { CLOSING, type EngineWatch } from '../engine/runInEngine'
import type { EngineSpawner } from '../engine/spawner'
import { flattenConfig } from '../store/flatten'
import type { Store } from '../store/openStore'
import type { RunRow } from '../store/runTable'
import { asYaml, quote } from './command'
import { QueueTable, type Changes, type Claim } from './queueTable'
import { makeRunFolder, readRecord, writeRecord } from './recordFile'
import { advance, settleRecord } from './recorder'
import { reasonOf, supervise, type TrainRequest } from './supervise'
import { syncRun } from '../store/syncRuns'
import { isThere, ownerOf } from './thisProcess'

/** How often the queue, and runs that nobody owns, are looked at. */
const TICK_MS = 1_000
/** A workbench of another machine, on a shared history, beats every 5 s; silent for so long under our eyes, it is gone. */
const SILENT_AFTER_MS = 60_000

export interface RunServiceOptions extends Pick<EngineWatch, 'readyTimeoutMs' | 'stopGraceMs'> {
  store: Store
  logDir: string
  spawner: EngineSpawner
  publish: (event: AppEvent) => void
  /** The list of runs, or the queue, is no longer what it was. */
  changed: () => void
  cores?: number
  tickMs?: number
}

export interface NewRunRequest {
  config: ExperimentConfig
  warnings: string[]
  /** The command that does the same. */
  command: string
  cwd: string
  /** After crashes; the queue's setting where it is not given. */
  restarts?: number
  /** `end` of the queue, `front` of it, or `now`, past the limit and a pause. */
  place: 'end' | 'front' | 'now'
}

/** What waits and who works: starts engines for queued runs, ends them, and finds runs that nobody owns any more. */
export class RunService {
  readonly queue: QueueTable
  readonly #options: RunServiceOptions
  readonly #self = ownerOf(process.pid)
  /** Runs that this process supervises. */
  readonly #ours = new Map<string, { stop: AbortController; done: Promise<void> }>()
  /** Heartbeats of other machines, and when, by a clock that nobody sets, each was first seen. */
  readonly #beats = new Map<string, { beat: number | null; seen: number }>()
  #timer: NodeJS.Timeout | undefined
  #picture: string | undefined
  #closing = false

  constructor(options: RunServiceOptions) {
    this.#options = options
    this.queue = new QueueTable(options.store)
  }

  get #store(): Store {
    return this.#options.store
  }

  /** Runs that this process works on. */
  get running(): number {
    return this.#ours.size
  }

  start(): void {
    this.tick()
    this.#timer = setInterval(() => this.tick(), this.#options.tickMs ?? TICK_MS)
    this.#timer.unref()
  }

  /** Ends every run of this process as interrupted, each with its last checkpoint written. */
  async close(): Promise<void> {
    this.#closing = true
    clearInterval(this.#timer)
    for (const { stop } of this.#ours.values()) stop.abort(CLOSING)
    await Promise.all([...this.#ours.values()].map(({ done }) => done))
  }

  /** One look around; its errors (a locked or full history) leave everything for the next one. */
  tick(): void {
    try {
      this.reconcile()
      this.#dispatch()
      this.#notice()
    } catch {
      // The next tick is a second away, and every request that needs the history says what is wrong with it.
    }
  }

  /** @returns the new run's id and folder */
  add({ config, warnings, command, cwd, restarts, place }: NewRunRequest): { id: string; dir: string } {
    const { logDir } = this.#options
    const made = makeRunFolder(logDir, config)
    try {
      const record: RunRecord = {
        format: 1,
        id: randomUUID(),
        exp_name: config.exp_name,
        exp_version: made.config.exp_version,
        model_name: config.model_name,
        dts_name: config.data.dts_name,
        status: 'queued',
        created: Date.now(),
        // Nobody works on it.
        pid: 0,
        host: hostname(),
        command,
        cwd,
        version: VERSION,
        warnings,
      }
      writeRecord(made.dir, record)
      this.#store.db.write('queue new run', () => {
        const params = flattenConfig(made.config)
        const reason = place === 'now' ? 'To be started at once' : 'Put into the queue'
        this.#store.runs.create({ ...record, reason, source: 'trained', dir: made.dir, logDir, params })
        this.#enqueue(record.id, place, restarts)
      })
      this.#begin(record.id, place)
      return { id: record.id, dir: made.dir }
    } catch (error) {
      // What could not be written into the history has not been accepted.
      fs.rmSync(made.dir, { recursive: true, force: true })
      throw error
    }
  }

  /** The same experiment with some keys changed, as a new run. */
  clone(id: string, changes: Changes, place: NewRunRequest['place']): { id: string; dir: string } {
    const { dir, record } = this.#folderOf(this.#row(id))
    const config = changedExperiment(savedExperiment({ dir }), changes)
    const settings = Object.entries(changes).map(([key, value]) => ` --set ${quote(`${key}=${asYaml(value)}`)}`)
    return this.add({
      config,
      warnings: record.warnings,
      command: `${record.command}${settings.join('')}`,
      cwd: record.cwd ?? process.cwd(),
      place,
    })
  }

  /** Lets an ended run go on from its last checkpoint (from its start where it has none). */
  resume(id: string, changes: Changes, place: NewRunRequest['place']): RunStatus {
    const row = this.#row(id)
    const { dir, record } = this.#folderOf(row)
    if (!hasEnded(row.status)) throw new AppError('usage', `The run is ${row.status}`, { fix: 'Stop it first.' })
    // Refused now, not when its turn comes.
    resumedConfig({ ...record, status: row.status, dir }, changes)
    this.#requeue(row, { changes, place, reason: 'To go on from its last checkpoint' })
    this.#begin(id, place)
    return this.#row(id).status
  }

  /** Asks a run to end, or takes it out of the queue. */
  stop(id: string): RunStatus {
    const row = this.#row(id)
    if (row.status === 'queued') return this.#cancel(row)
    if (hasEnded(row.status))
      throw new AppError('usage', `The run has ended already: it is ${row.status}`, {
        fix: 'There is nothing to stop.',
      })
    const ours = this.#ours.get(id)
    if (ours) ours.stop.abort()
    else this.#stopElsewhere(id)
    return this.#row(id).status
  }

  reorder(ids: readonly string[]): void {
    this.queue.reorder(this.#options.logDir, ids)
    this.#changed()
  }

  set(settings: Partial<QueueSettings>): QueueSettings {
    const now = this.queue.change(settings)
    this.tick()
    this.#changed()
    return now
  }

  /**
   * Finds runs whose supervisor and engine are both gone, and gives each the end that its folder tells of, or `crashed` or `interrupted`. Safe
   * in any number of processes: each conclusion is drawn again under the write lock.
   */
  reconcile(): void {
    for (const claim of this.queue.active())
      if (this.#isAbandoned(claim)) this.#store.db.write('settle run', () => this.#settle(claim.id))
    this.#queueStrays()
  }

  #settle(id: string): void {
    const claim = this.queue.active().find((one) => one.id === id)
    if (!claim || !this.#isAbandoned(claim)) return
    const begun = claim.dir !== null && readRecord(claim.dir)?.status !== 'queued'
    const guess =
      claim.engine && begun
        ? {
            status: 'crashed' as const,
            reason: `Its process (${claim.engine.pid}) and the workbench that ran it are gone`,
          }
        : { status: 'interrupted' as const, reason: 'The workbench was gone before training had begun' }
    const record = claim.dir === null ? undefined : settleRecord(claim.dir, guess)
    const status = record && hasEnded(record.status) ? record.status : guess.status
    advance(this.#store, id, status, record?.reason ?? guess.reason, Date.now())
    this.queue.release(id)
  }

  /** No living process works on it. An engine whose supervisor has died is about to end by itself, and is waited for. */
  #isAbandoned(claim: ReturnType<QueueTable['active']>[number]): boolean {
    if (this.#ours.has(claim.id)) return false
    // Runs that only their folder tells of are judged by that.
    if (claim.pid === undefined) return false
    const supervisor = isThere(claim)
    if (supervisor === true) return false
    if (supervisor === undefined) return this.#isSilent(claim)
    return claim.engine === undefined || isThere(claim.engine) !== true
  }

  /** Judged by whether the number changes, not by what it says: neither clock needs to be right. */
  #isSilent({ id, heartbeat }: Pick<Claim, 'id' | 'heartbeat'>): boolean {
    const now = performance.now()
    const known = this.#beats.get(id)
    if (known?.beat === heartbeat) return now - known.seen > SILENT_AFTER_MS
    this.#beats.set(id, { beat: heartbeat, seen: now })
    return false
  }

  /** Queued runs that are in no queue: the history has been read back from the folders, or a process died between the two. */
  #queueStrays(): void {
    const strays = this.#store.db.handle
      .prepare<[string], { id: string }>(
        `SELECT id FROM runs WHERE status = 'queued' AND log_dir = ? AND trashed IS NULL AND missing IS NULL
         AND key NOT IN (SELECT run FROM queue) ORDER BY created`,
      )
      .all(this.#options.logDir)
    for (const { id } of strays) this.#enqueue(id, 'end')
  }

  /** Takes waiting runs on while there is room; room and claim are one transaction, so that two workbenches do not both use it. */
  #dispatch(): void {
    if (this.#closing || this.queue.waiting(this.#options.logDir).length === 0) return
    const taken = this.#store.db.write('dispatch', () => {
      const settings = this.queue.settings()
      if (settings.paused) return []
      return this.queue
        .waiting(this.#options.logDir)
        .filter((entry) => this.#hasRoom(settings) && this.#claim(entry.id))
    })
    for (const entry of taken) this.#launch(entry)
  }

  #hasRoom({ concurrency }: QueueSettings): boolean {
    const active = this.queue.active()
    if (concurrency !== null) return active.length < concurrency
    // How many threads its kernels use is known once it trains.
    if (active.some(({ status }) => status === 'starting')) return false
    const busy = active.reduce((sum, { threads }) => sum + threads, 0)
    return active.length === 0 || (this.#options.cores ?? availableParallelism()) - busy >= 1
  }

  #claim(id: string, reason = 'Its turn in the queue has come'): boolean {
    return this.queue.claim(id, 'queued', this.#self, reason, Date.now())
  }

  #begin(id: string, place: NewRunRequest['place']): void {
    if (place === 'now') {
      const entry = this.queue.waiting(this.#options.logDir).find((one) => one.id === id)
      if (entry && this.#claim(id, 'Started at once')) this.#launch(entry)
    } else this.tick()
    this.#changed()
  }

  #launch(entry: { id: string; dir: string; restarts: number; changes: Changes }): void {
    const stop = new AbortController()
    const done = this.#train(entry, stop).finally(() => {
      // A restart may have begun already, under the same id.
      if (this.#ours.get(entry.id)?.stop === stop) this.#ours.delete(entry.id)
      this.tick()
      this.#changed()
    })
    this.#ours.set(entry.id, { stop, done })
    this.#changed()
  }

  async #train(entry: { id: string; dir: string; restarts: number; changes: Changes }, stop: AbortController) {
    const { id, dir } = entry
    const { publish, logDir, spawner, readyTimeoutMs, stopGraceMs } = this.#options
    let request: TrainRequest
    try {
      request = trainRequest(dir, logDir, entry.changes)
    } catch (error) {
      return this.#failed(id, dir, error)
    }
    const { status, error } = await supervise({
      spawner,
      request,
      stop: stop.signal,
      history: () => ({ store: this.#store, queue: this.queue }),
      logDir,
      publish,
      run: { id, dir },
      ...(readyTimeoutMs !== undefined && { readyTimeoutMs }),
      ...(stopGraceMs !== undefined && { stopGraceMs }),
    })
    await indexed(this.#store, dir)
    if (status === 'crashed' && error?.code === 'engine_crashed' && entry.restarts > 0 && !stop.signal.aborted)
      this.#restart(entry)
  }

  #restart({ id, restarts, changes }: { id: string; restarts: number; changes: Changes }): void {
    const left = restarts - 1
    const reason = `Taken up again after a crash; ${left === 0 ? 'not again after that' : `${left} more times after that`}`
    try {
      this.#requeue(this.#row(id), { changes, restarts: left, place: 'front', reason })
    } catch {
      // It stays crashed, which is what it is; a person can resume it.
    }
  }

  /** A queued run that cannot even be asked for: its configuration is gone or no longer holds. */
  #failed(id: string, dir: string, error: unknown): void {
    const reason = reasonOf(AppError.from(error))
    settleRecord(dir, { status: 'failed', reason })
    this.#store.db.write('fail run', () => {
      advance(this.#store, id, 'failed', reason, Date.now())
      this.queue.release(id)
    })
    this.#options.publish({ event: 'run.status', payload: { runId: id, status: 'failed', reason, at: Date.now() } })
  }

  #requeue(
    row: RunRow,
    how: { changes: Changes; restarts?: number; place: NewRunRequest['place']; reason: string },
  ): void {
    const { dir, record } = this.#folderOf(row)
    this.#store.db.write('requeue run', () => {
      this.#store.runs.transition(row.id, row.status, 'queued', how.reason, Date.now())
      this.#enqueue(row.id, how.place, how.restarts, how.changes)
      // Last, and within the transaction: a folder that cannot be written leaves the history as it was.
      writeRecord(dir, { ...record, status: 'queued', reason: how.reason, ended: undefined })
    })
  }

  #cancel(row: RunRow): RunStatus {
    const reason = 'Taken out of the queue'
    this.#store.db.write('cancel run', () => {
      this.#store.runs.transition(row.id, 'queued', 'stopped', reason, Date.now())
      this.queue.remove(row.id)
      const { dir, record } = this.#folderOf(row)
      writeRecord(dir, { ...record, status: 'stopped', reason, ended: Date.now() })
    })
    this.#options.publish({
      event: 'run.status',
      payload: { runId: row.id, status: 'stopped', reason, at: Date.now() },
    })
    this.#changed()
    return 'stopped'
  }

  /** Another process supervises it and reads `stopping` in the history; one that only has its engine left is asked directly. */
  #stopElsewhere(id: string): void {
    const claim = this.queue.active().find((one) => one.id === id)
    if (!claim) throw new AppError('not_found', 'Nobody in this history works on the run', { fix: 'Look at it again.' })
    if (claim.pid !== undefined && isThere(claim) !== false) {
      if (claim.status !== 'stopping')
        this.#store.runs.transition(id, claim.status, 'stopping', 'A stop was asked for', Date.now())
      return
    }
    const record = claim.dir === null ? undefined : readRecord(claim.dir)
    const engine =
      claim.engine ?? (record && { pid: record.pid, host: record.host, started: record.process_start ?? 'running' })
    if (engine && isThere(engine) === true) process.kill(engine.pid, 'SIGTERM')
    else if (engine && isThere(engine) === undefined)
      throw new AppError('usage', `The run is trained on ${engine.host}`, { fix: 'Stop it there.' })
  }

  #enqueue(id: string, place: NewRunRequest['place'], restarts?: number, changes: Changes = {}): void {
    this.queue.add(id, {
      restarts: restarts ?? this.queue.settings().restarts,
      changes,
      first: place !== 'end',
    })
  }

  #row(id: string): RunRow {
    return this.#store.runs.get(id)
  }

  #folderOf(row: RunRow): { dir: string; record: RunRecord } {
    const record = row.dir === null ? undefined : readRecord(row.dir)
    if (row.dir !== null && record) return { dir: row.dir, record }
    throw new AppError('not_found', `The folder of the run is gone or cannot be read: ${row.dir ?? 'none'}`, {
      fix: 'Put it back where it was.',
    })
  }

  #changed(): void {
    this.#picture = this.#look()
    this.#options.changed()
  }

  /** Tells of what other processes have changed in this history. */
  #notice(): void {
    // Before the first look nobody has been told anything that it could have changed.
    this.#picture ??= this.#look()
    if (this.#look() !== this.#picture) this.#changed()
  }

  #look(): string {
    const active = this.queue.active().map(({ id, status }) => [id, status])
    return JSON.stringify([active, this.queue.waiting(this.#options.logDir), this.queue.settings()])
  }
}

/** Everything else that the folder says (configuration, results by user), once the run has ended. */
async function indexed(store: Store, dir: string): Promise<void> {
  await syncRun(store, dir).catch(() => {
    // A folder that was deleted under way, or a full disk: the next look through the folders finds what there is.
  })
}

/** What the engine is asked: to go on where there is a checkpoint, else to begin in the folder that is there. */
function trainRequest(dir: string, logDir: string, changes: Changes): TrainRequest {
  const record = readRecord(dir)
  if (!record) throw new AppError('unreadable', `The record of the run in ${dir} cannot be read`, { file: dir })
  const hasCheckpoint = fs.existsSync(join(dir, RUN_FILES.checkpoints, 'last.safetensors'))
  return {
    type: 'train',
    config: resumedConfig({ ...record, dir }, changes),
    logDir,
    ...(hasCheckpoint ? { resume: dir } : { folder: dir }),
    command: record.command,
    cwd: record.cwd ?? process.cwd(),
    warnings: record.warnings,
  }
}

function resumedConfig(run: RunRecord & { dir: string }, { backend, threads, ...changes }: Changes): ExperimentConfig {
  const overrides = new Map(Object.entries(changes).map(([key, value]) => [key, { value, flag: key }]))
  if (isActive(run.status)) throw new AppError('usage', `The run is ${run.status}`, { fix: 'Stop it first.' })
  return resumedExperiment(run, overrides, { threads, ...(backend !== undefined && { backend: String(backend) }) })
}

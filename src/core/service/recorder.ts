import fs from 'node:fs'
import { join } from 'node:path'
import type { MetricsFrame } from '../../shared/api/engineProtocol'
import type { AppEvent } from '../../shared/api/events'
import { canBecome, hasEnded, isActive, type EndStatus, type RunStatus } from '../../shared/domain/lifecycle'
import type { MetricBatch } from '../../shared/domain/metric'
import { RUN_FILES, type RunRecord } from '../../shared/domain/run'
import { AppError, messageOf } from '../../shared/errors'
import type { EngineExit } from '../engine/spawner'
import { parseMetrics, summarise } from '../runs/metricsFile'
import { columnsOf } from '../store/columns'
import type { Store } from '../store/openStore'
import type { QueueTable } from './queueTable'
import { readRecord, writeRecord } from './recordFile'
import { ownerOf } from './thisProcess'

export interface History {
  store: Store
  queue: QueueTable
}

export interface RecorderOptions {
  /** Opened when the first thing is to be written: a command line must not wait for it before it starts an engine. */
  history: () => History
  logDir: string
  publish: (event: AppEvent) => void
  /** Told once if the history cannot be written. The run goes on: its own folder has everything. */
  warn: (message: string) => void
  /** A run that has its folder already. */
  run?: { id: string; dir: string }
  /** Whoever hears of its end reads its folder into the history at once, with its figures. */
  readAtEnd?: boolean
}

/** How often a run's supervisor says in the history that it lives. */
const HEARTBEAT_MS = 5_000
/** A history that refuses is tried again so often, from the run's file. */
const RETRY_MS = 1_000
/** How soon a stop that was asked for in another process is heard. */
const LISTEN_MS = 500

/**
 * Writes one run into the history while it is trained: first the write, then the word to the windows. A history that fails
 * never fails the run; what it missed is read back from the run's folder.
 */
export class RunRecorder {
  readonly #options: RecorderOptions
  #run: { id: string; dir: string } | undefined
  #engine: number | undefined
  #beginning: { threads: number; reason: string } | undefined
  #begun = false
  /** Lines that the run's file had when this session began, and batches of this session that are in the history. */
  #base = 0
  #recorded = 0
  #behind = false
  #lastTry = -Infinity
  #warned = false
  #unwatch = (): void => {}

  constructor(options: RecorderOptions) {
    this.#options = options
    this.#run = options.run
  }

  get run(): { id: string; dir: string } | undefined {
    return this.#run
  }

  spawned(pid: number | undefined): void {
    if (pid === this.#engine) return
    this.#engine = pid
    if (this.#run) this.#write(({ store }) => this.#own(store))
  }

  /** The engine has begun and written so into the folder. */
  started(frame: { runId: string; dir: string; threads: number }, reason: string): void {
    const run = { id: frame.runId, dir: frame.dir }
    this.#run = run
    this.#beginning = { threads: frame.threads, reason }
    // A run that goes on has taken figures back that came after its checkpoint.
    const before = metricsOf(run.dir)
    this.#base = before.length
    this.#replace(before)
    this.#say('running', reason)
  }

  /**
   * Persists, then publishes.
   *
   * @returns whether the frame, and all before it, are in the history
   */
  metrics({ first, batches }: MetricsFrame): boolean {
    const run = this.#run
    if (!run) return false
    const upTo = first + batches.length
    if (this.#behind || first !== this.#recorded) {
      if (this.#behind && performance.now() - this.#lastTry < RETRY_MS) return false
      // The file may be ahead of the frames: what they will bring is not taken twice.
      if (!this.#replace(metricsOf(run.dir).slice(0, this.#base + upTo))) return false
      this.#recorded = upTo
      return true
    }
    if (batches.length === 0) return true
    const sequence = this.#write(({ store }) => store.metrics.append(run.id, batches))
    if (sequence === undefined) {
      this.#behind = true
      return false
    }
    this.#recorded = upTo
    this.#options.publish({
      event: 'run.metrics',
      payload: { runId: run.id, first: sequence, sequence, batches: [...batches] },
    })
    return true
  }

  /** Somebody here has asked for the end. */
  stopping(reason: string): void {
    const run = this.#run
    if (!run) return
    this.#write(({ store }) =>
      store.db.write('stopping', () => {
        const { status } = store.runs.get(run.id)
        if (canBecome(status, 'stopping')) store.runs.transition(run.id, status, 'stopping', reason, Date.now())
      }),
    )
    this.#say('stopping', reason)
  }

  /** Keeps saying that this process lives, and calls `onStop` when another process has asked for the end. */
  watch(onStop: () => void): void {
    const write = (work: (history: History) => void): void => this.#write(work)
    this.#unwatch = watchRuns(write, () => (this.#run ? [this.#run.id] : []), onStop)
  }

  /**
   * The engine is done with the run. What it wrote into the folder as its last word is the truth; `guess` is what to conclude where it
   * wrote none, and is then written there.
   *
   * @param exit of a process that had no other run to go on with
   */
  ended(guess: { status: EndStatus; reason: string }, exit: EngineExit | undefined): EndStatus {
    this.#unwatch()
    const run = this.#run
    if (!run) return guess.status
    const record = settleRecord(run.dir, guess)
    const status = record && hasEnded(record.status) ? record.status : guess.status
    const reason = record?.reason ?? (status === 'finished' ? 'All its epochs are done' : guess.reason)
    if (this.#beginning) this.#catchUp(run.dir)
    this.#write(({ store, queue }) =>
      store.db.write('end run', () => {
        advance(store, run.id, status, reason, Date.now())
        this.#index(store, status)
        if (exit) store.runs.exited(run.id, exit)
        else store.runs.disown(run.id)
        queue.release(run.id)
      }),
    )
    this.#say(status, reason)
    return status
  }

  /** A dying engine has written figures that it could no longer send. */
  #catchUp(dir: string): void {
    const missing = this.#behind || !this.#begun
    if (this.#options.readAtEnd === true && !missing) return
    const measured = metricsOf(dir)
    if (missing || measured.length !== this.#base + this.#recorded) this.#replace(measured)
  }

  #own(store: Store): void {
    if (this.#run && this.#engine !== undefined) store.runs.own(this.#run.id, ownerOf(this.#engine), Date.now())
  }

  #index(store: Store, status: RunStatus): void {
    if (!this.#run) return
    const { dir } = this.#run
    const record = readRecord(dir)
    if (!record) return
    const { epochs } = summarise(metricsOf(dir))
    // No stamp: whoever looks through the folders next reads the rest of it (configuration, results by user).
    const folder = { dir, logDir: this.#options.logDir, record, status, reason: record.reason, epochs, stamp: '' }
    store.runs.upsertFromFolder({ ...folder, source: 'trained' }, Date.now())
  }

  /** Writes that the run is being trained, unless that is done. */
  #begin({ store, queue }: History, id: string): void {
    if (this.#begun || !this.#beginning || !this.#run) return
    const { threads, reason } = this.#beginning
    const now = Date.now()
    const known = store.runs.find(id)
    // Whoever asked for its end meanwhile has been heard already.
    if (known && known.status !== 'stopping') advance(store, id, 'running', reason, now)
    if (!known) {
      const record = readRecord(this.#run.dir)
      if (record) store.runs.create({ ...record, status: 'running', reason, created: now, source: 'trained' })
    }
    this.#index(store, 'running')
    queue.take(id, ownerOf(process.pid), now)
    queue.usesThreads(id, threads)
    this.#own(store)
  }

  /** All figures anew, from the run's own file; windows are told to ask again. */
  #replace(batches: readonly MetricBatch[]): boolean {
    const run = this.#run
    if (!run) return false
    this.#lastTry = performance.now()
    const sequence = this.#write((history) =>
      history.store.db.write('read metrics back', () => {
        this.#begin(history, run.id)
        history.store.metrics.replace(history.store.runs.get(run.id).key, columnsOf(batches))
        return history.store.runs.get(run.id).sequence
      }),
    )
    this.#behind = sequence === undefined
    this.#begun ||= sequence !== undefined
    if (sequence === undefined) return false
    this.#options.publish({
      event: 'run.metrics',
      payload: { runId: run.id, first: sequence, sequence, batches: null },
    })
    return true
  }

  #say(status: RunStatus, reason: string): void {
    if (!this.#run) return
    this.#options.publish({ event: 'run.status', payload: { runId: this.#run.id, status, reason, at: Date.now() } })
  }

  #write<T>(work: (history: History) => T): T | undefined {
    try {
      return work(this.#options.history())
    } catch (error) {
      if (!this.#warned)
        this.#options.warn(
          `The history misses this run for now: ${messageOf(error)}. The run itself is not affected: its folder holds everything, and the history is brought up to date from there`,
        )
      this.#warned = true
      return undefined
    }
  }
}

/**
 * Keeps saying in the history that this process works on runs, and calls `onStop` when another process has asked for the end of one.
 *
 * @param write does its work on the history, unless that refuses
 * @param ids of the runs, as they begin and end
 * @returns what ends it
 */
export function watchRuns(
  write: (work: (history: History) => void) => void,
  ids: () => readonly string[],
  onStop: () => void,
): () => void {
  const about = (work: (history: History, ids: readonly string[]) => void): void => {
    const all = ids()
    if (all.length > 0) write((history) => work(history, all))
  }
  const beat = (): void =>
    about(({ store }, all) =>
      store.db.write('heartbeats', () => {
        for (const id of all) store.runs.heartbeat(id, Date.now())
      }),
    )
  const listen = (): void =>
    about(({ store }, all) => {
      const asked = store.db.read('listen', () => all.some((id) => store.runs.status(id) === 'stopping'))
      if (asked) onStop()
    })
  const timers = [setInterval(beat, HEARTBEAT_MS), setInterval(listen, LISTEN_MS)]
  for (const timer of timers) timer.unref()
  return () => {
    for (const timer of timers) clearInterval(timer)
  }
}

function metricsOf(dir: string): MetricBatch[] {
  try {
    return parseMetrics(fs.readFileSync(join(dir, RUN_FILES.metrics), 'utf8')).history
  } catch {
    return []
  }
}

/** The record of a run whose engine is gone; one that still says otherwise is given its end. */
export function settleRecord(dir: string, end: { status: EndStatus; reason: string }): RunRecord | undefined {
  const record = readRecord(dir)
  if (!record || hasEnded(record.status)) return record
  const settled = { ...record, ...end, ended: Date.now() }
  try {
    writeRecord(dir, settled)
  } catch {
    // A full or read-only disk: the history says it, and readers of the folder see that its process is gone.
  }
  return settled
}

/**
 * Brings a run to a status by legal steps: what ended before is queued and started again first.
 *
 * @throws AppError where there is no way
 */
export function advance(store: Store, id: string, to: RunStatus, reason: string, now: number): void {
  store.db.write('advance run', () => {
    for (let { status } = store.runs.get(id); status !== to; { status } = store.runs.get(id)) {
      const next = nextStep(status, to)
      if (next === undefined) throw new AppError('usage', `A run that is ${status} cannot become ${to}`)
      store.runs.transition(id, status, next, reason, now)
    }
  })
}

function nextStep(from: RunStatus, to: RunStatus): RunStatus | undefined {
  if (hasEnded(from) && isActive(to)) return 'queued'
  if (canBecome(from, to)) return to
  if (from === 'queued') return 'starting'
  if (from === 'starting' && isActive(to)) return 'running'
  return undefined
}

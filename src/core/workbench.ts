import type { AppEvent } from '../shared/api/events'
import type { RequestOutput } from '../shared/api/requests'
import { AppError } from '../shared/errors'
import type { EngineSpawner } from './engine/spawner'
import type { EngineWatch } from './engine/runInEngine'
import { here } from './runs/liveness'
import type { RunStore } from './runs/runStore'
import { RunService } from './service/runService'
import { openHistory } from './store/openHistory'
import type { Store } from './store/openStore'
import { adoptKnown, syncLogDir, syncRun } from './store/syncRuns'

export interface WorkbenchOptions extends Pick<EngineWatch, 'readyTimeoutMs' | 'stopGraceMs'> {
  logDir: string
  /** Folder of the history; undefined keeps it in memory. */
  dataDir: string | undefined
  spawner: EngineSpawner
  folders: RunStore
  publish: (event: AppEvent) => void
  changed: () => void
}

/** A page that starts asks for its table within a second or two; the log folder is looked through without it, too. */
const FIRST_LOOK_MS = 3_000
/** Until the page has painted the table that it was given. */
const PAINTED_MS = 500

/**
 * The history of one log folder and the service that works on it. Opening takes a moment (the file is checked, a lost one is filled again), and
 * may fail: the runs on disk are listed all the same, and whatever needs the history says why it cannot.
 */
export class Workbench {
  readonly #options: WorkbenchOptions
  readonly #opening: Promise<void>
  #opened: { store: Store; service: RunService } | undefined
  #error: AppError | undefined
  #notes: string[] = []
  #syncing: Promise<void> | undefined
  #again = false
  /** Somebody may have been shown what is no longer so. */
  #news = false
  #closed = false
  #firstLook: NodeJS.Timeout | undefined
  #wasShown = false
  readonly #known = Promise.withResolvers<void>()
  #unreadable: RequestOutput<'runs.table'>['unreadable'] = []
  /** Of the history when it was opened: it differs once another process has written to it. */
  #version = 0
  #read = false

  constructor(options: WorkbenchOptions) {
    this.#options = options
    this.#opening = this.#open()
  }

  /** The history, once it is open; undefined before, or where it cannot be opened. */
  get now(): { store: Store; service: RunService } | undefined {
    return this.#opened
  }

  /** What was repaired, or why there is no history, in words for a person. */
  get notes(): readonly string[] {
    return this.#error ? [...this.#notes, this.#error.message] : this.#notes
  }

  /** Run folders that could not be read the last time. */
  get unreadable(): RequestOutput<'runs.table'>['unreadable'] {
    return this.#unreadable
  }

  /** The log folder has not been looked through for the first time yet. */
  get reading(): boolean {
    return !this.#read && this.#error === undefined
  }

  /** What the history knows of the folders need not be read again from now on. */
  get known(): Promise<void> {
    return this.#known.promise
  }

  /** Somebody has been given the table as the history knows it: now there is time to look whether it is still so. */
  shown(rows: number): void {
    // Who was given none is waiting to hear that there are none.
    if (rows === 0 && this.reading) this.#news = true
    if (this.#firstLook === undefined || this.#wasShown) return
    this.#wasShown = true
    this.#lookIn(PAINTED_MS)
  }

  /** @throws AppError where the history cannot be opened */
  async ready(): Promise<{ store: Store; service: RunService }> {
    await this.#opening
    if (this.#opened) return this.#opened
    throw this.#error ?? new AppError('internal', 'The workbench is closed')
  }

  /**
   * As {@link ready}, with that run in the history: one that only its folder tells of is read now.
   *
   * @throws AppError `not_found`
   */
  async readyFor(id: string): Promise<{ store: Store; service: RunService }> {
    const opened = await this.ready()
    const known = opened.store.runs.find(id)
    if (known && (known.dir !== null || known.trashed !== null)) return opened
    const { runs } = await this.#options.folders.list()
    const found = runs.find((run) => run.id === id)
    if (found) await syncRun(opened.store, found.dir)
    return opened
  }

  /** Brings the history in line with the run folders, and tells of it; calls during one lead to exactly one more. */
  sync(): void {
    this.#news = true
    this.#look()
  }

  #look(): void {
    clearTimeout(this.#firstLook)
    this.#firstLook = undefined
    this.#again = true
    this.#syncing ??= this.#syncAll().finally(() => (this.#syncing = undefined))
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#opening
    clearTimeout(this.#firstLook)
    await this.#opened?.service.close()
    await this.#syncing
    this.#opened?.store.close()
    this.#opened = undefined
  }

  async #open(): Promise<void> {
    const { dataDir, ...options } = this.#options
    try {
      const store = await openHistory({ dir: dataDir, check: 'start' }, (line) => this.#notes.push(line))
      this.#version = store.db.version()
      const service = new RunService({ ...options, store })
      this.#opened = { store, service }
      if (!this.#closed) service.start()
      // Looking through thousands of folders takes seconds: the table that is known is shown first. Where there is none, everybody waits for the look.
      if (store.runs.anyInLogDir(this.#options.logDir)) this.#lookIn(FIRST_LOOK_MS)
      else this.sync()
    } catch (error) {
      this.#error = AppError.from(error)
      this.#known.resolve()
    }
  }

  #lookIn(ms: number): void {
    clearTimeout(this.#firstLook)
    this.#firstLook = setTimeout(() => this.#look(), ms)
    this.#firstLook.unref()
  }

  async #syncAll(): Promise<void> {
    while (this.#again && !this.#closed && this.#opened) {
      this.#again = false
      const { store } = this.#opened
      const { logDir, folders } = this.#options
      try {
        await adoptKnown(store, folders)
        this.#known.resolve()
        const { unreadable, changed } = await syncLogDir(store, logDir, here, folders)
        this.#unreadable = unreadable
        // A table of ten thousand runs is not asked for twice where the first look finds all of them as they were shown.
        if (changed || unreadable.length > 0 || store.db.version() !== this.#version) this.#news = true
      } catch {
        this.#news = true
        // A folder that cannot be read, a full disk: whoever asks for the list gets the error itself.
      }
      this.#known.resolve()
      this.#read = true
    }
    if (this.#closed) return
    const damage = this.#opened?.store.checkLate()
    if (damage !== undefined && !this.#notes.includes(damage)) {
      this.#notes.push(damage)
      this.#news = true
    }
    if (!this.#news) return
    this.#news = false
    this.#options.changed()
  }
}

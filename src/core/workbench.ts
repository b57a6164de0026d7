import type { AppEvent } from '../shared/api/events'
import type { RequestOutput } from '../shared/api/requests'
import { AppError } from '../shared/errors'
import type { EngineSpawner } from './engine/spawner'
import type { EngineWatch } from './engine/runInEngine'
import type { RunStore } from './runs/runStore'
import { RunService } from './service/runService'
import { openHistory } from './store/openHistory'
import type { Store } from './store/openStore'
import { syncLogDir, syncRun } from './store/syncRuns'

export interface WorkbenchOptions extends Pick<EngineWatch, 'readyTimeoutMs' | 'stopGraceMs'> {
  logDir: string
  /** Folder of the history; undefined keeps it in memory. */
  dataDir: string | undefined
  spawner: EngineSpawner
  folders: RunStore
  publish: (event: AppEvent) => void
  changed: () => void
}

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
  #closed = false
  #unreadable: RequestOutput<'runs.table'>['unreadable'] = []
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
    this.#again = true
    this.#syncing ??= this.#syncAll().finally(() => (this.#syncing = undefined))
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#opening
    await this.#opened?.service.close()
    await this.#syncing
    this.#opened?.store.close()
    this.#opened = undefined
  }

  async #open(): Promise<void> {
    const { dataDir, ...options } = this.#options
    try {
      const store = await openHistory({ dir: dataDir }, (line) => this.#notes.push(line))
      const service = new RunService({ ...options, store })
      this.#opened = { store, service }
      if (!this.#closed) service.start()
      this.sync()
    } catch (error) {
      this.#error = AppError.from(error)
    }
  }

  async #syncAll(): Promise<void> {
    while (this.#again && !this.#closed && this.#opened) {
      this.#again = false
      try {
        this.#unreadable = await syncLogDir(this.#opened.store, this.#options.logDir)
      } catch {
        // A folder that cannot be read, a full disk: whoever asks for the list gets the error itself.
      }
      this.#read = true
    }
    if (!this.#closed) this.#options.changed()
  }
}

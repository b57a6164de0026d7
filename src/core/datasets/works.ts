import { availableParallelism } from 'node:os'
import type { DatasetWork, DatasetWorkKind } from '../../shared/domain/datasets'
import { AppError } from '../../shared/errors'
import { CLOSING } from '../engine/runInEngine'

export type OnWork = (work: Pick<DatasetWork, 'what' | 'done' | 'total'> & { label?: string }) => void

interface Running {
  readonly id: string
  readonly promise: Promise<unknown>
  readonly stop: AbortController
  now: DatasetWork
}

/** Engines that look at data sets at once: the others wait, so that training, and whoever reads rows meanwhile, keep their cores. */
const MOST_AT_ONCE = Math.max(1, Math.min(2, Math.floor(availableParallelism() / 2)))

/** What core does for data sets, one piece of each kind at a time for each; whoever asks for the same is given the one that runs. */
export class DatasetWorks {
  readonly #publish: (work: DatasetWork) => void
  readonly #running = new Map<string, Running>()
  #free = MOST_AT_ONCE
  readonly #waiting: (() => void)[] = []
  #closed = false

  constructor(publish: (work: DatasetWork) => void) {
    this.#publish = publish
  }

  of(key: string): DatasetWork[] {
    return [...this.#running.values()].flatMap(({ now }) => (now.key === key ? [now] : []))
  }

  /**
   * @param id what is asked for: another piece of the same kind has to wait for its end
   * @throws AppError `usage` while another one runs
   */
  run<T>(
    { key, kind, id, label }: { key: string; kind: DatasetWorkKind; id: string; label: string },
    work: (onWork: OnWork, stop: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.#closed) throw new AppError('stopped', 'The workbench is closed')
    const place = `${kind}\0${key}`
    const known = this.#running.get(place)
    // Equal ids are equal questions, and so have answers of one type.
    if (known?.id === id) return known.promise.then((value) => value as T)
    if (known)
      throw new AppError('usage', `${known.now.label} is not done yet`, { fix: 'Wait for its end, or cancel it.' })
    const stop = new AbortController()
    const first: DatasetWork = { key, kind, state: 'running', label, what: '', done: 0 }
    const running: Running = { id, stop, now: first, promise: this.#start(place, first, work, stop) }
    this.#running.set(place, running)
    this.#publish(first)
    return running.promise.then((value) => value as T)
  }

  cancel(key: string, kind: DatasetWorkKind): boolean {
    const running = this.#running.get(`${kind}\0${key}`)
    running?.stop.abort()
    return running !== undefined
  }

  async close(): Promise<void> {
    this.#closed = true
    const all = [...this.#running.values()]
    for (const { stop } of all) stop.abort(CLOSING)
    await Promise.allSettled(all.map(({ promise }) => promise))
  }

  async #start<T>(
    place: string,
    first: DatasetWork,
    work: (onWork: OnWork, stop: AbortSignal) => Promise<T>,
    stop: AbortController,
  ): Promise<T> {
    const tell = (change: Partial<DatasetWork>): void => {
      const running = this.#running.get(place)
      const now = { ...(running?.now ?? first), ...change }
      if (running) running.now = now
      this.#publish(now)
    }
    // Preparing is what a person waits for; it has a place of its own.
    const limited = first.kind !== 'prepare'
    await Promise.resolve()
    if (limited) await this.#take()
    try {
      if (stop.signal.aborted) throw new AppError('stopped', 'Stopped before it began')
      const result = await work((progress) => tell(progress), stop.signal)
      tell({ state: 'done' })
      return result
    } catch (thrown) {
      const error = AppError.from(thrown)
      tell(error.code === 'stopped' ? { state: 'stopped' } : { state: 'failed', error: error.toJSON() })
      throw error
    } finally {
      this.#running.delete(place)
      if (limited) this.#give()
    }
  }

  async #take(): Promise<void> {
    if (this.#free > 0) {
      this.#free--
      return
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #give(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free++
  }
}

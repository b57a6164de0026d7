import fs from 'node:fs'
import { queueSchema, type Queue, type QueuedTrial } from '../../shared/domain/cluster'
import { replaceFile } from '../service/recordFile'

/** How the queue stands, kept in the sweep's folder for whoever looks at the sweep: it is written where it has changed. */
export class QueueFile {
  readonly #file: string
  #queue: Queue
  #away: Queue['away']

  constructor(file: string) {
    this.#file = file
    this.#queue = readQueue(file) ?? { seen: Date.now(), tasks: [] }
  }

  /** @param tasks as they are seen now; how often each was begun anew is counted here */
  seen(tasks: readonly Omit<QueuedTrial, 'requeued'>[]): void {
    const before = new Map(this.#queue.tasks.map((task) => [`${task.trial} ${task.attempt}`, task]))
    const now = tasks.map((task): QueuedTrial => {
      const known = before.get(`${task.trial} ${task.attempt}`)
      const back = known?.is === 'running' && task.is === 'waiting'
      return { ...task, requeued: (known?.requeued ?? 0) + (back ? 1 : 0) }
    })
    const same = this.#away === undefined && JSON.stringify(now) === JSON.stringify(this.#queue.tasks)
    this.#away = undefined
    this.#queue = { seen: Date.now(), tasks: now }
    if (!same) this.#write()
  }

  /** It does not answer: what was seen last is kept. */
  away(why: string): void {
    if (this.#away !== undefined) return
    this.#away = { since: Date.now(), why }
    this.#write()
  }

  #write(): void {
    try {
      replaceFile(this.#file, `${JSON.stringify({ ...this.#queue, ...(this.#away && { away: this.#away }) })}\n`)
    } catch {
      // It tells people; nothing hangs on it.
    }
  }
}

/** Undefined where there is none. */
export function readQueue(file: string): Queue | undefined {
  try {
    return queueSchema.parse(JSON.parse(fs.readFileSync(file, 'utf8')))
  } catch {
    return undefined
  }
}

import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { AppError, messageOf } from '../../shared/errors'

const batchSchema = z.object({
  token: z.string(),
  /** Trial of each task, by index, which attempt at it this is, and the rung to which it is trained; to its end where there is none. */
  tasks: z.array(z.object({ trial: z.int().min(0), attempt: z.int().min(1), rung: z.int().positive().optional() })),
})
const jobSchema = z.object({ token: z.string(), job: z.string() })
const endedSchema = z.object({ token: z.string(), ended: z.int().min(0), text: z.string() })
const lineSchema = z.union([batchSchema, jobSchema, endedSchema])

export interface LoggedBatch {
  token: string
  job?: string
  tasks: z.infer<typeof batchSchema>['tasks']
  /** How tasks ended, by index. */
  ended: Map<number, string>
}

/**
 * What was handed to a cluster, in the sweep's folder: a line before each batch is handed over, one with its number after that, one as each
 * task has ended. Whoever goes on with the sweep finds its jobs again by their tokens.
 */
export class BatchLog {
  readonly #file: string
  readonly batches: LoggedBatch[] = []

  /** @throws AppError `unreadable` */
  constructor(dir: string) {
    this.#file = path.join(dir, 'batches.jsonl')
    const text = fs.existsSync(this.#file) ? fs.readFileSync(this.#file, 'utf8') : ''
    const lines = text.split('\n')
    // A line that was cut short was never acted on.
    if (lines.pop() !== '') fs.writeFileSync(this.#file, lines.map((line) => `${line}\n`).join(''))
    for (const line of lines) this.#take(lineSchema.parse(JSON.parse(line)))
  }

  begin(token: string, tasks: LoggedBatch['tasks']): void {
    this.#append({ token, tasks })
  }

  handedOver(token: string, job: string): void {
    this.#append({ token, job })
  }

  ended(token: string, index: number, text: string): void {
    this.#append({ token, ended: index, text })
  }

  /** The batches that have tasks that may still be in the queue. */
  get open(): LoggedBatch[] {
    return this.batches.filter(({ tasks, ended }) => ended.size < tasks.length)
  }

  /** Attempts at a trial so far. */
  attempts(trial: number): number {
    return Math.max(0, ...this.#of(trial).map(({ attempt }) => attempt))
  }

  /** Attempts at the way to one of its rungs, or to its end. */
  tries(trial: number, rung: number | undefined): number {
    return this.#of(trial).filter((task) => task.rung === rung).length
  }

  /** The farthest rung to which a trial was handed over: 0 where it never was, Infinity where it was to its end. */
  handedTo(trial: number): number {
    return Math.max(0, ...this.#of(trial).map(({ rung = Infinity }) => rung))
  }

  #of(trial: number): LoggedBatch['tasks'] {
    return this.batches.flatMap(({ tasks }) => tasks.filter((task) => task.trial === trial))
  }

  #append(line: z.infer<typeof lineSchema>): void {
    try {
      fs.appendFileSync(this.#file, `${JSON.stringify(line)}\n`, { flush: true })
    } catch (cause) {
      throw new AppError(
        'unwritable',
        `${this.#file} cannot be written: ${messageOf(cause)}`,
        { file: this.#file },
        cause,
      )
    }
    this.#take(line)
  }

  #take(line: z.infer<typeof lineSchema>): void {
    if ('tasks' in line) {
      this.batches.push({ ...line, ended: new Map() })
      return
    }
    const batch = this.batches.find(({ token }) => token === line.token)
    if (!batch) return
    if ('job' in line) batch.job = line.job
    else batch.ended.set(line.ended, line.text)
  }
}

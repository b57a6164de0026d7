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

const BATCHES = 'batches.jsonl'

export interface LoggedBatch {
  token: string
  job?: string
  tasks: z.infer<typeof batchSchema>['tasks']
  /** How tasks ended, by index. */
  ended: Map<number, string>
}

/** @throws AppError `unreadable` */
function batchesIn(text: string, file: string): LoggedBatch[] {
  const batches: LoggedBatch[] = []
  // What stands after the last line's end was cut short, or is being written.
  for (const [i, line] of text.split('\n').slice(0, -1).entries()) {
    try {
      take(batches, lineSchema.parse(JSON.parse(line)))
    } catch (cause) {
      throw new AppError('unreadable', `Line ${i + 1} of ${file} does not say what was handed over`, { file }, cause)
    }
  }
  return batches
}

/** The farthest rung to which each trial was handed over: 0 where it never was, Infinity where it was to its end. */
export function handedTo(batches: readonly LoggedBatch[]): (trial: number) => number {
  const farthest = new Map<number, number>()
  for (const { tasks } of batches)
    for (const { trial, rung = Infinity } of tasks) farthest.set(trial, Math.max(rung, farthest.get(trial) ?? 0))
  return (trial) => farthest.get(trial) ?? 0
}

/** The same of a sweep's log; as if nothing had been handed over where it cannot be read, which whoever goes on with the sweep is told. */
export function handedIn(dir: string): (trial: number) => number {
  const file = path.join(dir, BATCHES)
  try {
    return handedTo(batchesIn(textOf(file), file))
  } catch {
    return () => 0
  }
}

/**
 * What was handed to a cluster, in the sweep's folder: a line before each batch is handed over, one with its number after that, one as each
 * task has ended. Whoever goes on with the sweep finds its jobs again by their tokens.
 */
export class BatchLog {
  readonly #file: string
  /** Bytes of whole lines, where half a line may stand behind them: of a writer that was killed, or that found the disk full. */
  #torn: number | undefined
  readonly batches: LoggedBatch[]

  /** @throws AppError `unreadable` */
  constructor(dir: string) {
    this.#file = path.join(dir, BATCHES)
    const text = textOf(this.#file)
    this.batches = batchesIn(text, this.#file)
    // A line that was cut short was never acted on.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    if (whole !== text) this.#torn = Buffer.byteLength(whole)
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
    return Math.max(0, ...tasksOf(this.batches, trial).map(({ attempt }) => attempt))
  }

  /** Attempts at the way to one of its rungs, or to its end. */
  tries(trial: number, rung: number | undefined): number {
    return tasksOf(this.batches, trial).filter((task) => task.rung === rung).length
  }

  #append(line: z.infer<typeof lineSchema>): void {
    try {
      const size = fs.statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0
      const whole = Math.min(size, this.#torn ?? size)
      if (size > whole) fs.truncateSync(this.#file, whole)
      this.#torn = whole
      fs.appendFileSync(this.#file, `${JSON.stringify(line)}\n`, { flush: true })
      this.#torn = undefined
    } catch (cause) {
      throw new AppError(
        'unwritable',
        `${this.#file} cannot be written: ${messageOf(cause)}`,
        { file: this.#file },
        cause,
      )
    }
    take(this.batches, line)
  }
}

function textOf(file: string): string {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : ''
}

function tasksOf(batches: readonly LoggedBatch[], trial: number): LoggedBatch['tasks'] {
  return batches.flatMap(({ tasks }) => tasks.filter((task) => task.trial === trial))
}

function take(batches: LoggedBatch[], line: z.infer<typeof lineSchema>): void {
  if ('tasks' in line) {
    batches.push({ ...line, ended: new Map() })
    return
  }
  const batch = batches.find(({ token }) => token === line.token)
  if (!batch) return
  if ('job' in line) batch.job = line.job
  else batch.ended.set(line.ended, line.text)
}

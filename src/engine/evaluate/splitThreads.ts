import { existsSync } from 'node:fs'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Evaluation } from '../../shared/domain/evaluation'
import { AppError, type AppErrorJson } from '../../shared/errors'
import type { SplitGiven, SplitTask } from './splitWork'

export interface ToSplitThread {
  key: string
  /** With the first task of that key. */
  given?: SplitGiven | undefined
  task: SplitTask
}

/** One answer for each task, in their order. */
export type FromSplitThread = { evaluation: Evaluation } | { error: AppErrorJson }

/** The built program has it; from sources there are no threads. */
const FILE = path.join(import.meta.dirname, 'splitThread.js')
/** Each keeps the draws of every split. */
const MOST_THREADS = 8

interface Waiting {
  resolve: (evaluation: Evaluation) => void
  reject: (error: AppError) => void
}

interface Thread {
  worker: Worker
  told: Set<string>
  waiting: Waiting[]
}

/** Threads that work out the figures of many runs side by side while the models are asked for more. */
export class SplitThreads {
  readonly #most: number
  readonly #file: string
  readonly #threads: Thread[] = []

  constructor(threads: number, file = FILE) {
    this.#most = existsSync(file) ? Math.min(MOST_THREADS, threads) : 0
    this.#file = file
  }

  /** Whether there is anything to be gained. */
  get any(): boolean {
    return this.#most > 0
  }

  /**
   * @param key names what is given, which each thread is told once
   * @throws AppError what the task throws; `internal` where its thread dies
   */
  do(key: string, given: SplitGiven, task: SplitTask): Promise<Evaluation> {
    const thread = this.#freest()
    const message: ToSplitThread = { key, task, ...(!thread.told.has(key) && { given }) }
    thread.told.add(key)
    return new Promise((resolve, reject) => {
      thread.waiting.push({ resolve, reject })
      thread.worker.postMessage(message)
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.splice(0).map(({ worker }) => worker.terminate()))
  }

  #freest(): Thread {
    const [freest] = [...this.#threads].sort((a, b) => a.waiting.length - b.waiting.length)
    if (freest && (freest.waiting.length === 0 || this.#threads.length >= this.#most)) return freest
    const thread = openThread(this.#file, () => {
      const at = this.#threads.indexOf(thread)
      if (at >= 0) this.#threads.splice(at, 1)
    })
    this.#threads.push(thread)
    return thread
  }
}

/** @param ended told as soon as it can do no more */
function openThread(file: string, ended: () => void): Thread {
  const thread: Thread = { worker: new Worker(file), told: new Set(), waiting: [] }
  const { worker, waiting } = thread
  const fail = (error: AppError): void => {
    ended()
    for (const { reject } of waiting.splice(0)) reject(error)
  }
  worker.on('message', (answer: FromSplitThread) => {
    const { resolve, reject } = waiting.shift()!
    if ('error' in answer) reject(AppError.fromJSON(answer.error))
    else resolve(answer.evaluation)
  })
  worker.on('error', (cause) => fail(new AppError('internal', 'A thread that evaluates runs failed', {}, cause)))
  worker.on('exit', () => fail(new AppError('internal', 'A thread that evaluates runs ended too early')))
  return thread
}

/** A thread that does the work of splits, one task after the other; see `splitThreads.ts`. */
import { parentPort } from 'node:worker_threads'
import { AppError } from '../../shared/errors'
import type { FromSplitThread, ToSplitThread } from './splitThreads'
import { SplitWork } from './splitWork'

const works = new Map<string, SplitWork>()

function answer({ key, given, task }: ToSplitThread): FromSplitThread {
  try {
    let work = works.get(key)
    if (given) works.set(key, (work = new SplitWork(given)))
    if (!work) throw new Error(`the thread was never told of ${key}`)
    return { evaluation: work.do(task) }
  } catch (thrown) {
    return { error: AppError.from(thrown).toJSON() }
  }
}

parentPort?.on('message', (message: ToSplitThread) => parentPort?.postMessage(answer(message)))

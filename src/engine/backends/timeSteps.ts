import type { ExperimentConfig } from '../../shared/config/experiment'
import { AppError } from '../../shared/errors'
import type { PairSplit } from '../data/dataset'
import { scheduleOf } from '../loop/fit'
import type { Execution } from './execution'

/** The first steps compile and fill caches: they are not timed, unless they are all there is time for. */
const WARM_UP_STEPS = 3
/** A step is not timed alone, where a clock's own error would show: blocks take at least this long. */
const BLOCK_MS = 5

/**
 * The median time of an optimiser step, ms, of as many as there is time for. Several executions take each step together; they are left trained by it.
 *
 * @throws AppError `stopped`
 */
export async function timeSteps(
  { trainer }: ExperimentConfig,
  executions: readonly Execution[],
  train: PairSplit,
  { forMs, stop }: { forMs: number; stop?: AbortSignal },
): Promise<{ msPerStep: number; steps: number }> {
  const schedule = scheduleOf(train, trainer)
  const perEpoch = Math.ceil(train.pairs / trainer.batch_size)
  let taken = 0
  let orders: Int32Array[] = []
  const take = async (count: number): Promise<number> => {
    const started = performance.now()
    for (let i = 0; i < count; i++, taken++) {
      const epoch = Math.floor(taken / perEpoch)
      const batch = taken % perEpoch
      // Once an epoch, as training asks for it: some backends shuffle anew each time.
      if (batch === 0) orders = executions.map((execution) => execution.order(epoch))
      const from = batch * trainer.batch_size
      for (const [member, execution] of executions.entries())
        execution.trainStep(orders[member]!.subarray(from, from + trainer.batch_size), schedule.at(0), epoch)
    }
    await Promise.all(executions.map((execution) => execution.drainSteps()))
    const took = performance.now() - started
    // Lets a request to stop arrive.
    await new Promise((resolve) => setImmediate(resolve))
    if (stop?.aborted === true) throw new AppError('stopped', 'The probe was stopped')
    return took
  }

  const until = performance.now() + forMs
  const first = await take(1)
  if (performance.now() < until) await take(WARM_UP_STEPS - 1)
  const blocks: { ms: number; steps: number }[] = []
  let size = 1
  while (performance.now() < until) {
    const ms = await take(size)
    blocks.push({ ms: ms / size, steps: size })
    if (ms < BLOCK_MS) size *= 2
  }
  // Small blocks are there to find the size of the large ones.
  const full = blocks.filter(({ steps }) => steps === size)
  const timed = full.length > 0 ? full : blocks
  if (timed.length === 0) return { msPerStep: first, steps: 1 }
  return {
    msPerStep: median(timed.map(({ ms }) => ms)),
    steps: timed.reduce((sum, { steps }) => sum + steps, 0),
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2
}

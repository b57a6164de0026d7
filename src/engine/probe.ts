import type { ExperimentConfig } from '../shared/config/experiment'
import type { Estimate } from '../shared/domain/experiment'
import { AppError } from '../shared/errors'
import { openBackend } from './backends/openBackend'
import type { Execution } from './backends/execution'
import { DTYPE_BYTES } from './data/embeddingTable'
import type { Dataset, EmbeddingTable, PairSplit } from './data/dataset'
import { scheduleOf } from './loop/fit'
import { openData } from './openData'

/** How long steps are taken for. */
const TRAIN_MS = 900
/** Validating is measured whole; where steps say that it takes longer than this, it is left out. */
const VALIDATE_MS = 1_500
/** The first steps compile and fill caches: they are not timed, unless they are all there is time for. */
const WARM_UP_STEPS = 3
/** A step is not timed alone, where a clock's own error would show: blocks take at least this long. */
const BLOCK_MS = 5

/**
 * How long a step of this experiment takes here, and what it needs: the real data, model and backend, trained for about a
 * second and thrown away.
 */
export async function probe(config: ExperimentConfig, stop: AbortSignal): Promise<Estimate> {
  const started = performance.now()
  const backend = await openBackend(config)
  try {
    const { dataset } = await openData(config, stop, backend)
    const msToLoad = performance.now() - started
    const execution = (await backend.execute([config], dataset))[0]!
    try {
      const { train, dev, test } = dataset.splits
      const { msPerStep, steps } = await timeSteps(config, execution, train, stop)
      const validation = dev ?? test
      const perPair = msPerStep / Math.min(config.trainer.batch_size, train.pairs)
      const msPerValidation =
        validation && perPair * validation.pairs < VALIDATE_MS
          ? await timeValidation(execution, validation, stop)
          : null
      const perEpoch = train.pairs / config.trainer.batch_size
      return {
        backend: backend.name,
        why: backend.why,
        threads: execution.threads,
        parameters: execution.parameterCount,
        pairs: train.pairs,
        users: dataset.trainedUsers,
        stepsPerEpoch: Math.ceil(perEpoch),
        msPerStep,
        steps,
        // The last batch is shorter, and takes about as much less.
        msPerEpoch: msPerStep * Math.max(1, perEpoch),
        msPerValidation,
        msToLoad,
        ...tablesOf(dataset),
        rssBytes: process.resourceUsage().maxRSS * 1024,
      }
    } finally {
      execution.dispose()
    }
  } finally {
    backend.close()
  }
}

async function timeSteps(
  { trainer }: ExperimentConfig,
  execution: Execution,
  train: PairSplit,
  stop: AbortSignal,
): Promise<{ msPerStep: number; steps: number }> {
  const schedule = scheduleOf(train, trainer)
  const perEpoch = Math.ceil(train.pairs / trainer.batch_size)
  let taken = 0
  const take = async (count: number): Promise<number> => {
    const started = performance.now()
    for (let i = 0; i < count; i++, taken++) {
      const epoch = Math.floor(taken / perEpoch)
      const batch = taken % perEpoch
      const rows = execution.order(epoch).subarray(batch * trainer.batch_size, (batch + 1) * trainer.batch_size)
      execution.trainStep(rows, schedule.at(0), epoch)
    }
    await execution.drainSteps()
    const took = performance.now() - started
    // Lets a request to stop arrive.
    await new Promise((resolve) => setImmediate(resolve))
    if (stop.aborted) throw new AppError('stopped', 'The probe was stopped')
    return took
  }

  const until = performance.now() + TRAIN_MS
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

/** The second time, where there is time for one: the first compiles. */
async function timeValidation(execution: Execution, split: PairSplit, stop: AbortSignal): Promise<number> {
  let ms = 0
  for (let round = 0; round < 2; round++) {
    const started = performance.now()
    await execution.evaluate(split)
    ms = performance.now() - started
    await new Promise((resolve) => setImmediate(resolve))
    if (stop.aborted) throw new AppError('stopped', 'The probe was stopped')
    if (ms > VALIDATE_MS / 4) break
  }
  return ms
}

function tablesOf({ splits, width }: Dataset): Pick<Estimate, 'tableBytes' | 'texts' | 'width'> {
  const tables = new Set<EmbeddingTable>(Object.values(splits).map(({ table }) => table))
  let tableBytes = 0
  let texts = 0
  for (const { rows, stride, dtype } of tables) {
    tableBytes += rows * stride * DTYPE_BYTES[dtype]
    texts += rows
  }
  return { tableBytes, texts, width }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2
}

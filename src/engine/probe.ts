import type { ExperimentConfig } from '../shared/config/experiment'
import type { Estimate } from '../shared/domain/experiment'
import { AppError } from '../shared/errors'
import { openBackend } from './backends/openBackend'
import type { Execution } from './backends/execution'
import { timeSteps } from './backends/timeSteps'
import { DTYPE_BYTES } from './data/embeddingTable'
import type { Dataset, EmbeddingTable, PairSplit } from './data/dataset'
import { openData } from './openData'

/** How long steps are taken for. */
const TRAIN_MS = 900
/** Validating is measured whole; where steps say that it takes longer than this, it is left out. */
const VALIDATE_MS = 1_500
/**
 * How long a step of this experiment takes here, and what it needs: the real data, model and backend, trained for about a
 * second and thrown away.
 *
 * @param others experiments on the same batches: steps are then taken by all of them together, and validations one after the other
 */
export async function probe(
  config: ExperimentConfig,
  stop: AbortSignal,
  others: readonly ExperimentConfig[] = [],
): Promise<Estimate> {
  const started = performance.now()
  const backend = await openBackend(config)
  try {
    const { dataset } = await openData(config, stop, backend)
    const msToLoad = performance.now() - started
    const executions = await backend.execute([config, ...others], dataset)
    const execution = executions[0]!
    try {
      const { train, dev, test } = dataset.splits
      const { msPerStep, steps } = await timeSteps(config, executions, train, { forMs: TRAIN_MS, stop })
      const validation = dev ?? test
      const perPair = msPerStep / Math.min(config.trainer.batch_size, train.pairs)
      const msPerValidation =
        validation && perPair * validation.pairs < VALIDATE_MS
          ? executions.length * (await timeValidation(execution, validation, stop))
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
      for (const one of executions) one.dispose()
    }
  } finally {
    backend.close()
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

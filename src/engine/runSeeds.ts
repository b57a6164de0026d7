import type { FromEngine, ToEngine } from '../shared/api/engineProtocol'
import type { ExperimentConfig } from '../shared/config/experiment'
import { summarise, type SeedsResult } from '../shared/domain/seeds'
import { AppError } from '../shared/errors'
import { openBackend } from './backends/openBackend'
import { Evaluator } from './evaluate/evaluator'
import { openData } from './openData'
import { trainAndTest, type EngineMessage } from './runExperiment'
import type { StopRequest } from './stopReason'

type SeedsRequest = Omit<Extract<ToEngine, { type: 'train_seeds' }>, 'v' | 'type'>
export type TellOfSeed = (seed: number, news: Extract<FromEngine, { type: 'seed' }>['news']) => void

/**
 * One experiment once for each seed, on the same batches: every run has a folder, a result and, if need be, an error of its own, and
 * ends as it would have ended alone. The fused backend reads each text once for all of them; others train them one after the other.
 */
export async function runSeeds(request: SeedsRequest, tell: TellOfSeed, stop: StopRequest): Promise<SeedsResult> {
  const { runs, logDir, cwd, warnings } = request
  const started = performance.now()
  const configs = runs.map((run) => configOf(request.config, run))
  const [first] = configs
  if (!first) throw new AppError('usage', 'There are no seeds to train')
  const backend = await openBackend(first)
  let evaluator: Evaluator | undefined
  try {
    const data = await openData(first, stop.signal, backend)
    const shared = new Evaluator(first, data.dataset, backend, stop.signal)
    evaluator = shared
    const groups = backend.together ? [configs] : configs.map((config) => [config])
    const outcomes: Promise<Outcome>[] = []
    for (const group of groups) {
      const executions = await backend.execute(group, data.dataset)
      const ends = executions.map((execution, i) => {
        const config = group[i]!
        const { seed, command } = runs[outcomes.length + i]!
        const emit = (message: EngineMessage): void => {
          if (isNews(message)) tell(seed, message)
        }
        const own = { config, logDir, cwd, warnings, command }
        return trainAndTest({ request: own, data, backend, execution, evaluator: shared, emit, stop })
          .then((result) => ({ seed, result }))
          .catch((thrown: unknown) => ({ seed, error: AppError.from(thrown) }))
          .finally(() => execution.rest())
      })
      outcomes.push(...ends)
      await Promise.all(ends)
    }
    return resultOf(await Promise.all(outcomes), (performance.now() - started) / 1000)
  } finally {
    await evaluator?.close()
    backend.close()
  }
}

type Outcome = { seed: number } & ({ result: Awaited<ReturnType<typeof trainAndTest>> } | { error: AppError })

/** The experiment with one run's seed. Its batches are those of `data_seed`, which all runs share. */
export function configOf(
  config: ExperimentConfig,
  { seed, exp_version }: Pick<SeedsRequest['runs'][number], 'seed' | 'exp_version'>,
): ExperimentConfig {
  const { trainer } = config
  const data_seed = trainer.data_seed ?? trainer.seed
  return { ...config, exp_version, trainer: { ...trainer, seed, data_seed } }
}

/** @throws AppError of the first run when none of them ended well */
function resultOf(outcomes: readonly Outcome[], seconds: number): SeedsResult {
  const runs = outcomes.flatMap((outcome) => ('result' in outcome ? [{ seed: outcome.seed, ...outcome.result }] : []))
  const failed = outcomes.flatMap((outcome) => ('error' in outcome ? [outcome] : []))
  if (runs.length === 0) throw failed[0]!.error
  return {
    type: 'result',
    runs,
    failed: failed.map(({ seed, error }) => ({ seed, error: error.toJSON() })),
    summary: summarise(runs),
    // Each run's epoch lasts as long as the pass and its own waiting for the others' validation; the last to start waits least.
    ms_per_epoch: Math.min(...runs.map(({ ms_per_epoch }) => ms_per_epoch)),
    seconds,
    peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
    backend: runs[0]!.backend,
    threads: runs[0]!.threads,
  }
}

function isNews(message: EngineMessage): message is Parameters<TellOfSeed>[1] {
  return ['started', 'log', 'progress', 'metrics'].includes(message.type)
}

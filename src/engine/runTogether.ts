import { availableParallelism } from 'node:os'
import path from 'node:path'
import type { FromEngine, ToEngine } from '../shared/api/engineProtocol'
import { RUN_FILES } from '../shared/domain/run'
import type { TogetherResult } from '../shared/domain/together'
import { AppError } from '../shared/errors'
import { openBackend } from './backends/openBackend'
import { Rungs } from './callbacks/halving'
import { Evaluator } from './evaluate/evaluator'
import { openData } from './openData'
import { readCheckpoint } from './run/checkpointFile'
import { trainAndTest, type EngineMessage } from './runExperiment'
import type { StopRequest } from './stopReason'

type TogetherRequest = Omit<Extract<ToEngine, { type: 'train_together' }>, 'v' | 'type'>
type RunOfMany = TogetherRequest['runs'][number]
type News = Extract<FromEngine, { type: 'run' }>['news']
export type TellOfRun = (run: number, news: News) => void

/**
 * Several runs on the same data: every one has a folder, a result and, if need be, an error of its own, and ends as it would have ended
 * alone, which is told at once. The fused backend trains those with equal batches in one pass and reads each text once for all of them; others are trained one after
 * the other.
 *
 * @throws AppError where the backend or the data cannot be opened for any of them
 */
export async function runTogether(
  request: TogetherRequest,
  tell: TellOfRun,
  stop: StopRequest,
): Promise<TogetherResult> {
  const { runs, logDir, cwd, warnings, halving } = request
  const started = performance.now()
  const [first] = runs
  if (!first) throw new AppError('usage', 'There are no runs to train')
  const backend = await openBackend(first.config)
  const rungs = halving && new Rungs(halving)
  let evaluator: Evaluator | undefined
  try {
    const data = await openData(first.config, stop.signal, backend)
    const shared = new Evaluator(first.config, data.dataset, backend, stop.signal, threadsFor(runs))
    evaluator = shared
    const outcomes: End[] = []
    let threads = 1
    for (const group of backend.together ? passesOf(runs) : runs.map((_, i) => [i])) {
      const asked = group.map((run) => ({ run, ...runs[run]! }))
      const executions = await backend.execute(
        asked.map(({ config }) => config),
        data.dataset,
      )
      const cohort = rungs?.cohort(asked.length)
      const ends = executions.map((execution, i) => {
        const { run, ...own } = asked[i]!
        threads = Math.max(threads, execution.threads)
        const emit = (message: EngineMessage): void => {
          if (isNews(message)) tell(run, message)
        }
        const member = cohort?.member()
        const parts = { data, backend, execution, evaluator: shared, emit, stop, halving: member, runs: asked.length }
        return trainAndTest({ request: { ...own, logDir, cwd, warnings }, ...parts })
          .then((result) => ({ type: 'ended' as const, result }))
          .catch((thrown: unknown) => ({ type: 'failed' as const, error: AppError.from(thrown).toJSON() }))
          .then((end) => {
            execution.rest()
            member?.leave()
            tell(run, end)
            return { run, ...end }
          })
      })
      outcomes.push(...(await Promise.all(ends)))
    }
    outcomes.sort((a, b) => a.run - b.run)
    const ended = outcomes.flatMap(({ run, ...end }) => (end.type === 'ended' ? [{ run, result: end.result }] : []))
    return {
      runs: ended,
      failed: outcomes.flatMap(({ run, ...end }) => (end.type === 'failed' ? [{ run, error: end.error }] : [])),
      // Each run's epoch lasts as long as the pass and its own waiting for the others' validation; the last to start waits least.
      ms_per_epoch: Math.min(...ended.map(({ result }) => result.ms_per_epoch)),
      seconds: (performance.now() - started) / 1000,
      peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
      backend: backend.name,
      threads,
    }
  } finally {
    await evaluator?.close()
    backend.close()
  }
}

/** Threads that work out figures beside this one: of a few runs they are done before threads have started. */
function threadsFor(runs: readonly RunOfMany[]): number {
  const most = runs[0]?.config.threads ?? availableParallelism()
  return most === 1 || runs.length < WORTH_THREADS ? 0 : most
}
const WORTH_THREADS = 8

type End = { run: number } & Extract<News, { type: 'ended' | 'failed' }>

/** Runs that can be trained in one pass, by their places: those whose every batch is the same. */
function passesOf(runs: readonly RunOfMany[]): number[][] {
  const passes = new Map<string, number[]>()
  for (const [i, run] of runs.entries()) {
    const { model_name, trainer, threads } = run.config
    const { batch_size, seed, data_seed = seed } = trainer
    const key = JSON.stringify([model_name, threads, batch_size, data_seed, positionOf(run, i)])
    passes.set(key, [...(passes.get(key) ?? []), i])
  }
  return [...passes.values()]
}

/** Where a run goes on: only those that stand at the same batch can take the same steps. */
function positionOf({ resume }: RunOfMany, i: number): string {
  if (resume === undefined) return 'start'
  try {
    const { progress } = readCheckpoint(path.join(resume, RUN_FILES.checkpoints), 'last').meta
    if (progress) return `${progress.position.epoch}/${progress.position.batch}`
  } catch {
    // The run itself will say what is wrong with it.
  }
  return `unknown ${i}`
}

function isNews(message: EngineMessage): message is Extract<News, EngineMessage> {
  return ['started', 'log', 'progress', 'metrics'].includes(message.type)
}

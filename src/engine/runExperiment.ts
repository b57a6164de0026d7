import { randomUUID } from 'node:crypto'
import type { ExperimentConfig } from '../shared/config/experiment'
import type { FromEngine, ToEngine } from '../shared/api/engineProtocol'
import { SPLIT_METRICS, type MetricBatch } from '../shared/domain/metric'
import { RUN_FILES, type RunResult } from '../shared/domain/run'
import { AppError, formatError } from '../shared/errors'
import { VERSION } from '../shared/version'
import { loadBackend } from './backends/tfjs/loadBackend'
import { TfjsExecution } from './backends/tfjs/tfjsExecution'
import type { Execution } from './backends/execution'
import { Checkpoints, type CheckpointContext } from './callbacks/checkpoints'
import { earlyStopping } from './callbacks/earlyStopping'
import { epochMetrics, progressReports } from './callbacks/reports'
import type { Dataset } from './data/dataset'
import { dataInvalid, formatProblem } from './data/loadDataset'
import { prepareDataset } from './data/prepare'
import { fit, type FitOutcome } from './loop/fit'
import { totalSteps } from './loop/schedule'
import { logged, stepFigures } from './metrics/figures'
import { createModel } from './models/registry'
import { RunFolder, type LogLevel } from './run/runFolder'
import { writePredictions } from './run/predictions'

export type TrainRequest = Omit<Extract<ToEngine, { type: 'train' }>, 'v' | 'type'>
type WithoutVersion<T> = T extends unknown ? Omit<T, 'v'> : never
export type EngineMessage = WithoutVersion<FromEngine>
export type Emit = (message: EngineMessage) => void

/**
 * The whole way of one run: data → model → folder → fit → test → result. Nothing is written before the data has proved
 * sound; after that, whatever happens ends in the run's folder as a status with its reason.
 */
export async function runExperiment(request: TrainRequest, emit: Emit, stop: AbortSignal): Promise<RunResult> {
  const { config } = request
  const { dataset, report } = await prepareDataset(config.data, { features: config.features, signal: stop })
  if (!dataset) throw dataInvalid(config.data.dts_name, report.problems)
  const warnings = [...request.warnings, ...report.problems.map(formatProblem)]
  const { train } = dataset.splits
  const backend = await loadBackend(config.backend)
  const model = createModel(config, sizesOf(dataset))
  const execution = new TfjsExecution(model, dataset, config.trainer, backend)
  const run = openRun(request, warnings, emit)
  try {
    emit({
      type: 'started',
      runId: run.id,
      dir: run.folder.dir,
      backend: backend.name,
      threads: backend.threads,
      pairs: train.pairs,
      users: dataset.trainedUsers,
      parameters: execution.parameterCount,
    })
    run.note('info', `Backend ${backend.name}: ${backend.why}`)
    const started = performance.now()
    const checkpoints = new Checkpoints(run.folder.path(RUN_FILES.checkpoints), execution, context(config, dataset))
    const patience = earlyStopping(config.trainer.patience)
    const size = {
      epochs: config.trainer.max_epochs,
      steps: totalSteps(train.pairs, config.trainer),
      stepsPerEpoch: Math.ceil(train.pairs / config.trainer.batch_size),
    }
    const progress = progressReports(size, (progress) => emit({ type: 'progress', progress }))
    const callbacks = [epochMetrics(run.measure), checkpoints, patience, progress]
    const validation = dataset.splits.dev ?? dataset.splits.test
    const outcome = await fit(execution, train, validation, config.trainer, callbacks, stop)

    const stopped = outcome.ended === 'stopped'
    await checkpoints.write(stopped ? outcome.epochs - 1 : outcome.epochs)
    const tests = stopped ? {} : await test(config, dataset, execution, checkpoints, outcome, run)
    const reason = stopped ? 'stopped by the user' : patience.reason()
    if (reason !== undefined) run.note('info', `Training ended early: ${reason}`)
    const { best } = checkpoints
    return run.end(stopped ? 'stopped' : 'finished', reason, {
      ...tests,
      ...(best && { best_epoch: best.epoch, val_loss: best.val.loss, val_acc: best.val.acc }),
      ...speed(outcome),
      seconds: (performance.now() - started) / 1000,
      peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
      backend: backend.name,
      threads: backend.threads,
    })
  } catch (thrown) {
    throw run.fail(thrown)
  } finally {
    execution.dispose()
  }
}

interface Run {
  id: string
  folder: RunFolder
  note(level: LogLevel, message: string): void
  measure(batch: MetricBatch): void
  end(
    status: 'finished' | 'stopped',
    reason: string | undefined,
    result: Omit<RunResult, 'type' | 'runId' | 'dir' | 'status'>,
  ): RunResult
  fail(thrown: unknown): AppError
}

/** Claims the run's folder and says in it what is about to run. */
function openRun({ config, logDir, command }: TrainRequest, warnings: string[], emit: Emit): Run {
  const id = randomUUID()
  const folder = new RunFolder(logDir, config.exp_name, config.exp_version)
  const resolved = { ...config, exp_version: folder.version }
  folder.writeConfig(
    resolved,
    ['val', 'test'].flatMap((split) => SPLIT_METRICS.map((name) => `${split}_${name}`)),
  )
  folder.begin({
    id,
    exp_name: config.exp_name,
    exp_version: folder.version,
    model_name: config.model_name,
    dts_name: config.data.dts_name,
    created: Date.now(),
    command,
    version: VERSION,
    warnings,
  })
  const note = (level: LogLevel, message: string): void => {
    folder.log(level, message)
    emit({ type: 'log', level, message })
  }
  for (const warning of warnings) note('warn', warning)
  return {
    id,
    folder,
    note,
    measure(batch) {
      folder.writeMetrics(batch)
      emit({ type: 'metrics', batch })
    },
    end(status, reason, figures) {
      const result: RunResult = { type: 'result', runId: id, dir: folder.dir, status, ...figures }
      folder.end(status, reason, result)
      return result
    },
    fail(thrown) {
      const error = AppError.from(thrown)
      note('error', formatError(error))
      folder.end('failed', error.message)
      return error
    },
  }
}

/** Tests the wanted checkpoint on every test split and writes the predictions of all splits that training did not see. */
async function test(
  config: ExperimentConfig,
  dataset: Dataset,
  execution: Execution,
  { best }: Checkpoints,
  outcome: FitOutcome,
  run: Run,
): Promise<Partial<RunResult>> {
  if (best && config.trainer.test_on === 'best') execution.load({ parameters: best.parameters })
  const figures: Record<string, number> = {}
  for (const name of ['dev', 'test', 'test_unseen'] as const) {
    const split = dataset.splits[name]
    if (!split) continue
    const evaluation = await execution.evaluate(split)
    writePredictions(run.folder.path(RUN_FILES.predictions, `${name}.parquet`), dataset, split, evaluation)
    if (name !== 'dev') Object.assign(figures, logged(name, stepFigures(evaluation)))
  }
  if (Object.keys(figures).length === 0) return {}
  run.measure({ epoch: outcome.epochs, step: outcome.steps, time: Date.now(), values: figures })
  return figures
}

function sizesOf(dataset: Dataset): { users: number; width: number; features: number } {
  return { users: dataset.trainedUsers, width: dataset.width, features: dataset.featureColumns.length }
}

function context(config: ExperimentConfig, dataset: Dataset): CheckpointContext {
  return {
    format: 1,
    model_name: config.model_name,
    model: modelSection(config),
    width: dataset.width,
    feature_columns: dataset.featureColumns,
    users: dataset.users.slice(0, dataset.trainedUsers),
  }
}

function modelSection(config: ExperimentConfig): object {
  const section: unknown = Reflect.get(config, config.model_name)
  return Object(section)
}

/** Training and validation times: medians, the first epoch (start-up work) left out where there are more. */
function speed({
  epochs,
  steps,
  trainMs,
  valMs,
}: FitOutcome): Pick<RunResult, 'epochs' | 'steps' | 'ms_per_epoch' | 'ms_per_validation' | 'steps_per_second'> {
  const median = (times: readonly number[]): number => {
    const kept = (times.length > 1 ? times.slice(1) : [...times]).sort((a, b) => a - b)
    return kept.length === 0 ? 0 : (kept[(kept.length - 1) >> 1]! + kept[kept.length >> 1]!) / 2
  }
  const trained = trainMs.reduce((a, b) => a + b, 0)
  return {
    epochs,
    steps,
    ms_per_epoch: median(trainMs),
    ms_per_validation: median(valMs),
    steps_per_second: trained === 0 ? 0 : (1000 * steps) / trained,
  }
}

import { randomUUID } from 'node:crypto'
import type { ExperimentConfig } from '../shared/config/experiment'
import type { FromEngine, ToEngine } from '../shared/api/engineProtocol'
import { SPLIT_METRICS, type MetricBatch } from '../shared/domain/metric'
import { RUN_FILES, type RunResult } from '../shared/domain/run'
import type { SplitName } from '../shared/domain/dataset'
import { DEFAULT_RESAMPLES, EVALUATED_SPLITS, type Evaluation as SplitEvaluation } from '../shared/domain/evaluation'
import { AppError, formatError } from '../shared/errors'
import { VERSION } from '../shared/version'
import { openBackend, type Backend } from './backends/openBackend'
import { watchCard } from './backends/tensorflow/device'
import type { Evaluation, Execution } from './backends/execution'
import { Checkpoints } from './callbacks/checkpoints'
import { EarlyStopping } from './callbacks/earlyStopping'
import { pausingAt, type HalvingMember } from './callbacks/halving'
import { epochMetrics, progressReports } from './callbacks/reports'
import { topicLog } from './callbacks/topics'
import { summariseWarnings } from './data/warnings'
import { Evaluator } from './evaluate/evaluator'
import { START, epochsLogged, fit, scheduleOf, type FitOutcome } from './loop/fit'
import { totalSteps } from './loop/schedule'
import { logged, stepFigures, withLift } from './metrics/figures'
import { checkpointContext, restore, type Restored } from './run/resume'
import { openData } from './openData'
import { RunFolder, type LogLevel } from './run/runFolder'
import type { StopRequest } from './stopReason'

export type TrainRequest = Omit<Extract<ToEngine, { type: 'train' }>, 'v' | 'type'>
type WithoutVersion<T> = T extends unknown ? Omit<T, 'v'> : never
/** What a run tells as it happens; `entry.ts` makes frames of it. */
export type EngineMessage =
  Exclude<WithoutVersion<FromEngine>, { type: 'metrics' }> | { type: 'metrics'; batch: MetricBatch }
export type Emit = (message: EngineMessage) => void

/**
 * The whole way of one run: data → model → folder → fit → test → result. Nothing is written before the data has proved
 * sound; after that, whatever happens ends in the run's folder as a status with its reason.
 */
export async function runExperiment(request: TrainRequest, emit: Emit, stop: StopRequest): Promise<RunResult> {
  const { config } = request
  const backend = await openBackend(config)
  try {
    const data = await openData(config, stop.signal, backend)
    const execution = (await backend.execute([config], data.dataset))[0]!
    const evaluator = new Evaluator(config, data.dataset, backend, stop.signal)
    try {
      const halving = request.rung === undefined ? undefined : pausingAt(request.rung)
      return await trainAndTest({ request, data, backend, execution, evaluator, emit, stop, halving })
    } finally {
      await evaluator.close()
    }
  } finally {
    backend.close()
  }
}

/** What a run needs besides its request: data that others may share, and an execution of its own. */
export interface RunParts {
  request: TrainRequest
  data: Awaited<ReturnType<typeof openData>>
  backend: Pick<Backend, 'name' | 'why' | 'onCard'>
  execution: Execution
  evaluator: Evaluator
  emit: Emit
  stop: StopRequest
  /** Of a run that may be ended for the sake of others. */
  halving?: HalvingMember | undefined
  /** How many runs train together; 1 by default. */
  runs?: number
}

/** One run from its folder to its result. It disposes of its execution. */
export async function trainAndTest(parts: RunParts): Promise<RunResult> {
  const { request, data, backend, execution, emit, stop, halving, runs } = parts
  const { config } = request
  const { trainer } = config
  const { dataset, problems } = data
  const { train } = dataset.splits
  const schedule = scheduleOf(train, trainer)
  const limit = totalSteps(train.pairs, trainer)
  const { folder, restored } = openFolder(request, limit, (dir) =>
    restore(dir, { config, dataset, execution, schedule }),
  )
  const run = openRun(request, folder, emit)
  const patience = new EarlyStopping(trainer.patience, restored?.progress.patience)
  let position = restored?.progress.position ?? START
  const checkpoints = new Checkpoints({
    folder: run.folder.path(RUN_FILES.checkpoints),
    execution,
    context: checkpointContext(config, dataset),
    progress: () => ({ position, schedule: schedule.state(), patience: patience.state }),
    best: restored?.best,
    runs,
  })
  const card = backend.onCard === true ? watchCard() : undefined
  try {
    emit({
      type: 'started',
      runId: run.id,
      dir: run.folder.dir,
      backend: backend.name,
      threads: execution.threads,
      pairs: train.pairs,
      users: dataset.trainedUsers,
      parameters: execution.parameterCount,
      epochs: trainer.max_epochs,
    })
    run.warn(request.warnings, problems)
    run.note('info', `Backend ${backend.name}: ${backend.why}`)
    if (restored) run.note('info', `Resumed at epoch ${position.epoch + 1}, step ${restored.steps}`)
    const started = performance.now()
    const size = {
      epochs: trainer.max_epochs,
      steps: limit,
      stepsPerEpoch: Math.ceil(train.pairs / trainer.batch_size),
      taken: restored?.steps ?? 0,
    }
    const outcome = await fit({
      execution,
      train,
      validation: dataset.splits.dev ?? dataset.splits.test,
      trainer,
      schedule,
      // Checkpoints come after patience, whose state they hold.
      callbacks: [
        epochMetrics(run.measure),
        patience,
        ...(halving ? [halving.from(restored?.best?.val)] : []),
        ...(dataset.vocabulary ? [topicLog(run.folder.path(RUN_FILES.topics), execution, dataset.vocabulary)] : []),
        checkpoints,
        progressReports(size, (progress) => emit({ type: 'progress', progress }), card?.latest),
      ],
      stop: stop.signal,
      from: position,
      // One that was stopped between its last epoch and the end of its test.
      done: restored !== undefined && (patience.exhausted || halving?.endedAt(position, restored.best?.val) === true),
      moved: (next) => {
        position = next
      },
    })
    halving?.leave()
    if (execution.streams)
      run.note('info', 'The device did not hold the table of text vectors: those of each batch were sent')
    position = outcome.position
    await checkpoints.write()
    const tests = outcome.ended === 'stopped' ? undefined : await test(parts, checkpoints, outcome, run)
    const { status, reason } = tests === undefined ? stop.reason : endOf(patience, halving)
    if (reason !== undefined) run.note('info', `Training ended early: ${reason}`)
    const { best } = checkpoints
    if (best && best.val.bt_loss > HOPELESS_LOSS)
      run.note(
        'warn',
        `The lowest val_loss is ${best.val.loss.toPrecision(3)}; guessing gives 0.693. The learning rate may be too high`,
      )
    return run.end(status, reason, {
      ...tests,
      ...(best && { best_epoch: best.epoch, val_loss: best.val.loss, val_acc: best.val.acc }),
      ...speed(outcome, size.taken),
      seconds: (performance.now() - started) / 1000,
      peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
      backend: backend.name,
      threads: execution.threads,
    })
  } catch (thrown) {
    throw run.fail(thrown, checkpoints)
  } finally {
    card?.stop()
    execution.dispose()
    run.folder.close()
  }
}

/** Of a run that nobody has stopped. */
function endOf(
  { reason }: EarlyStopping,
  halving: HalvingMember | undefined,
): { status: 'finished' | 'stopped'; reason: string | undefined } {
  return reason === undefined && halving?.end ? halving.end : { status: 'finished', reason }
}

interface Run {
  id: string
  folder: RunFolder
  note(level: LogLevel, message: string): void
  warn(warnings: readonly string[], problems: Parameters<typeof summariseWarnings>[0]): void
  measure(batch: MetricBatch): void
  end(
    status: 'finished' | 'stopped' | 'interrupted',
    reason: string | undefined,
    result: Omit<RunResult, 'type' | 'runId' | 'dir' | 'status'>,
  ): RunResult
  fail(thrown: unknown, checkpoints: Checkpoints): AppError
}

/** Claims the folder of a new run (a queued one has its folder), or takes a run up where its last checkpoint left it. A refused one stays as it was. */
function openFolder(
  { config, logDir, resume, folder: made }: TrainRequest,
  limit: number,
  restoreFrom: (dir: string) => Restored,
): { folder: RunFolder; restored?: Restored } {
  if (made !== undefined) return { folder: RunFolder.restart(made) }
  if (resume === undefined) return { folder: RunFolder.create(logDir, config.exp_name, config.exp_version) }
  const folder = RunFolder.reopen(resume)
  try {
    const restored = restoreFrom(folder.dir)
    refuseFewerEpochs(restored, config.trainer.max_epochs)
    folder.goOnFrom(epochsLogged(restored.progress.position, restored.steps, limit), restored.steps)
    return { folder, restored }
  } catch (thrown) {
    folder.close()
    throw thrown
  }
}

/** `--max_epochs` is the new total of a run that goes on, not a number to add. */
function refuseFewerEpochs({ progress: { position } }: Restored, max_epochs: number): void {
  const begun = position.epoch + (position.batch > 0 ? 1 : 0)
  if (begun <= max_epochs) return
  throw new AppError('usage', `The run has ${begun} epochs already, and max_epochs is ${max_epochs}`, {
    key: 'trainer.max_epochs',
    fix: `Give the new total, for example --max_epochs ${2 * begun}.`,
  })
}

/** Says in the run's folder what is about to run. */
function openRun({ config, command, cwd, warnings }: TrainRequest, folder: RunFolder, emit: Emit): Run {
  const resolved = { ...config, exp_version: folder.version }
  folder.writeConfig(
    resolved,
    ['val', 'test'].flatMap((split) => SPLIT_METRICS.map((name) => `${split}_${name}`)),
  )
  const earlier = folder.record?.result?.seconds ?? 0
  const id = folder.record?.id ?? randomUUID()
  folder.begin({
    id,
    exp_name: config.exp_name,
    exp_version: folder.version,
    model_name: config.model_name,
    dts_name: config.data.dts_name,
    created: folder.record?.created ?? Date.now(),
    command: folder.record?.command ?? command,
    cwd,
    version: VERSION,
    warnings,
  })
  const noted: string[] = []
  const note = (level: LogLevel, message: string): void => {
    if (level === 'warn') noted.push(message)
    folder.log(level, message)
    emit({ type: 'log', level, message })
  }
  return {
    id,
    folder,
    note,
    warn(own, problems) {
      for (const warning of own) note('warn', warning)
      const { summary, lines } = summariseWarnings(problems)
      if (summary !== undefined) note('warn', summary)
      for (const line of lines) folder.log('warn', line)
    },
    measure(batch) {
      folder.writeMetrics(batch)
      folder.log('info', describe(batch))
      emit({ type: 'metrics', batch })
    },
    end(status, reason, figures) {
      const seconds = earlier + figures.seconds
      const result: RunResult = { type: 'result', runId: id, dir: folder.dir, status, ...figures, seconds }
      folder.log('info', `${status}: ${figures.epochs} epochs, ${figures.steps} steps, ${seconds.toFixed(1)} s`)
      folder.end(status, { reason, result, warnings: noted })
      return result
    },
    fail(thrown, checkpoints) {
      const error = withCheckpoint(AppError.from(thrown), checkpoints, folder)
      // A full disk must not hide why the run failed; its status matters more than the log's last line.
      quietly(() => folder.end('failed', { reason: error.message, warnings: noted }))
      quietly(() => note('error', formatError(error)))
      return error
    },
  }
}

function quietly(act: () => void): void {
  try {
    act()
  } catch {
    // Reported already by what failed before.
  }
}

/** Keeps the best epoch of a run that diverged, and names it. */
function withCheckpoint(error: AppError, checkpoints: Checkpoints, folder: RunFolder): AppError {
  if (error.code !== 'training_diverged') return error
  quietly(() => checkpoints.writeBest())
  const kept = checkpoints.best
    ? `The last good checkpoint is ${folder.path(RUN_FILES.checkpoints, 'best.safetensors')}, of epoch ${checkpoints.best.epoch + 1}`
    : 'No epoch had been completed, so there is no checkpoint'
  return new AppError(error.code, `${error.message}. ${kept}.`, error.details, error.cause)
}

/**
 * Tests the wanted checkpoint on every split that training did not see, with a leak check, and writes the predictions and the
 * evaluation. Undefined when stopped.
 */
async function test(
  { request: { config }, data: { dataset }, execution, evaluator, stop: { signal: stop } }: RunParts,
  { best }: Checkpoints,
  outcome: FitOutcome,
  run: Run,
): Promise<Partial<RunResult> | undefined> {
  const { test_on } = config.trainer
  const tested = test_on === 'best' ? best : undefined
  if (tested) execution.load({ parameters: tested.arrays })
  const checkpoint: SplitEvaluation['checkpoint'] = {
    name: test_on,
    epochs: tested ? tested.epoch + 1 : outcome.position.epoch,
    steps: tested?.steps ?? outcome.steps,
  }
  const figures: Record<string, number> = {}
  let leaks = false
  for (const name of EVALUATED_SPLITS) {
    if (!dataset.splits[name]) continue
    // Lets a stop request arrive: evaluating a large split takes longer than a person waits.
    await new Promise((resolve) => setImmediate(resolve))
    if (stop.aborted) return undefined
    const asked = { split: name, resamples: DEFAULT_RESAMPLES }
    const judged = await evaluator.judge(execution, asked)
    if (!judged) return undefined
    const { margins, leak } = judged
    refuseNonFinite(name, margins, config)
    if (leak.leaks) {
      leaks = true
      const shift = (100 * leak.acc_shift).toFixed(1)
      run.note(
        'warn',
        `This model leaks on ${name}: presented with the rejected answer first, its accuracy moves by ${shift} points ` +
          `and its margins by up to ${(100 * leak.max_difference).toFixed(1)} %. It sees which answer was chosen, so its figures are no result`,
      )
    }
    const evaluated = await evaluator.evaluate({ ...asked, judged, checkpoint, record: run.folder.dir })
    if (!evaluated) return undefined
    if (name !== 'dev') Object.assign(figures, logged(name, stepFigures(margins)))
  }
  if (Object.keys(figures).length === 0) return {}
  run.measure({ epoch: outcome.epochs, step: outcome.steps, time: Date.now(), values: figures })
  return { ...(config.rw_model_name === 'zero_rw' ? figures : withLift(figures)), leaks }
}

/** Test vectors far from the training ones can overflow; a figure that is no number must not pass for a result. */
function refuseNonFinite(split: SplitName, { z }: Evaluation, { trainer }: ExperimentConfig): void {
  const row = z.findIndex((margin) => !Number.isFinite(margin))
  if (row < 0) return
  throw new AppError(
    'training_diverged',
    `The ${trainer.test_on} checkpoint gives ${z[row]} for row ${row} of ${split}`,
    {
      row,
      fix: `Check the vectors of ${split}: they may be on another scale than those of train.`,
    },
  )
}

/** Guessing gives log 2; a best epoch above this has learned nothing but to be sure of the wrong answer. */
const HOPELESS_LOSS = 1

/** A line of run.log: the epoch, as people count it, and its figures. */
function describe({ epoch, values }: MetricBatch): string {
  const figures = Object.entries(values).filter(([name]) => /_(loss|acc)$/.test(name) && !/_(bt|reg)_loss$/.test(name))
  const tested = values['train_loss'] === undefined
  return [
    tested ? 'tested' : `epoch ${epoch + 1}`,
    ...figures.map(([name, value]) => `${name} ${value.toPrecision(4)}`),
  ].join('  ')
}

/** Training and validation times: medians, the first epoch (start-up work) left out where there are more. */
function speed(
  { epochs, steps, trainMs, valMs }: FitOutcome,
  before: number,
): Pick<RunResult, 'epochs' | 'steps' | 'ms_per_epoch' | 'ms_per_validation' | 'steps_per_second'> {
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
    steps_per_second: trained === 0 ? 0 : (1000 * (steps - before)) / trained,
  }
}

import { AppError } from '../../shared/errors'
import type { TrainerConfig } from '../../shared/config/trainer'
import type { Execution, StepFigures } from '../backends/execution'
import type { PairSplit } from '../data/dataset'
import { meanFigures, stepFigures, type Figures } from '../metrics/figures'
import { createSchedule, totalSteps, type Schedule } from './schedule'

/** Everything known when an epoch ends. `val` is absent where nothing validates. */
export interface EpochReport {
  epoch: number
  /** Optimiser steps taken so far. */
  steps: number
  learningRate: number
  train: Figures
  val?: Figures
}

export interface Callback {
  onStep?(step: number): void
  /** Return `'stop'` to end training after this epoch. */
  onEpochEnd?(report: EpochReport): Promise<'stop' | void> | 'stop' | void
}

/** Between two optimiser steps: the epoch, its batches already taken, and their mean figures. */
export interface Position {
  epoch: number
  batch: number
  figures: StepFigures | null
  /** True when this epoch was cut short by max_steps, and has been validated and logged all the same. */
  ended: boolean
}

export const START: Position = { epoch: 0, batch: 0, figures: null, ended: false }

export interface FitOutcome {
  ended: 'max_epochs' | 'max_steps' | 'callback' | 'stopped'
  /** Where a resumed run goes on. */
  position: Position
  /** Epochs begun, and optimiser steps taken, since the run's first start. */
  epochs: number
  steps: number
  /** Of this session, milliseconds each. */
  trainMs: number[]
  valMs: number[]
}

export interface FitOptions {
  execution: Execution
  train: PairSplit
  validation: PairSplit | undefined
  trainer: TrainerConfig
  schedule: Schedule
  callbacks: readonly Callback[]
  stop: AbortSignal
  from: Position
  /** Whether a callback has ended training before: there is nothing left but to say so. */
  done?: boolean
  /** Told where training stands before each epoch's callbacks, so that a checkpoint can be resumed. */
  moved?: (position: Position) => void
}

/** A stop request must be seen within this time, however short the steps are. */
const BREATHE_EVERY_MS = 25

/** Trains until the epochs, the steps, a callback or the person says so. */
export async function fit(options: FitOptions): Promise<FitOutcome> {
  try {
    return await trainEpochs(options)
  } finally {
    options.execution.rest()
  }
}

async function trainEpochs(options: FitOptions): Promise<FitOutcome> {
  const { execution, train, validation, trainer, schedule, callbacks, stop, from } = options
  const perEpoch = Math.ceil(train.pairs / trainer.batch_size)
  const steps = totalSteps(train.pairs, trainer)
  const breathe = breather()
  let taken = from.epoch * perEpoch + from.batch
  const outcome: Omit<FitOutcome, 'ended' | 'position' | 'steps'> = {
    epochs: from.epoch + (from.batch > 0 ? 1 : 0),
    trainMs: [],
    valMs: [],
  }
  const end = (ended: FitOutcome['ended'], position: Position): FitOutcome => ({
    ...outcome,
    ended,
    position,
    steps: taken,
  })

  const stopping = (): boolean => stop.aborted && (execution.behind ?? 0) === 0
  if (options.done === true) return end('callback', from)
  for (let epoch = from.epoch; epoch < trainer.max_epochs; epoch++) {
    // A finished run that is resumed with the same limit has nothing left to do; one stopped at its last step has.
    if (epoch === from.epoch && taken >= steps && isDone(from)) return end('max_steps', from)
    const resumed = epoch === from.epoch ? from : { ...START, epoch }
    const started = performance.now()
    const order = execution.order(epoch)
    outcome.epochs = epoch + 1
    let batch = resumed.batch
    for (; batch < perEpoch && taken < steps && !stopping(); batch++) {
      const rows = order.subarray(batch * trainer.batch_size, (batch + 1) * trainer.batch_size)
      execution.trainStep(rows, schedule.at(taken), epoch)
      taken++
      for (const callback of callbacks) callback.onStep?.(taken)
      await breathe()
    }
    const { learningRate } = schedule.at(Math.max(0, taken - 1))
    const fresh = await execution.drainSteps()
    refuseDivergence(fresh, taken, learningRate)
    const figures = [...(resumed.figures ? [resumed.figures] : []), ...fresh]
    if (stopping()) return end('stopped', { epoch, batch, figures: merge(figures), ended: false })
    outcome.trainMs.push(performance.now() - started)

    const report: EpochReport = { epoch, steps: taken, learningRate, train: meanFigures(figures) }
    if (validation) {
      const validating = performance.now()
      report.val = stepFigures(await execution.evaluate(validation))
      outcome.valMs.push(performance.now() - validating)
      if (!Number.isFinite(report.val.loss)) throw diverged(report.val.loss, taken, learningRate)
      schedule.afterEpoch(report.val.loss)
    }
    const next =
      batch < perEpoch ? { epoch, batch, figures: merge(figures), ended: true } : { ...START, epoch: epoch + 1 }
    options.moved?.(next)
    let wish: 'stop' | void = undefined
    for (const callback of callbacks) wish = (await callback.onEpochEnd?.(report)) ?? wish
    if (wish === 'stop') return end('callback', next)
    if (taken >= steps && epoch + 1 < trainer.max_epochs) return end('max_steps', next)
    await breathe()
  }
  return end('max_epochs', { ...START, epoch: Math.max(from.epoch, trainer.max_epochs) })
}

/** Whether the epoch before this position has been validated and logged. */
function isDone({ batch, ended }: Position): boolean {
  return ended || batch === 0
}

/** Epochs whose figures stand when a run goes on from here: one cut short by max_steps counts if it is not continued. */
export function epochsLogged(from: Position, steps: number, limit: number): number {
  return from.epoch + (from.ended && steps >= limit ? 1 : 0)
}

/** The schedule of a run of that many pairs. */
export function scheduleOf(train: PairSplit, trainer: TrainerConfig): Schedule {
  return createSchedule(trainer, totalSteps(train.pairs, trainer))
}

function merge(figures: readonly StepFigures[]): StepFigures | null {
  if (figures.length === 0) return null
  return { ...meanFigures(figures), rows: figures.reduce((sum, { rows }) => sum + rows, 0) }
}

/** Lets the event loop turn now and then, so that a stop request arrives. */
function breather(): () => Promise<void> | void {
  let last = performance.now()
  return () => {
    if (performance.now() - last < BREATHE_EVERY_MS) return undefined
    return new Promise((resolve) => {
      setImmediate(() => {
        last = performance.now()
        resolve()
      })
    })
  }
}

/** NaN or infinity in the loss: nothing learned after that is worth keeping. */
function refuseDivergence(figures: readonly StepFigures[], taken: number, learningRate: number): void {
  const bad = figures.findIndex(({ loss }) => !Number.isFinite(loss))
  if (bad >= 0) throw diverged(figures[bad]!.loss, taken - figures.length + bad, learningRate)
}

function diverged(loss: number, step: number, learningRate: number): AppError {
  return new AppError(
    'training_diverged',
    `The loss became ${loss} at step ${step} (learning rate ${learningRate.toPrecision(3)})`,
    {
      fix: 'Lower trainer.learning_rate, or set trainer.gradient_clip_val.',
    },
  )
}

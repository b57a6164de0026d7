import { AppError } from '../../shared/errors'
import type { TrainerConfig } from '../../shared/config/trainer'
import type { Execution, StepFigures } from '../backends/execution'
import type { PairSplit } from '../data/dataset'
import { meanFigures, stepFigures, type Figures } from '../metrics/figures'
import { RandomStream, permutation } from './random'
import { createSchedule, totalSteps } from './schedule'

/** Everything known when an epoch ends. `val` is absent where nothing validates, or when the epoch was cut short. */
export interface EpochReport {
  epoch: number
  /** Optimiser steps taken so far. */
  steps: number
  learningRate: number
  train: Figures
  val?: Figures
  trainMs: number
  valMs: number
}

export interface Callback {
  onStep?(step: number): void
  /** Return `'stop'` to end training after this epoch. */
  onEpochEnd?(report: EpochReport): Promise<'stop' | void> | 'stop' | void
}

export interface FitOutcome {
  ended: 'max_epochs' | 'max_steps' | 'callback' | 'stopped'
  epochs: number
  steps: number
  trainMs: number[]
  valMs: number[]
}

/** A stop request must be seen within this time, however short the steps are. */
const BREATHE_EVERY_MS = 25

/** Trains until the epochs, the steps, a callback or the person says so. */
export async function fit(
  execution: Execution,
  train: PairSplit,
  validation: PairSplit | undefined,
  trainer: TrainerConfig,
  callbacks: readonly Callback[],
  stop: AbortSignal,
): Promise<FitOutcome> {
  const steps = totalSteps(train.pairs, trainer)
  const schedule = createSchedule(trainer, steps)
  const breathe = breather()
  const outcome: FitOutcome = { ended: 'max_epochs', epochs: 0, steps: 0, trainMs: [], valMs: [] }

  for (let epoch = 0; epoch < trainer.max_epochs; epoch++) {
    const order = permutation(train.pairs, new RandomStream(trainer.data_seed ?? trainer.seed, 'shuffle', epoch))
    const started = performance.now()
    const figures: StepFigures[] = []
    outcome.epochs = epoch + 1
    for (let from = 0; from < order.length && outcome.steps < steps && !stop.aborted; from += trainer.batch_size) {
      execution.trainStep(order.subarray(from, from + trainer.batch_size), schedule.at(outcome.steps), epoch)
      outcome.steps++
      for (const callback of callbacks) callback.onStep?.(outcome.steps)
      await breathe()
    }
    figures.push(...(await execution.drainSteps()))
    refuseDivergence(figures, outcome.steps, schedule.at(outcome.steps - 1).learningRate)
    if (stop.aborted) return { ...outcome, ended: 'stopped' }
    const trainMs = performance.now() - started
    outcome.trainMs.push(trainMs)

    const report: EpochReport = {
      epoch,
      steps: outcome.steps,
      learningRate: schedule.at(outcome.steps - 1).learningRate,
      train: meanFigures(figures),
      trainMs,
      valMs: 0,
    }
    if (validation) {
      const validating = performance.now()
      report.val = stepFigures(await execution.evaluate(validation))
      report.valMs = performance.now() - validating
      outcome.valMs.push(report.valMs)
      schedule.afterEpoch(report.val.loss)
    }
    let wish: 'stop' | void = undefined
    for (const callback of callbacks) wish = (await callback.onEpochEnd?.(report)) ?? wish
    if (wish === 'stop') return { ...outcome, ended: 'callback' }
    if (outcome.steps >= steps && epoch + 1 < trainer.max_epochs) return { ...outcome, ended: 'max_steps' }
    await breathe()
  }
  return outcome
}

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
function refuseDivergence(figures: readonly StepFigures[], steps: number, learningRate: number): void {
  const bad = figures.findIndex(({ loss }) => !Number.isFinite(loss))
  if (bad < 0) return
  const step = steps - figures.length + bad
  throw new AppError(
    'training_diverged',
    `The loss became ${figures[bad]?.loss} at step ${step} (learning rate ${learningRate.toPrecision(3)})`,
    { fix: 'Lower trainer.learning_rate, or set trainer.gradient_clip_val.' },
  )
}

import type { TrainerConfig } from '../../shared/config/trainer'

/** What a schedule sets before each optimiser step. */
export interface Rates {
  learningRate: number
  /** Adam's first beta: `onecycle` cycles it against the learning rate. */
  beta1: number
}

export interface Schedule {
  /** Rates of the optimiser step with this 0-based index. */
  at(step: number): Rates
  /** Told val_loss after each epoch; only `reduce_on_plateau` listens. */
  afterEpoch(valLoss: number): void
  state(): PlateauState | null
  restore(state: PlateauState): void
}

export interface PlateauState {
  learningRate: number
  /** Lowest val_loss so far; null before the first epoch. */
  best: number | null
  badEpochs: number
}

/** Total optimiser steps T of a run: ceil(N/B)·max_epochs, or max_steps if fewer. */
export function totalSteps(pairs: number, trainer: TrainerConfig): number {
  const steps = Math.ceil(pairs / trainer.batch_size) * trainer.max_epochs
  return Math.min(steps, trainer.max_steps ?? Infinity)
}

export function createSchedule(trainer: TrainerConfig, steps: number): Schedule {
  switch (trainer.scheduler) {
    case 'none':
      return stateless(() => ({ learningRate: trainer.learning_rate, beta1: trainer.betas[0] }))
    case 'cosine':
      return stateless((step) => ({ learningRate: cosine(step, steps, trainer), beta1: trainer.betas[0] }))
    case 'onecycle':
      return stateless((step) => oneCycle(step, steps, trainer.max_lr ?? trainer.learning_rate))
    case 'reduce_on_plateau':
      return plateau(trainer)
  }
}

function stateless(at: (step: number) => Rates): Schedule {
  return { at, afterEpoch() {}, state: () => null, restore() {} }
}

/** Linear warm-up over W steps (the first at 0), then half a cosine from the learning rate to min_lr. */
function cosine(step: number, steps: number, trainer: TrainerConfig): number {
  const warmup = trainer.warmup_steps === -1 ? Math.floor(0.05 * steps) : trainer.warmup_steps
  const lr = trainer.learning_rate
  if (step < warmup) return (lr * step) / warmup
  const m = trainer.min_lr / lr
  const progress = (step - warmup) / Math.max(1, steps - warmup)
  return lr * (m + (1 - m) * 0.5 * (1 + Math.cos(Math.PI * progress)))
}

// torch.optim.lr_scheduler.OneCycleLR's defaults.
const PCT_START = 0.3
const DIV_FACTOR = 25
const FINAL_DIV_FACTOR = 1e4
const BASE_MOMENTUM = 0.85
const MAX_MOMENTUM = 0.95

function oneCycle(step: number, steps: number, maxLr: number): Rates {
  const anneal = (from: number, to: number, part: number): number =>
    to + ((from - to) / 2) * (1 + Math.cos(Math.PI * part))
  const initial = maxLr / DIV_FACTOR
  const final = initial / FINAL_DIV_FACTOR
  const peak = PCT_START * steps - 1
  if (step <= peak) {
    const part = step / peak
    return { learningRate: anneal(initial, maxLr, part), beta1: anneal(MAX_MOMENTUM, BASE_MOMENTUM, part) }
  }
  const part = (step - peak) / (steps - 1 - peak)
  return { learningRate: anneal(maxLr, final, part), beta1: anneal(BASE_MOMENTUM, MAX_MOMENTUM, part) }
}

/** A lower loss must be lower by this share to count as an improvement (torch's ReduceLROnPlateau). */
const PLATEAU_THRESHOLD = 1e-4
/** Reductions smaller than this are left out, and so is a min_lr above the present rate (torch's `eps`). */
const SMALLEST_REDUCTION = 1e-8

function plateau(trainer: TrainerConfig): Schedule {
  let state: PlateauState = { learningRate: trainer.learning_rate, best: null, badEpochs: 0 }
  return {
    at: () => ({ learningRate: state.learningRate, beta1: trainer.betas[0] }),
    afterEpoch(valLoss) {
      if (state.best === null || valLoss < state.best * (1 - PLATEAU_THRESHOLD))
        state = { ...state, best: valLoss, badEpochs: 0 }
      else state.badEpochs++
      if (state.badEpochs > trainer.plateau_patience) {
        const reduced = Math.max(state.learningRate * trainer.plateau_factor, trainer.min_lr)
        if (state.learningRate - reduced > SMALLEST_REDUCTION) state.learningRate = reduced
        state.badEpochs = 0
      }
    },
    state: () => ({ ...state }),
    restore(saved) {
      state = { ...saved }
    },
  }
}

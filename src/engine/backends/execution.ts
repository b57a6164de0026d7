import type { Rates } from '../loop/schedule'
import type { PairSplit } from '../data/dataset'

/** Figures of one optimiser step over its B rows, taken before the update. */
export interface StepFigures {
  rows: number
  loss: number
  bt_loss: number
  reg_loss: number
  acc: number
  acc_r_star: number
  acc_delta: number
  /** The model's own loss terms, by name. */
  terms: Readonly<Record<string, number>>
}

/** What a split's pairs were given, in row order. */
export interface Evaluation {
  /** [pairs] margin z = (r*_w − r*_l) + (δ_w − δ_l). */
  z: Float32Array
  /** [pairs] r*_w − r*_l. */
  rewardMargin: Float32Array
  /** [pairs] δ_w − δ_l. */
  deltaMargin: Float32Array
  reg_loss: number
  terms: Readonly<Record<string, number>>
}

export interface NamedArray {
  name: string
  shape: readonly number[]
  values: Float32Array
}

/** Everything that training goes on from. */
export interface ExecutionState {
  /** Parameters and buffers. */
  parameters: NamedArray[]
  /** `exp_avg/<parameter>` and the like; empty for plain SGD. */
  optimizer: NamedArray[]
  /** Optimiser steps taken. */
  steps: number
}

/** One model being trained on one data set, somewhere: on fused kernels, or on a tfjs backend. */
export interface Execution {
  readonly backend: string
  readonly threads: number
  /** Trainable numbers. */
  readonly parameterCount: number
  /** Whether text vectors are sent to the device batch by batch, as it does not hold their table. */
  readonly streams?: boolean
  /**
   * The order of the training pairs in an epoch: the `shuffle` stream of `trainer.data_seed`. Valid until the epoch after the
   * next is asked for.
   */
  order(epoch: number): Int32Array
  /** Queues one optimiser step on these rows of the training split. */
  trainStep(rows: Int32Array, rates: Rates, epoch: number): void
  /** Steps that another run of the same pass has asked for and this one has not: runs that stop at one step go on in one pass. */
  readonly behind?: number
  /** Figures of every step since the last call; the only place where training waits for results. */
  drainSteps(): Promise<StepFigures[]>
  evaluate(split: PairSplit): Promise<Evaluation>
  /** `evaluate` of splits whose rows judge the same two texts, in either order: a backend may read each text once for all of them. */
  evaluateAlike(splits: readonly PairSplit[]): Promise<Evaluation[]>
  state(): Promise<ExecutionState>
  load(state: Pick<ExecutionState, 'parameters'> & Partial<ExecutionState>): void
  /** What evaluation keeps from training with the present parameters (caimira's centre). */
  frozen(): Promise<NamedArray[]>
  /** No further steps will be asked for: whoever trains together with this one need not wait for it. */
  rest(): void
  dispose(): void
}

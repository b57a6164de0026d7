import type { ParameterSpec } from './model'
import type { Axis, Matrix, Parameter, Tape, TextList } from '../kernels/tape'

/** One batch as a model's fused form sees it, in training or in evaluation. */
export interface FusedInputs {
  training: boolean
  /** The batch's pairs; matrices of pairs have their columns here. */
  pairs: Axis
  /** Positions, one a pair: columns of the per-user tables, and of `answers`. */
  users: number
  chosen: number
  rejected: number
  answers: TextList
  /** Made only for models that ask. */
  prompts: { texts: TextList; rows: number }
  /** [F, pairs], null without features. */
  features: Matrix | null
  /** [1, pairs] where δ(chosen) − δ(rejected) is wanted. */
  margin: Matrix
  parameter(name: string): Parameter
  /** A per-user parameter as the present mode reads it, [K, users]. */
  perUser(name: string): Matrix
  /** Its gradient, likewise. */
  perUserGrad(name: string): Matrix
  /** [length] what evaluation keeps from training, by the name that `freeze` gives it. */
  frozen(name: string, length: number): number
  /** The address of a constant. */
  constant(value: number): number
  /** Inverted dropout in training; in evaluation, and at rate 0, the input itself and no mask. */
  dropout(input: Matrix, rate: number): Dropped
}

export interface Dropped {
  out: Matrix
  mask: Matrix | null
}

/** Records the gradients of all parameters, given that of the margin, [1, pairs]; `g` is zero beyond the last pair. */
export type Backward = (g: Matrix) => void

/**
 * A model's fast form on the CPU: the same function as its reference, recorded once as kernel operations on buffers that are
 * allocated once, with its gradient in closed form. Its parameters are the reference's.
 */
export interface FusedModel {
  readonly parameters: readonly ParameterSpec[]
  /** See {@link Model.batchDependent}. */
  readonly batchDependent: boolean
  /** Parameters that multiply text vectors, [K, D]. */
  readonly textWeights: readonly string[]
  /** λ of |p|₁ and of ‖p‖², by parameter. */
  readonly penalties: Readonly<Record<string, { l1?: number; l2?: number }>>
  /** Whether it reads prompts, and whether it wants text vectors of length 1. */
  readonly prompts: boolean
  readonly normalised: boolean
  /** Evaluation brings all rows of per-user tables to at most this norm. */
  readonly maxUserNorm?: number
  forward(tape: Tape, inputs: FusedInputs): Backward
  /** What evaluation keeps from training, if anything, given a parameter's values and the training split's mean answer [D]. */
  freeze?(value: (name: string) => Float32Array, meanAnswer: () => Float32Array): Record<string, Float32Array> | null
}

/** g ⊙ mask, or g itself where nothing was dropped. */
export function throughDropout(tape: Tape, g: Matrix, { mask }: Dropped): Matrix {
  return mask ? tape.multiply(g, mask) : g
}

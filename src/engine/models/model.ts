import type { Tensor } from '@tensorflow/tfjs-core'

/** What the data decides about a model's shapes. */
export interface Sizes {
  /** Users of the training split. */
  users: number
  /** Width D of the text vectors. */
  width: number
  /** Width F of the user feature vectors, 0 without features. */
  features: number
  /** Words V of the vocabulary, 0 unless bags of words were loaded. */
  vocabulary: number
}

export type Init =
  { kind: 'uniform'; bound: number } | { kind: 'normal'; sd: number } | { kind: 'constant'; value: number }

export interface ParameterSpec {
  /** torch's name of the reference's parameter, so that checkpoints compare one to one. */
  name: string
  shape: readonly number[]
  init: Init
  /** One row per user: evaluation appends the generic user's row, the mean of the trained ones. */
  perUser?: boolean
  /** A running statistic: kept with the checkpoint and set by `forward`, never by the optimiser. */
  buffer?: boolean
}

/** torch's initialisation of a Linear layer: uniform in ±1/sqrt(in), weight and bias alike. */
export const linearInit = (fanIn: number): Init => ({ kind: 'uniform', bound: 1 / Math.sqrt(fanIn) })

/** `<name>.weight` [out, in] and `<name>.bias` [out] of a torch Linear layer. */
export function linearParameters(name: string, out: number, fanIn: number): ParameterSpec[] {
  const init = linearInit(fanIn)
  return [
    { name: `${name}.weight`, shape: [out, fanIn], init },
    { name: `${name}.bias`, shape: [out], init },
  ]
}

/** `<name>.weight`, the gain, starting at 1, and `<name>.bias`, starting at 0, of a torch LayerNorm over K values. */
export function layerNormParameters(name: string, K: number): ParameterSpec[] {
  return [
    { name: `${name}.weight`, shape: [K], init: { kind: 'constant', value: 1 } },
    { name: `${name}.bias`, shape: [K], init: { kind: 'constant', value: 0 } },
  ]
}

export type Tensors = Readonly<Record<string, Tensor>>

/**
 * One batch of B pairs. Texts come as the batch's distinct vectors and rows into them, so that a model projects each
 * text once and gathers after.
 */
export interface ModelInputs {
  /** [B] rows of the per-user tables. */
  users: Tensor
  /** [A, D] distinct answers. */
  answers: Tensor
  /** [B] rows of `answers`. */
  chosen: Tensor
  rejected: Tensor
  /** [P, D] distinct prompts and [B] rows into them; made only when a model asks. */
  prompts: () => { vectors: Tensor; rows: Tensor }
  /** [A, V] word counts of the distinct answers, for models that need a vocabulary; made once, when a model asks. */
  bow: () => Tensor
  /** [B, F], null without features. */
  features: Tensor | null
}

/** Training statistics that evaluation needs instead of the batch's own. */
export interface TrainingStatistics {
  /** [1, D] mean of the training split's answers, chosen and rejected, each occurrence counted. */
  meanAnswer: Tensor
  /** [1, W] mean over the rows, [N, W] each, that a function makes of the training split's batches. */
  mean: (rows: (inputs: ModelInputs) => Tensor) => Tensor
}

/** Training draws its own noise and takes statistics from the batch; evaluation is a pure function of each pair. */
export type Mode =
  | {
      training: true
      /** Inverted dropout: zeroes entries with probability `rate` and scales the others by 1/(1 − rate). */
      dropout: (x: Tensor, rate: number) => Tensor
      /** Standard normal noise of that shape. */
      noise: (shape: readonly number[]) => Tensor
      /** 0-based epoch, and how many there are at most: some losses are annealed. */
      epoch: number
      epochs: number
    }
  | { training: false; frozen: Tensors }

export interface Forward {
  /** δ(u, x, chosen) and δ(u, x, rejected), [B] each. */
  chosen: Tensor
  rejected: Tensor
  /** Scalars added to the loss besides bt_loss and reg_loss, by the name under which they are logged. */
  terms?: Tensors
  /** New values of the buffers; training only. */
  buffers?: Tensors
}

/** [B, K] what an answer makes of each dimension: how much it counts there, and what stands against the user. */
export interface Load {
  load: Tensor
  /** Absent where nothing does. */
  difficulty?: Tensor
}

/** What δ consists of, dimension by dimension: δ(u, x, y) = Σ_k load_k (user_k − difficulty_k). */
export interface Explanation {
  /** [B, K] what the user brings: a skill, a share, a factor. */
  user: Tensor
  chosen: Load
  rejected: Load
}

/**
 * A model written in tfjs ops with autodiff: its specification, and its executable form on every tfjs backend.
 * Functions are pure; they run inside `tf.tidy`. `parameters` holds the buffers too.
 */
export interface Model {
  readonly parameters: readonly ParameterSpec[]
  /** True when evaluating a pair depends on its neighbours in the batch: evaluation then keeps the training batch size. */
  readonly batchDependent: boolean
  /** What evaluation keeps from training, by name; stored with every checkpoint. */
  freeze(parameters: Tensors, statistics: TrainingStatistics): Tensors
  /** Parameters changed before a step uses them, outside the gradient (model2's renormalised rows). */
  beforeStep?(parameters: Tensors, inputs: ModelInputs): Tensors
  /** The same for evaluation, which works on changed copies and leaves the parameters as they are. */
  beforeEvaluation?(parameters: Tensors): Tensors
  forward(parameters: Tensors, inputs: ModelInputs, mode: Mode): Forward
  /**
   * The parts that `forward` adds up to δ in evaluation. Absent where the same reward holds for everybody, and where δ is no such sum: the
   * window then shows predictions without their reasons.
   */
  explain?(parameters: Tensors, inputs: ModelInputs, frozen: Tensors): Explanation
  /** reg_loss of a step. */
  penalty(parameters: Tensors): Tensor
}

/** The parameter of that name; a missing one is a fault of ours, not of the input. */
export function tensor(tensors: Tensors, name: string): Tensor {
  const found = tensors[name]
  if (!found) throw new Error(`there is no tensor "${name}"`)
  return found
}

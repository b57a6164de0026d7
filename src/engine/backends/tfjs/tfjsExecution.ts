import * as tf from '@tensorflow/tfjs-core'
import type { TrainerConfig } from '../../../shared/config/trainer'
import { AppError } from '../../../shared/errors'
import type { BagOfWords, Dataset, EmbeddingTable, PairSplit } from '../../data/dataset'
import { packedFloats, vectorsOf } from '../../data/embeddingTable'
import type { Rates } from '../../loop/schedule'
import type { Sensitivities } from '../../adapt/informativePairs'
import { NewUserRows } from '../../adapt/newUserRows'
import { RandomStream, fillNormal, permutation } from '../../loop/random'
import type {
  Explanation,
  Load,
  Mode,
  Model,
  ModelInputs,
  ParameterSpec,
  Tensors,
  TrainingStatistics,
} from '../../models/model'
import { preferenceLoss } from '../../models/layers'
import { meanAnswer } from '../../data/meanAnswer'
import { initialValues, sizeOf } from '../initialValues'
import type { Evaluation, Execution, ExecutionState, NamedArray, StepFigures } from '../execution'
import { distinctRows } from './distinctRows'
import type { LoadedBackend } from './loadBackend'
import { disposeFigures, keepFigures, readFigures, type MeasuredStep } from './measuredStep'
import { createUpdateRule, type UpdateRule } from './optimizer'

/** Rows evaluated at once by models whose predictions do not depend on their neighbours. */
const EVALUATION_ROWS = 4096
/** Fewer where a model makes [rows, vocabulary] tensors: numbers in one of them. */
const EVALUATION_CELLS = 2 ** 22

/** How long a fit may keep others, and whoever wants it to end, waiting. */
const FIT_PART_MS = 100

/** What δ of some pairs consists of, see `Explanation`. All arrays are [pairs, dimensions], row-major. */
export interface ExplainedPairs {
  dimensions: number
  user: Float32Array
  chosen: ExplainedSide
  rejected: ExplainedSide
}

export interface ExplainedSide {
  load: Float32Array
  difficulty?: Float32Array
}

/** Trains a model's reference form by autodiff on the current tfjs backend. All parameters live in one flat vector. */
export class TfjsExecution implements Execution {
  readonly backend: string
  readonly threads: number
  readonly parameterCount: number

  readonly #model: Model
  readonly #dataset: Dataset
  readonly #trainer: TrainerConfig
  readonly #rule: UpdateRule
  readonly #trainable: readonly ParameterSpec[]
  readonly #buffers: readonly ParameterSpec[]
  readonly #sizes: number[]
  /** Null for tables that stay in main memory. */
  readonly #tables = new Map<EmbeddingTable, tf.Tensor | null>()
  readonly #meanAnswer: tf.Tensor
  readonly #evaluationRows: number
  #flat: tf.Tensor
  #slots: tf.Tensor[]
  #bufferTensors: Record<string, tf.Tensor>
  #steps = 0
  #measured: MeasuredStep[] = []

  constructor(model: Model, dataset: Dataset, trainer: TrainerConfig, backend: LoadedBackend) {
    this.backend = backend.name
    this.threads = backend.threads
    this.#model = model
    this.#dataset = dataset
    this.#trainer = trainer
    this.#rule = createUpdateRule(trainer)
    this.#trainable = model.parameters.filter(({ buffer }) => !buffer)
    this.#buffers = model.parameters.filter(({ buffer }) => buffer)
    this.#sizes = this.#trainable.map(({ shape }) => sizeOf(shape))
    this.parameterCount = this.#sizes.reduce((a, b) => a + b, 0)
    const rows = Math.max(EVALUATION_ROWS, trainer.batch_size)
    const words = dataset.vocabulary?.length ?? 0
    const few = Math.max(1, Math.min(rows, Math.floor(EVALUATION_CELLS / Math.max(words, 1))))
    this.#evaluationRows = model.batchDependent ? trainer.batch_size : few
    this.#meanAnswer = tf.keep(tf.tensor2d(meanAnswer(dataset.splits.train), [1, dataset.width]))
    this.#flat = tf.keep(tf.tensor1d(this.#pack((spec) => initialValues(spec, trainer.seed))))
    this.#slots = this.#rule.slots.map(() => tf.keep(tf.zeros([this.parameterCount])))
    this.#bufferTensors = Object.fromEntries(
      this.#buffers.map((spec) => [spec.name, tf.keep(tf.tensor(initialValues(spec, trainer.seed), [...spec.shape]))]),
    )
  }

  order(epoch: number): Int32Array {
    const seed = this.#trainer.data_seed ?? this.#trainer.seed
    return permutation(this.#dataset.splits.train.pairs, new RandomStream(seed, 'shuffle', epoch))
  }

  trainStep(rows: Int32Array, rates: Rates, epoch: number): void {
    const split = this.#dataset.splits.train
    const rewardMargin = takeRewards(split, rows)
    let measured: MeasuredStep | undefined
    const next = tf.tidy(() => {
      const inputs = this.#inputs(split, rows)
      const start = this.#model.beforeStep ? this.#changed(inputs) : this.#flat
      const reward = tf.tensor1d(rewardMargin)
      let buffers: Tensors = {}
      const { grad } = tf.valueAndGrad((flat) => {
        const parameters = this.#named(flat)
        const forward = this.#model.forward(parameters, inputs, this.#trainingMode(epoch))
        const delta = tf.sub(forward.chosen, forward.rejected)
        const penalty = this.#model.penalty(parameters)
        const terms = forward.terms ?? {}
        measured = keepFigures({ rewardMargin, delta, penalty, terms })
        // Only the loss leaves the tape alive: buffers are copied and kept.
        const made = Object.entries(forward.buffers ?? {})
        buffers = Object.fromEntries(made.map(([name, buffer]) => [name, tf.keep(tf.clone(buffer))]))
        const preference = preferenceLoss(tf.add(delta, reward))
        return tf.addN([preference, penalty, ...Object.values(terms)])
      })(start)
      const updated = this.#rule.apply(start, this.#slots, grad, this.#steps + 1, rates)
      return [...updated, ...this.#buffers.map(({ name }) => buffers[name] ?? tf.clone(this.#bufferTensors[name]!))]
    })
    this.#replace(next)
    this.#steps++
    if (measured) this.#measured.push(measured)
  }

  async drainSteps(): Promise<StepFigures[]> {
    const measured = this.#measured
    this.#measured = []
    return readFigures(measured)
  }

  evaluate(split: PairSplit): Promise<Evaluation> {
    const deltaMargin = new Float32Array(split.pairs)
    const termSums: Record<string, number> = {}
    let reg_loss = 0
    tf.tidy(() => {
      const parameters = this.#evaluated()
      reg_loss = scalar(this.#model.penalty(parameters))
      const frozen = this.#model.freeze(parameters, this.#statistics())
      const general = this.#withGenericUser(parameters)
      this.#forEachBatch(split, (inputs, from, count) => {
        const { chosen, rejected, terms = {} } = this.#model.forward(general, inputs, { training: false, frozen })
        deltaMargin.set(tf.sub(chosen, rejected).dataSync<'float32'>(), from)
        for (const [name, term] of Object.entries(terms)) termSums[name] = (termSums[name] ?? 0) + count * scalar(term)
      })
    })
    const rewardMargin = split.rewardMargin ?? new Float32Array(split.pairs)
    const terms = Object.fromEntries(Object.entries(termSums).map(([name, sum]) => [name, sum / split.pairs]))
    return Promise.resolve({
      z: deltaMargin.map((d, i) => d + rewardMargin[i]!),
      rewardMargin,
      deltaMargin,
      reg_loss,
      terms,
    })
  }

  async evaluateAlike(splits: readonly PairSplit[]): Promise<Evaluation[]> {
    const evaluations: Evaluation[] = []
    for (const split of splits) evaluations.push(await this.evaluate(split))
    return evaluations
  }

  async state(): Promise<ExecutionState> {
    const flat = await this.#flat.data<'float32'>()
    const slots = await Promise.all(this.#slots.map((slot) => slot.data<'float32'>()))
    const buffers = this.#buffers.map(({ name, shape }) => ({
      name,
      shape,
      values: this.#bufferTensors[name]!.dataSync<'float32'>(),
    }))
    return {
      parameters: [...this.#unpack(flat, ''), ...buffers],
      optimizer: slots.flatMap((values, i) => this.#unpack(values, `${this.#rule.slots[i]!}/`)),
      steps: this.#steps,
    }
  }

  load({ parameters, optimizer, steps }: Pick<ExecutionState, 'parameters'> & Partial<ExecutionState>): void {
    const find = (arrays: readonly NamedArray[], name: string, size: number): Float32Array => {
      const found = arrays.find((array) => array.name === name)
      if (found?.values.length !== size) throw new Error(`the state lacks ${name}, or its shape differs`)
      return found.values
    }
    const pack = (arrays: readonly NamedArray[], prefix: string): tf.Tensor =>
      tf.tensor1d(this.#pack(({ name, shape }) => find(arrays, prefix + name, sizeOf(shape))))
    const next = tf.tidy(() => [
      pack(parameters, ''),
      ...this.#rule.slots.map((slot, i) => (optimizer ? pack(optimizer, `${slot}/`) : tf.clone(this.#slots[i]!))),
      ...this.#buffers.map(({ name, shape }) => tf.tensor(find(parameters, name, sizeOf(shape)), [...shape])),
    ])
    this.#replace(next)
    if (steps !== undefined) this.#steps = steps
  }

  frozen(): Promise<NamedArray[]> {
    const frozen = tf.tidy(() => {
      const tensors = this.#model.freeze(this.#evaluated(), this.#statistics())
      return Object.entries(tensors).map(([name, t]) => ({ name, shape: t.shape, values: t.dataSync<'float32'>() }))
    })
    return Promise.resolve(frozen)
  }

  /**
   * Fits own rows for `count` new users, everything else frozen: pair `rows[i]` of the split belongs to user `owners[i]`.
   * The caller disposes of the result.
   *
   * @param onShare is told, and waited for, several times a second: how much of the fit is done, in [0, 1]; what it throws ends the fit
   */
  async fitNewUsers(
    split: PairSplit,
    rows: Int32Array,
    owners: Int32Array,
    count: number,
    onShare: (share: number) => Promise<void> = async () => {},
  ): Promise<NewUserRows> {
    const users = NewUserRows.generic(this.#model, () => this.#evaluated(), this.#dataset.trainedUsers, count)
    try {
      for (let share = rows.length === 0 ? 1 : 0; share < 1; await onShare(share)) {
        // Made anew in each part: no tensor but those of the fit is held while others may use this execution.
        tf.tidy(() => {
          const { parameters, frozen } = this.#trained()
          const inputs = { ...this.#inputs(split, rows), users: tf.tensor1d(owners, 'int32') }
          // Made here: what the first step makes goes with it.
          if (split.bow) inputs.bow()
          const reward = tf.tensor1d(takeRewards(split, rows))
          share = users.fitFor(FIT_PART_MS, (tables) => {
            const forward = this.#model.forward({ ...parameters, ...tables }, inputs, { training: false, frozen })
            return tf.sum(tf.softplus(tf.neg(tf.add(tf.sub(forward.chosen, forward.rejected), reward))))
          })
        })
      }
      return users
    } catch (thrown) {
      users.dispose()
      throw thrown
    }
  }

  /** [rows.length] margins z of pairs judged by new users. */
  marginsOfNewUsers(users: NewUserRows, split: PairSplit, rows: Int32Array, owners: Int32Array): Float32Array {
    const margins = takeRewards(split, rows)
    tf.tidy(() => {
      const { parameters, frozen } = this.#trained()
      const tables = { ...parameters, ...users.tables() }
      for (let from = 0; from < rows.length; from += this.#evaluationRows) {
        const to = Math.min(rows.length, from + this.#evaluationRows)
        const deltas = tf.tidy(() => {
          const inputs = {
            ...this.#inputs(split, rows.slice(from, to)),
            users: tf.tensor1d(owners.slice(from, to), 'int32'),
          }
          const { chosen, rejected } = this.#model.forward(tables, inputs, { training: false, frozen })
          return tf.sub(chosen, rejected).dataSync<'float32'>()
        })
        for (const [i, delta] of deltas.entries()) margins[from + i]! += delta
      }
    })
    return margins
  }

  /** What pairs of new users would tell of them, at their present rows. */
  sensitivities(users: NewUserRows, split: PairSplit, rows: Int32Array, owners: Int32Array): Sensitivities {
    const rewards = takeRewards(split, rows)
    const out: Sensitivities = { width: 0, z: rewards, gradients: new Float32Array(0) }
    tf.tidy(() => {
      const { parameters, frozen } = this.#trained()
      for (let from = 0; from < rows.length; from += this.#evaluationRows) {
        const batch = rows.slice(from, from + this.#evaluationRows)
        tf.tidy(() => {
          // A row a pair: then the gradient of the sum of all margins holds that of each.
          const inputs = { ...this.#inputs(split, batch), users: tf.range(0, batch.length, 1, 'int32') }
          const of = tf.tensor1d(owners.slice(from, from + batch.length), 'int32')
          const { width, z, gradients } = users.sensitivities(of, (tables) => {
            const delta = this.#model.forward({ ...parameters, ...tables }, inputs, { training: false, frozen })
            return tf.sub(delta.chosen, delta.rejected)
          })
          out.width = width
          if (from === 0) out.gradients = new Float32Array(rows.length * width)
          for (const [i, delta] of z.entries()) out.z[from + i]! += delta
          out.gradients.set(gradients, from * width)
        })
      }
    })
    return out
  }

  /** Why the model judges these pairs of a split as `evaluate` does; null where it cannot be told dimension by dimension. */
  explain(split: PairSplit, rows: Int32Array): ExplainedPairs | null {
    const explain = this.#model.explain?.bind(this.#model)
    if (!explain) return null
    let out: ExplainedPairs | undefined
    tf.tidy(() => {
      const parameters = this.#evaluated()
      const frozen = this.#model.freeze(parameters, this.#statistics())
      const general = this.#withGenericUser(parameters)
      for (const { batch, takes } of this.#batchesOf(split, rows))
        tf.tidy(() => {
          const parts = explain(general, this.#inputs(split, batch), frozen)
          out ??= emptyExplanation(parts, rows.length)
          takeExplained(out, parts, takes)
        })
    })
    return out ?? null
  }

  /** Gives back what the backend holds of a table that will not be asked for again. */
  forget(table: EmbeddingTable): void {
    tf.dispose(this.#tables.get(table) ?? [])
    this.#tables.delete(table)
  }

  get streams(): boolean {
    return [...this.#tables.values()].includes(null)
  }

  rest(): void {}

  dispose(): void {
    tf.dispose([this.#flat, ...this.#slots, ...Object.values(this.#bufferTensors), this.#meanAnswer])
    for (const table of this.#tables.values()) tf.dispose(table ?? [])
    this.#tables.clear()
    disposeFigures(this.#measured)
  }

  /** Takes over [parameters, …slots, …buffers] as the state of the next step. */
  #replace(next: tf.Tensor[]): void {
    tf.dispose([this.#flat, ...this.#slots, ...Object.values(this.#bufferTensors)])
    for (const tensor of next) tf.keep(tensor)
    const [flat, ...rest] = next
    this.#flat = flat!
    this.#slots = rest.slice(0, this.#rule.slots.length)
    const buffers = rest.slice(this.#rule.slots.length)
    this.#bufferTensors = Object.fromEntries(this.#buffers.map(({ name }, i) => [name, buffers[i]!]))
  }

  /** Cuts the flat vector into the model's parameters; autodiff through the cut gives one flat gradient back. */
  #named(flat: tf.Tensor): Tensors {
    // tfjs's gradient of a split into one piece is broken.
    const parts = this.#sizes.length === 1 ? [flat] : tf.split(flat, this.#sizes)
    const parameters = this.#trainable.map(({ name, shape }, i) => [name, tf.reshape(parts[i]!, [...shape])])
    return { ...Object.fromEntries(parameters), ...this.#bufferTensors }
  }

  /** The flat vector after the model's own change before a step. */
  #changed(inputs: ModelInputs): tf.Tensor {
    const before = this.#named(this.#flat)
    const changed = { ...before, ...this.#model.beforeStep?.(before, inputs) }
    return tf.concat(this.#trainable.map(({ name }) => tf.reshape(changed[name]!, [-1])))
  }

  /** Hands out a split in batches of evaluation's size, in order, each in its own tidy. */
  #forEachBatch(split: PairSplit, use: (inputs: ModelInputs, from: number, count: number) => void): void {
    for (let from = 0; from < split.pairs; from += this.#evaluationRows) {
      const count = Math.min(this.#evaluationRows, split.pairs - from)
      const rows = Int32Array.from({ length: count }, (_, i) => from + i)
      tf.tidy(() => use(this.#inputs(split, rows), from, count))
    }
  }

  /** Batches in which these rows are explained: alone, or within those that they were evaluated in where that matters. */
  *#batchesOf(split: PairSplit, rows: Int32Array): Iterable<{ batch: Int32Array; takes: Take[] }> {
    const size = this.#evaluationRows
    if (!this.#model.batchDependent) {
      for (let from = 0; from < rows.length; from += size) {
        const batch = rows.slice(from, from + size)
        yield { batch, takes: Array.from(batch, (_, at) => ({ from: at, to: from + at })) }
      }
      return
    }
    const byBatch = Map.groupBy(rows.keys(), (i) => Math.floor(rows[i]! / size))
    for (const [number, places] of byBatch) {
      const first = number * size
      const batch = Int32Array.from({ length: Math.min(size, split.pairs - first) }, (_, i) => first + i)
      yield { batch, takes: places.map((to) => ({ from: rows[to]! - first, to })) }
    }
  }

  #statistics(): TrainingStatistics {
    return {
      meanAnswer: this.#meanAnswer,
      mean: (rows) => {
        let sums = new Float64Array(0)
        let count = 0
        this.#forEachBatch(this.#dataset.splits.train, (inputs) => {
          const part = rows(inputs)
          count += part.shape[0]!
          const added = tf.sum(part, 0).dataSync<'float32'>()
          sums = Float64Array.from(added, (value, i) => value + (sums[i] ?? 0))
        })
        return tf.tensor2d(
          Float32Array.from(sums, (sum) => sum / count),
          [1, sums.length],
        )
      },
    }
  }

  /** The parameters as evaluation uses them, and what it keeps from training. */
  #trained(): { parameters: Tensors; frozen: Tensors } {
    const parameters = this.#evaluated()
    return { parameters, frozen: this.#model.freeze(parameters, this.#statistics()) }
  }

  /** The parameters as evaluation uses them. */
  #evaluated(): Tensors {
    const parameters = this.#named(this.#flat)
    return { ...parameters, ...this.#model.beforeEvaluation?.(parameters) }
  }

  /** Noise of a step is a function of the seed and the step alone, so that a resumed run draws it again. */
  #trainingMode(epoch: number): Mode {
    const stream = new RandomStream(this.#trainer.seed, 'noise', this.#steps)
    return {
      training: true,
      epoch,
      epochs: this.#trainer.max_epochs,
      dropout: (x, rate) => {
        const mask = new Float32Array(x.size)
        for (let i = 0; i < mask.length; i++) mask[i] = stream.uniform() < rate ? 0 : 1 / (1 - rate)
        return tf.mul(x, tf.tensor(mask, x.shape))
      },
      noise: (shape) => {
        const values = new Float32Array(sizeOf(shape))
        fillNormal(values, 1, stream)
        return tf.tensor(values, [...shape])
      },
    }
  }

  /** Appends to each per-user table the mean of its trained rows: the row of users whom training never saw. */
  #withGenericUser(parameters: Tensors): Tensors {
    const trained = this.#dataset.trainedUsers
    return Object.fromEntries(
      this.#model.parameters.map(({ name, perUser }) => {
        const table = parameters[name]!
        if (!perUser) return [name, table]
        const width = table.shape[1]!
        const rows = tf.slice(table, [0, 0], [trained, width])
        return [name, tf.concat([rows, tf.mean(rows, 0, true)], 0)]
      }),
    )
  }

  #inputs(split: PairSplit, rows: Int32Array): ModelInputs {
    const take = (column: Int32Array): Int32Array => rows.map((row) => column[row]!)
    const trained = this.#dataset.trainedUsers
    const answers = this.#texts(split.table, [take(split.chosen), take(split.rejected)])
    const F = this.#dataset.featureColumns.length
    let bow: tf.Tensor | undefined
    return {
      users: tf.tensor1d(
        take(split.users).map((user) => Math.min(user, trained)),
        'int32',
      ),
      answers: answers.vectors,
      chosen: tf.tensor1d(answers.positions[0]!, 'int32'),
      rejected: tf.tensor1d(answers.positions[1]!, 'int32'),
      prompts: () => {
        const { vectors, positions } = this.#texts(split.table, [take(split.prompts)])
        return { vectors, rows: tf.tensor1d(positions[0]!, 'int32') }
      },
      bow: () => (bow ??= denseCounts(split, answers.rows)),
      features: split.features === null ? null : tf.tensor2d(gatherRows(split.features, rows, F), [rows.length, F]),
    }
  }

  /** Vectors of the texts that these columns name, and where among them each stands; `rows` is null where they are the whole table's. */
  #texts(
    table: EmbeddingTable,
    columns: readonly Int32Array[],
  ): { vectors: tf.Tensor; rows: Int32Array | null; positions: Int32Array[] } {
    const held = this.#table(table)
    const { rows, positions } = distinctRows(table.rows, columns, held === null)
    if (held === null) {
      const named = rows ?? new Int32Array()
      return { vectors: tf.tensor2d(vectorsOf(table, named), [named.length, table.width]), rows: named, positions }
    }
    return { vectors: rows === null ? held : tf.gather(held, tf.tensor1d(rows, 'int32')), rows, positions }
  }

  /** The table on the backend, uploaded once; null where it stays in main memory. */
  #table(table: EmbeddingTable): tf.Tensor | null {
    let held = this.#tables.get(table)
    if (held === undefined) {
      held = this.#trainer.table_streaming === 'always' ? null : this.#upload(table)
      this.#tables.set(table, held)
    }
    return held
  }

  /** Null where there is no room for it and that is to be put up with. */
  #upload(table: EmbeddingTable): tf.Tensor | null {
    try {
      return tf.keep(tf.tensor2d(packedFloats(table), [table.rows, table.width]))
    } catch (thrown) {
      if (this.#trainer.table_streaming === 'fallback' && AppError.from(thrown).code === 'out_of_memory') return null
      throw thrown
    }
  }

  /** All trainable parameters, one after the other. */
  #pack(values: (spec: ParameterSpec) => Float32Array): Float32Array {
    const flat = new Float32Array(this.parameterCount)
    let at = 0
    for (const spec of this.#trainable) {
      const part = values(spec)
      flat.set(part, at)
      at += part.length
    }
    return flat
  }

  #unpack(flat: Float32Array, prefix: string): NamedArray[] {
    let at = 0
    return this.#trainable.map(({ name, shape }, i) => {
      const values = flat.slice(at, at + this.#sizes[i]!)
      at += values.length
      return { name: prefix + name, shape, values }
    })
  }
}

/** Row `from` of a batch becomes row `to` of what is asked for. */
interface Take {
  from: number
  to: number
}

function emptyExplanation({ user, chosen, rejected }: Explanation, rows: number): ExplainedPairs {
  const dimensions = user.shape[1]!
  const made = (): Float32Array => new Float32Array(rows * dimensions)
  const side = ({ difficulty }: Load): ExplainedSide => ({ load: made(), ...(difficulty && { difficulty: made() }) })
  return { dimensions, user: made(), chosen: side(chosen), rejected: side(rejected) }
}

function takeExplained(out: ExplainedPairs, parts: Explanation, takes: readonly Take[]): void {
  const K = out.dimensions
  const copy = (into: Float32Array | undefined, from: tf.Tensor | undefined): void => {
    const values = from?.dataSync<'float32'>()
    if (!values || !into) return
    for (const take of takes) into.set(values.subarray(take.from * K, (take.from + 1) * K), take.to * K)
  }
  copy(out.user, parts.user)
  for (const side of ['chosen', 'rejected'] as const) {
    copy(out[side].load, parts[side].load)
    copy(out[side].difficulty, parts[side].difficulty)
  }
}

const scalar = (tensor: tf.Tensor): number => tensor.dataSync<'float32'>()[0]!

function takeRewards({ rewardMargin }: PairSplit, rows: Int32Array): Float32Array {
  return rewardMargin ? Float32Array.from(rows, (row) => rewardMargin[row]!) : new Float32Array(rows.length)
}

/** [rows, V] word counts of these texts of a split, all of them for null. */
function denseCounts({ name, bow }: PairSplit, rows: Int32Array | null): tf.Tensor {
  if (!bow) throw new Error(`the bag of words of ${name} was not loaded`)
  const count = rows?.length ?? bow.rows
  const dense = new Float32Array(count * bow.words)
  for (let i = 0; i < count; i++) addRow(bow, rows ? rows[i]! : i, dense.subarray(i * bow.words, (i + 1) * bow.words))
  return tf.tensor2d(dense, [count, bow.words])
}

function addRow({ offsets, indices, counts }: BagOfWords, row: number, into: Float32Array): void {
  for (let at = offsets[row]!; at < offsets[row + 1]!; at++) into[indices[at]!]! += counts[at]!
}

function gatherRows(values: Float32Array, rows: Int32Array, width: number): Float32Array {
  const out = new Float32Array(rows.length * width)
  for (const [i, row] of rows.entries()) out.set(values.subarray(row * width, (row + 1) * width), i * width)
  return out
}

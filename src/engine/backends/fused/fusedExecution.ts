import type { TrainerConfig } from '../../../shared/config/trainer'
import type { Dataset, PairSplit } from '../../data/dataset'
import { all, compile, own, Program, real } from '../../kernels/program'
import { Tape, flatShare, type Axis, type Matrix } from '../../kernels/tape'
import { RandomStream } from '../../loop/random'
import type { Rates } from '../../loop/schedule'
import type { FusedInputs, FusedModel } from '../../models/fused'
import type { Evaluation, Execution, ExecutionState, NamedArray, StepFigures } from '../execution'
import { initialValues, sizeOf } from '../initialValues'
import { FLAT_BLOCK, FlatParameters, roundUp } from './flatParameters'
import type { BatchBuffers } from './fusedData'
import type { FusedGroup, Member, QueuedStep } from './fusedGroup'

/** Pairs evaluated at once by models whose predictions do not depend on their neighbours. */
const EVALUATION_PAIRS = 4096
/** Steps whose figures are kept in the heap before they are fetched. */
const FIGURES_KEPT = 256
const FIGURES_NUMBERS = 6
/** Numbers of a step's rates, see assembly/update.ts. */
const RATES = 10
const RULES = { Adam: 0, AdamW: 0, SGD: 1, RMSprop: 2 } as const
const MEMORY = {
  Adam: ['exp_avg', 'exp_avg_sq'],
  AdamW: ['exp_avg', 'exp_avg_sq'],
  SGD: [],
  RMSprop: ['square_avg'],
} as const

/** Everything that evaluates a chunk of a split. */
interface Evaluator {
  batch: BatchBuffers
  margin: Matrix
  /** 0, 1, 2, …: descriptions say where a chunk starts. */
  rows: number
  /** Address of the program. */
  program: number
}

/** One run on the fused kernels: a member of a group that may hold others. */
export class FusedExecution implements Execution, Member {
  readonly backend = 'fused'
  readonly threads: number
  readonly parameterCount: number
  readonly program: Program
  readonly queue: QueuedStep[] = []

  readonly #group: FusedGroup
  readonly #dataset: Dataset
  readonly #trainer: TrainerConfig
  readonly #model: FusedModel
  readonly #flat: FlatParameters
  readonly #users: Axis
  /** Views of the heap are made once: making them takes longer than filling them. */
  readonly #rates: Float32Array
  readonly #step: Int32Array
  readonly #figures: number
  readonly #figuresCell: Int32Array
  readonly #frozen = new Map<string, number>()
  readonly #waiting: (() => void)[] = []
  #evaluation: Evaluator | undefined
  #steps = 0
  /** Figures in the heap that have not been fetched. */
  #kept = 0
  #fetched: StepFigures[] = []

  constructor(group: FusedGroup, model: FusedModel, trainer: TrainerConfig) {
    const { machine, data } = group
    const { heap } = machine
    const trainable = model.parameters.filter(({ buffer }) => !buffer)
    const rows = Math.max(data.dataset.trainedUsers, ...trainable.map((p) => (p.perUser ? p.shape[0]! : 0)))
    this.threads = machine.threads
    this.parameterCount = trainable.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
    this.#group = group
    this.#dataset = data.dataset
    this.#trainer = trainer
    this.#model = model
    // One column more than there are users: the generic user's.
    this.#users = {
      name: 'users',
      n: heap.place(Int32Array.of(rows)),
      block: FLAT_BLOCK,
      stride: roundUp(rows + 1, 16) + 16,
    }
    this.#flat = new FlatParameters(heap, trainable, model, this.#users)
    this.#flat.write(this.#flat.values, (spec) => initialValues(spec, trainer.seed))
    this.#rates = heap.floats(heap.allocate(RATES * 4), RATES)
    this.#step = heap.words(heap.allocate(8), 2)
    this.#figures = heap.allocate(FIGURES_KEPT * FIGURES_NUMBERS * 8)
    this.#figuresCell = heap.words(heap.allocate(4), 1)
    this.program = this.#recordStep()
    group.join(this)
  }

  order(epoch: number): Int32Array {
    return this.#group.order(this.#trainer.data_seed ?? this.#trainer.seed, epoch)
  }

  trainStep(rows: Int32Array, rates: Rates): void {
    this.queue.push({ rows, rates: this.#rateNumbers(rates, this.#steps + this.queue.length + 1) })
    this.#group.pump()
  }

  get asked(): number {
    return this.#steps + this.queue.length
  }

  get behind(): number {
    return Math.max(0, this.#group.farthest - this.asked)
  }

  rest(): void {
    this.#group.leave(this)
  }

  prepare({ rates }: QueuedStep): void {
    if (this.#kept === FIGURES_KEPT) this.#fetch()
    this.#rates.set(rates)
    this.#step[0] = (this.#steps % 2 ** 32) | 0
    this.#step[1] = Math.floor(this.#steps / 2 ** 32)
    this.#figuresCell[0] = this.#figures + this.#kept * FIGURES_NUMBERS * 8
  }

  taken(): void {
    this.#steps++
    this.#kept++
    if (this.queue.length === 0) for (const resolve of this.#waiting.splice(0)) resolve()
  }

  async drainSteps(): Promise<StepFigures[]> {
    if (this.queue.length > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#fetch()
    const drained = this.#fetched
    this.#fetched = []
    return drained
  }

  evaluate(split: PairSplit): Promise<Evaluation> {
    return Promise.resolve(this.#evaluate([split])[0]!)
  }

  evaluateAlike(splits: readonly PairSplit[]): Promise<Evaluation[]> {
    // Whose predictions depend on their neighbours must not get others.
    const { batchDependent } = this.#model
    return Promise.resolve(batchDependent ? splits.flatMap((split) => this.#evaluate([split])) : this.#evaluate(splits))
  }

  /** Pairs of the same texts stand in the same chunk, of which each text is read once. */
  #evaluate(splits: readonly PairSplit[]): Evaluation[] {
    const { machine, data } = this.#group
    this.#evaluation ??= this.#recordEvaluation()
    const { batch, margin, rows, program } = this.#evaluation
    for (const { name, values } of this.#freeze())
      machine.heap.floats(this.#frozenAt(name, values.length), values.length).set(values)
    const pairs = splits[0]?.pairs ?? 0
    const block = Math.floor(batch.capacity / splits.length)
    const description = data.describeAlike(splits, block)
    const deltas = splits.map(() => new Float32Array(pairs))
    for (let from = 0; from < pairs; from += block) {
      const count = Math.min(block, pairs - from)
      data.select(batch, data.from(description, from * splits.length), rows, count * splits.length)
      machine.run(program)
      for (const [i, delta] of deltas.entries()) delta.set(machine.heap.floats(margin.at + i * count * 4, count), from)
    }
    const reg_loss = this.#flat.penalty(this.#model.penalties)
    return splits.map((split, i) => {
      const deltaMargin = deltas[i]!
      const rewardMargin = split.rewardMargin ?? new Float32Array(pairs)
      const z = new Float32Array(pairs)
      for (let row = 0; row < pairs; row++) z[row] = deltaMargin[row]! + rewardMargin[row]!
      return { z, rewardMargin, deltaMargin, reg_loss, terms: {} }
    })
  }

  state(): Promise<ExecutionState> {
    const { values, memory } = this.#flat
    return Promise.resolve({
      parameters: this.#flat.read(values),
      optimizer: MEMORY[this.#trainer.optimizer].flatMap((name, i) => this.#flat.read(memory[i]!, `${name}/`)),
      steps: this.#steps,
    })
  }

  load({ parameters, optimizer, steps }: Pick<ExecutionState, 'parameters'> & Partial<ExecutionState>): void {
    const find = (arrays: readonly NamedArray[], name: string, size: number): Float32Array => {
      const found = arrays.find((array) => array.name === name)
      if (found?.values.length !== size) throw new Error(`the state lacks ${name}, or its shape differs`)
      return found.values
    }
    const { values, memory } = this.#flat
    this.#flat.write(values, ({ name, shape }) => find(parameters, name, sizeOf(shape)))
    if (optimizer)
      for (const [i, slot] of MEMORY[this.#trainer.optimizer].entries())
        this.#flat.write(memory[i]!, ({ name, shape }) => find(optimizer, `${slot}/${name}`, sizeOf(shape)))
    if (steps !== undefined) this.#steps = steps
  }

  frozen(): Promise<NamedArray[]> {
    return Promise.resolve(this.#freeze())
  }

  dispose(): void {
    this.rest()
  }

  #freeze(): NamedArray[] {
    const kept = this.#model.freeze?.(
      (name) => this.#flat.valuesOf(name),
      () => this.#group.meanAnswer,
    )
    return Object.entries(kept ?? {}).map(([name, values]) => ({ name, shape: [values.length], values }))
  }

  #frozenAt(name: string, length: number): number {
    const at = this.#frozen.get(name) ?? this.#group.machine.heap.allocate(length * 4)
    this.#frozen.set(name, at)
    return at
  }

  /** The operations of a training step, from the margin to the figures. */
  #recordStep(): Program {
    const { machine, batch } = this.#group
    const { heap } = machine
    const { pairs, reward } = batch
    const tape = this.#tape()
    const inputs = this.#inputs(tape, batch, true)
    const backward = this.#model.forward(tape, inputs)
    const g = tape.matrix(1, pairs)
    const sums = heap.allocate(roundUp(batch.capacity, 16) * 2)
    tape.preference(inputs.margin, reward, g, sums)
    backward(g)

    const { values, gradient, memory, length, l1, l2, buffers } = this.#flat
    const blocks = length / FLAT_BLOCK
    const penalties = heap.allocate(blocks * 8)
    const squares = heap.allocate(blocks * 8)
    const share = flatShare(length)
    const limit = this.#trainer.gradient_clip_val ?? 0
    const vectors = [values, gradient, length, l1, l2, penalties, squares]
    if (limit > 0)
      tape.program.add({
        name: 'penalise',
        share,
        words: vectors,
        reads: [...buffers.values.map(all), ...buffers.gradients.map(own)],
        writes: [...buffers.gradients.map(own), own(penalties), own(squares)],
      })
    if (limit > 0) tape.program.barrier()
    tape.program.add({
      name: 'update',
      share,
      words: [...vectors, ...memory, this.#rates.byteOffset, RULES[this.#trainer.optimizer], real(limit)],
      reads: [...buffers.gradients.map(own), all(squares)],
      writes: [...buffers.values.map(all), own(penalties)],
    })
    tape.program.add({
      name: 'figures',
      share: 'one',
      alone: true,
      words: [this.#figuresCell.byteOffset, sums, pairs.n, penalties, length],
      reads: [all(sums), all(penalties)],
      writes: [],
    })
    return tape.program
  }

  #recordEvaluation(): Evaluator {
    const { machine, data, batch: training } = this.#group
    const size = this.#model.batchDependent ? this.#trainer.batch_size : Math.max(EVALUATION_PAIRS, training.capacity)
    const batch = data.batch(size, training.prompts !== null)
    const first = new Program()
    first.add(data.batchOperation(batch))
    const tape = this.#tape()
    const inputs = this.#inputs(tape, batch, false)
    this.#model.forward(tape, inputs)
    return {
      batch,
      margin: inputs.margin,
      rows: machine.heap.place(Int32Array.from({ length: size }, (_, i) => i)),
      program: compile(machine, first, [tape.program]),
    }
  }

  #tape(): Tape {
    const { machine, data } = this.#group
    const { gradient, length } = this.#flat
    return new Tape(machine.heap, data.constants, data.form, { gradient, length })
  }

  #inputs(tape: Tape, batch: BatchBuffers, training: boolean): FusedInputs {
    const { machine, data } = this.#group
    const { pairs, users, chosen, rejected, answers, prompts, features } = batch
    const { key0, key1 } = new RandomStream(this.#trainer.seed, 'noise')
    const generic = new Map<string, Matrix>()
    let before = 0
    return {
      training,
      pairs,
      users,
      chosen,
      rejected,
      answers,
      get prompts() {
        if (!prompts) throw new Error('the model did not ask for prompts')
        return prompts
      },
      features,
      margin: tape.matrix(1, pairs),
      parameter: (name) => this.#flat.parameter(name),
      perUser: (name) => {
        const table = this.#flat.perUser(name, 'values')
        if (training) return table
        let copy = generic.get(name)
        if (!copy) {
          const trained = this.#dataset.trainedUsers
          copy = tape.withGenericUser(table, trained)
          const { maxUserNorm } = this.#model
          if (maxUserNorm !== undefined) {
            tape.renormalise(copy, trained, maxUserNorm)
            copy = tape.withGenericUser(copy, trained)
          }
          generic.set(name, copy)
        }
        return copy
      },
      perUserGrad: (name) => this.#flat.perUser(name, 'gradient'),
      frozen: (name, length) => this.#frozenAt(name, length),
      constant: (value) => data.constant(value),
      dropout: (input, rate) => {
        if (!training || rate === 0) return { out: input, mask: null }
        const noise = { before, key0, key1, step: this.#step.byteOffset, threads: machine.threads }
        before += input.rows
        return tape.dropout(input, rate, noise)
      },
    }
  }

  #rateNumbers({ learningRate, beta1 }: Rates, step: number): Float32Array {
    const { betas, eps, weight_decay } = this.#trainer
    const [, beta2] = betas
    return Float32Array.of(
      // torch corrects with the current beta1 even where onecycle moves it.
      learningRate / (1 - beta1 ** step),
      beta1,
      beta2,
      1 - beta1,
      1 - beta2,
      1 / Math.sqrt(1 - beta2 ** step),
      eps,
      1 - learningRate * weight_decay,
      learningRate,
      weight_decay,
    )
  }

  #fetch(): void {
    const kept = this.#group.machine.heap.doubles(this.#figures, this.#kept * FIGURES_NUMBERS)
    for (let i = 0; i < kept.length; i += FIGURES_NUMBERS) {
      const [rows, bt_loss, reg_loss, acc, acc_r_star, acc_delta] = kept.subarray(i, i + FIGURES_NUMBERS)
      this.#fetched.push({
        rows: rows!,
        loss: bt_loss! + reg_loss!,
        bt_loss: bt_loss!,
        reg_loss: reg_loss!,
        acc: acc!,
        acc_r_star: acc_r_star!,
        acc_delta: acc_delta!,
        terms: {},
      })
    }
    this.#kept = 0
  }
}

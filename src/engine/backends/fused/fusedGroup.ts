import type { Dataset } from '../../data/dataset'
import { meanAnswer } from '../../data/meanAnswer'
import { Program, ProgramSpace, compile } from '../../kernels/program'
import type { Machine } from '../../kernels/machine'
import { RandomStream } from '../../loop/random'
import { FusedData, type BatchBuffers } from './fusedData'

/** A run that trains in a group's passes. */
export interface Member {
  /** Its operations of a training step. */
  readonly program: Program
  /** Steps asked for and not yet taken. */
  readonly queue: QueuedStep[]
  /** Steps taken and asked for, those of earlier sessions among them. */
  readonly asked: number
  /** Sets what the coming step needs of it: rates, where figures go. */
  prepare(step: QueuedStep): void
  /** Told after each of its steps. */
  taken(): void
}

export interface QueuedStep {
  rows: Int32Array
  rates: Float32Array
}

/**
 * Runs on the same data and batches, trained in one pass: a batch is looked up once and its texts are read once for all
 * of them. A step is taken when every run that still trains has asked for it; each run has its own parameters, optimiser and
 * figures, and they are to the bit those it would have alone.
 */
export class FusedGroup {
  readonly machine: Machine
  readonly data: FusedData
  readonly batch: BatchBuffers
  /** What a pass does before the runs' own operations. */
  readonly first = new Program()
  readonly #description: Int32Array
  readonly #scratch: number
  readonly #orders = new Map<string, Int32Array>()
  #members: Member[] = []
  #meanAnswer: Float32Array | undefined
  /** Each change of members makes another program, in the place of the last. */
  readonly #space: ProgramSpace
  #compiled: { key: readonly Member[]; address: number } | undefined

  constructor(
    machine: Machine,
    dataset: Dataset,
    { batchSize, prompts, normalised }: { batchSize: number; prompts: boolean; normalised: boolean },
  ) {
    this.machine = machine
    this.#space = new ProgramSpace(machine.heap)
    this.data = new FusedData(machine, dataset, normalised)
    const { train } = dataset.splits
    this.batch = this.data.batch(Math.min(batchSize, train.pairs), prompts)
    this.first.add(this.data.batchOperation(this.batch))
    this.#description = this.data.describe(train)
    this.#scratch = machine.heap.allocate(4096)
  }

  /** Of the training pairs; read once for all runs. */
  get meanAnswer(): Float32Array {
    return (this.#meanAnswer ??= meanAnswer(this.data.dataset.splits.train))
  }

  /** Steps that the member farthest ahead has taken and asked for. */
  get farthest(): number {
    return Math.max(0, ...this.#members.map(({ asked }) => asked))
  }

  join(member: Member): void {
    this.#members.push(member)
  }

  /** The others no longer wait for this one. */
  leave(member: Member): void {
    if (!this.#members.includes(member)) return
    this.#members = this.#members.filter((other) => other !== member)
    this.pump()
  }

  /** Takes the steps that all have asked for. */
  pump(): void {
    while (this.#members.length > 0 && this.#members.every(({ queue }) => queue.length > 0)) {
      const steps = this.#members.map((member) => {
        const step = member.queue.shift()!
        member.prepare(step)
        return step
      })
      const [{ rows }] = steps as [QueuedStep, ...QueuedStep[]]
      if (steps.some((step) => !sameRows(step.rows, rows)))
        throw new Error('runs of one pass must train on the same batches')
      this.runOn(rows, this.#program())
      for (const member of this.#members) member.taken()
    }
  }

  /** Runs a program on a batch. */
  runOn(rows: Int32Array, program: number): void {
    const { heap } = this.machine
    let address = rows.byteOffset
    if (!heap.holds(rows)) {
      address = this.batch.rows
      heap.words(address, rows.length).set(rows)
    }
    this.data.select(this.batch, this.#description, address, rows.length)
    this.machine.run(program)
  }

  #program(): number {
    if (this.#compiled?.key !== this.#members) {
      const programs = this.#members.map(({ program }) => program)
      this.#compiled = { key: this.#members, address: compile(this.machine, this.first, programs, this.#space) }
    }
    return this.#compiled.address
  }

  /** The shuffled order of the training pairs in an epoch, drawn as `permutation` draws it. */
  order(dataSeed: number, epoch: number): Int32Array {
    const key = `${dataSeed} ${epoch}`
    const known = this.#orders.get(key)
    if (known) return known
    const n = this.data.dataset.splits.train.pairs
    const { heap, functions } = this.machine
    // Two epochs at most are alive: runs of a group are at most one apart.
    const spare = this.#orders.size < 2 ? heap.words(heap.allocate(n * 4), n) : this.#orders.values().next().value!
    if (this.#orders.size >= 2) this.#orders.delete(this.#orders.keys().next().value!)
    const { key0, key1 } = new RandomStream(dataSeed, 'shuffle', epoch)
    functions.permute(spare.byteOffset, n, key0, key1, epoch, 0, this.#scratch)
    this.#orders.set(key, spare)
    return spare
  }
}

function sameRows(a: Int32Array, b: Int32Array): boolean {
  if (a.byteOffset === b.byteOffset && a.length === b.length && a.buffer === b.buffer) return true
  return a.length === b.length && a.every((row, i) => row === b[i])
}

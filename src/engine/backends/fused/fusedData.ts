import type { Dataset, EmbeddingTable, PairSplit } from '../../data/dataset'
import { DTYPE_BYTES, readRow, rowOf, type AllocateTable } from '../../data/embeddingTable'
import type { Heap } from '../../kernels/heap'
import type { Machine } from '../../kernels/machine'
import { all, type Operation } from '../../kernels/program'
import { SCRATCH_BYTES, type Axis, type Constants, type TableForm, type TextList } from '../../kernels/tape'
import { WIDTH_BLOCK, roundUp } from './flatParameters'

/** Room for kernels that read or write vectors beyond the last pair or text. */
const SPARE = 32
/** Matrix rows are a cache line longer than a power of two would be, so that they do not share cache sets. */
const SKEW = 16
/** Pairs in a thread's block, and texts: see assembly/share.ts. */
const PAIR_BLOCK = 16
const TEXT_BLOCK = 12
/** Words of a split's description and of a text list; see `batch` in assembly/pairs.ts. */
const SPLIT_WORDS = 9
/** Texts of larger tables are met again when they have left every cache. */
const MOST_CACHED_BYTES = 32 << 20

/** A data set where kernels can read it: tables in place where they were read into the heap, columns copied. */
export class FusedData {
  readonly heap: Heap
  readonly dataset: Dataset
  readonly form: TableForm
  readonly constants: Constants
  readonly #normalised: boolean
  readonly #tables = new Map<EmbeddingTable, { address: number; scales: number }>()
  readonly #splits = new WeakMap<PairSplit, Int32Array>()
  /** By the first of them. */
  readonly #alike = new WeakMap<PairSplit, { splits: readonly PairSplit[]; block: number; words: Int32Array }>()
  readonly #stamps: number
  readonly #stamp: number
  /** Rows of the largest table. */
  readonly #rows: number

  /** @param normalised whether vectors count as if their length were 1 */
  constructor(machine: Machine, dataset: Dataset, normalised: boolean) {
    const { heap } = machine
    const tables = Object.values(dataset.splits).map(({ table }) => table)
    this.heap = heap
    this.dataset = dataset
    this.#normalised = normalised
    this.#rows = Math.max(...tables.map(({ rows }) => rows))
    this.form = {
      stride: roundUp(dataset.width, WIDTH_BLOCK),
      half: tables.some(({ dtype }) => dtype === 'float16'),
      far: tables.some(({ values }) => values.byteLength > MOST_CACHED_BYTES),
      scratch: heap.allocate(machine.threads * SCRATCH_BYTES),
    }
    this.constants = { zero: this.constant(0), one: this.constant(1) }
    this.#stamps = heap.allocate(this.#rows * 8)
    this.#stamp = heap.allocate(4)
  }

  constant(value: number): number {
    return this.heap.place(Float32Array.of(value))
  }

  /** The description of a split. */
  describe(split: PairSplit): Int32Array {
    let words = this.#splits.get(split)
    if (!words) this.#splits.set(split, (words = this.#place([split], split.pairs)))
    return words
  }

  /** One description of splits of equal length: `block` rows of the first, as many of the second, …, the next of the first, ….  */
  describeAlike(splits: readonly PairSplit[], block: number): Int32Array {
    const [first] = splits as [PairSplit, ...PairSplit[]]
    if (splits.length === 1) return this.describe(first)
    const known = this.#alike.get(first)
    if (
      known?.block === block &&
      known.splits.length === splits.length &&
      splits.every((split, i) => split === known.splits[i])
    )
      return known.words
    const words = this.#place(splits, block)
    this.#alike.set(first, { splits, block, words })
    return words
  }

  /** A description from one of its rows on. */
  from(words: Int32Array, row: number): Int32Array {
    const F = this.dataset.featureColumns.length
    return words.map((word, i) => (word === 0 || i > 5 ? word : word + row * 4 * (i === 5 ? F : 1)))
  }

  #place(splits: readonly PairSplit[], block: number): Int32Array {
    const { heap } = this
    const [{ pairs, table, rewardMargin, features }] = splits as [PairSplit, ...PairSplit[]]
    const column = (of: (split: PairSplit) => Int32Array | Float32Array, width = 1): number => {
      const length = splits.length * pairs * width
      const address = heap.allocate(length * 4)
      const all = of(splits[0]!) instanceof Int32Array ? heap.words(address, length) : heap.floats(address, length)
      let at = 0
      for (let row = 0; row < pairs; row += block)
        for (const split of splits) {
          const part = of(split).subarray(row * width, Math.min(pairs, row + block) * width)
          all.set(part, at)
          at += part.length
        }
      return address
    }
    const { address, scales } = this.#table(table)
    return Int32Array.of(
      column(({ users }) => users),
      column(({ chosen }) => chosen),
      column(({ rejected }) => rejected),
      column(({ prompts }) => prompts),
      rewardMargin ? column((split) => split.rewardMargin!) : 0,
      features ? column((split) => split.features!, this.dataset.featureColumns.length) : 0,
      address,
      this.form.stride * DTYPE_BYTES[table.dtype],
      scales,
    )
  }

  #table(table: EmbeddingTable): { address: number; scales: number } {
    let placed = this.#tables.get(table)
    if (!placed) {
      const inPlace = this.heap.holds(table.values) && table.stride === this.form.stride
      const address = inPlace ? table.values.byteOffset : this.#copy(table)
      placed = { address, scales: this.#normalised ? this.#scales(table) : 0 }
      this.#tables.set(table, placed)
    }
    return placed
  }

  /** A table that was read elsewhere. */
  #copy(table: EmbeddingTable): number {
    const { rows, dtype } = table
    const memory = tableIn(this.heap)(rows, table.width, dtype)
    for (let row = 0; row < rows; row++) memory.values.set(rowOf(table, row), row * memory.stride)
    return memory.values.byteOffset
  }

  /** 1 / max(‖x‖, 1e-12) of every row, in float64. */
  #scales(table: EmbeddingTable): number {
    const scratch = new Float32Array(table.width)
    const scales = Float32Array.from({ length: table.rows }, (_, row) => {
      let sum = 0
      for (const value of readRow(table, row, scratch)) sum += value ** 2
      return 1 / Math.max(Math.sqrt(sum), 1e-12)
    })
    return this.heap.place(scales)
  }

  /** Buffers for batches of up to `pairs` pairs. */
  batch(pairs: number, prompts: boolean): BatchBuffers {
    const { heap, dataset } = this
    const words = (n: number): number => heap.allocate((n + SPARE) * 4)
    const F = dataset.featureColumns.length
    const axis: Axis = {
      name: 'pairs',
      n: words(1),
      block: PAIR_BLOCK,
      stride: roundUp(pairs, PAIR_BLOCK) + SKEW,
    }
    const features = F === 0 ? null : heap.allocate(F * axis.stride * 4)
    const [split, splitCell, rowsCell] = [words(SPLIT_WORDS), words(1), words(1)]
    return {
      capacity: pairs,
      pairs: axis,
      split,
      splitCell,
      rowsCell,
      cells: {
        split: heap.words(split, SPLIT_WORDS),
        splitCell: heap.words(splitCell, 1),
        rowsCell: heap.words(rowsCell, 1),
        n: heap.words(axis.n, 1),
      },
      rows: words(pairs),
      users: words(pairs),
      chosen: words(pairs),
      rejected: words(pairs),
      reward: words(pairs),
      features: features === null ? null : { at: features, buffer: features, rows: F, axis },
      answers: this.#texts('answers', Math.min(2 * pairs, this.#rows)),
      prompts: prompts ? { texts: this.#texts('prompts', Math.min(pairs, this.#rows)), rows: words(pairs) } : null,
    }
  }

  #texts(name: string, most: number): TextList {
    const words = (): number => this.heap.allocate((most + SPARE) * 4)
    return {
      axis: { name, n: this.heap.allocate(4), block: TEXT_BLOCK, stride: roundUp(most, PAIR_BLOCK) + SKEW },
      vectors: words(),
      chosenUses: words(),
      rejectedUses: words(),
      uses: words(),
      scales: this.#normalised ? words() : 0,
    }
  }

  /** The operation that fills a batch's buffers from the rows and the split that its cells name. */
  batchOperation(batch: BatchBuffers): Operation {
    const list = ({ axis, vectors, chosenUses, rejectedUses, uses, scales }: TextList): number =>
      this.heap.place(Int32Array.of(axis.n, vectors, chosenUses, rejectedUses, uses, scales))
    const { splitCell, rowsCell, pairs, users, chosen, rejected, reward, features, answers, prompts } = batch
    return {
      name: 'batch',
      share: 'one',
      alone: true,
      words: [
        ...[splitCell, rowsCell, pairs.n, users, chosen, rejected, reward],
        ...[features?.at ?? 0, features?.rows ?? 0, pairs.stride, this.dataset.trainedUsers],
        ...[list(answers), prompts ? list(prompts.texts) : 0, this.#stamps, this.#stamp, prompts?.rows ?? 0],
      ],
      reads: [],
      writes: [users, chosen, rejected, reward, answers.vectors].map(all),
    }
  }

  /** Points a batch at rows of a split. */
  select(batch: BatchBuffers, description: Int32Array, rows: number, count: number): void {
    const { split, splitCell, rowsCell, n } = batch.cells
    split.set(description)
    splitCell[0] = batch.split
    rowsCell[0] = rows
    n[0] = count
  }
}

/** What a step reads of its batch. */
export interface BatchBuffers {
  /** Most pairs. */
  capacity: number
  pairs: Axis
  split: number
  splitCell: number
  rowsCell: number
  /** Views of what changes from step to step. */
  cells: Record<'split' | 'splitCell' | 'rowsCell' | 'n', Int32Array>
  /** Room for the batch's row numbers, for those that stand elsewhere. */
  rows: number
  users: number
  chosen: number
  rejected: number
  reward: number
  features: { at: number; buffer: number; rows: number; axis: Axis } | null
  answers: TextList
  prompts: { texts: TextList; rows: number } | null
}

/** Memory for an embedding file in a heap, as kernels read it: rows padded to whole cache lines. */
export function tableIn(heap: Heap): AllocateTable {
  return (rows, width, dtype) => {
    const stride = roundUp(width, WIDTH_BLOCK)
    const address = heap.allocate(rows * stride * DTYPE_BYTES[dtype])
    return dtype === 'float16'
      ? { dtype, values: heap.halves(address, rows * stride), stride }
      : { dtype, values: heap.floats(address, rows * stride), stride }
  }
}

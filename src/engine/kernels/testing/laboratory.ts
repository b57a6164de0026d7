import { Machine, type KernelBuild } from '../machine'
import { compile, Program } from '../program'
import { SCRATCH_BYTES, Tape, type Axis, type Matrix, type Parameter, type TableForm, type TextList } from '../tape'
import { RandomStream } from '../../loop/random'
import { CANARY, GuardedHeap } from './guardedHeap'

/** Half the distance from 1 to the next float32: the largest relative error of one rounding. */
export const ROUNDING = 2 ** -24
/** Below this float32 has no full precision, and exp4 stops at e^−87.3 = 1.04 · 2⁻¹²⁶. */
const SMALLEST = 2 ** -125

export const BUILDS: readonly KernelBuild[] = ['relaxed', 'plain']
/** Five divide a part's width as well. */
const THREADS = [1, 2, 5]

/** Numbers in rows and columns, as a test hands them over and reads them back. */
export type Grid = readonly Float32Array[]
type Values = Grid | Float32Array | Float64Array | Int32Array
export type Results = Record<string, Values>

export const roundUp = (n: number, multiple: number): number => Math.ceil(n / multiple) * multiple

/** N(0, 1)-like numbers times `size`; equal names give equal numbers. */
export function numbers(name: string, length: number, size: number | ((i: number) => number) = 1): Float32Array {
  const stream = new RandomStream(1, name)
  return Float32Array.from({ length }, (_, i) => {
    const x = stream.uniform() + stream.uniform() + stream.uniform() - 1.5
    return 2 * x * (typeof size === 'number' ? size : size(i))
  })
}

export const grid = (name: string, rows: number, columns: number, size?: number | ((i: number) => number)): Grid =>
  Array.from({ length: rows }, (_, row) => numbers(`${name} ${row}`, columns, size))

/** Large, tiny, zero and negative columns among ordinary ones. */
export const SIZES = (column: number): number => [1, 1e3, 1e-6, 0, -1, 30, 1e-3][column % 7]!

/** One machine with a heap, and what tests put there. */
export class Laboratory {
  readonly machine: Machine
  readonly heap: GuardedHeap

  constructor(machine: Machine, heap: GuardedHeap) {
    this.machine = machine
    this.heap = heap
  }

  tape(form: Partial<TableForm> = {}): Tape {
    const constants = { zero: this.place(Float32Array.of(0)), one: this.place(Float32Array.of(1)) }
    const scratch = form.scratch ?? this.#scratch()
    return new Tape(this.heap, constants, { stride: 16, half: false, far: false, ...form, scratch })
  }

  #scratch(): number {
    return this.heap.allocate(this.machine.threads * SCRATCH_BYTES)
  }

  place(values: Float32Array | Int32Array | Uint16Array): number {
    return this.heap.place(values)
  }

  /** A cell that holds a count. */
  cell(n: number): number {
    return this.place(Int32Array.of(n))
  }

  /** @param most columns that there is room for */
  axis(n: number, { block = 16, most = n, name = 'pairs' } = {}): Axis {
    return { name, n: this.cell(n), block, stride: roundUp(most, 16) + 16 }
  }

  /** Beyond its columns stands NaN, or zeros up to a multiple of 4: what kernels must not rely on, and what they may. */
  matrix(values: Grid, axis: Axis, zeros = 0): Matrix {
    const at = this.heap.allocate(values.length * axis.stride * 4)
    const matrix = { at, buffer: at, rows: values.length, axis }
    this.spoil(matrix)
    for (const [row, numbers] of values.entries()) {
      const view = this.heap.floats(at + row * axis.stride * 4, axis.stride)
      view.set(numbers)
      if (zeros > 0) view.fill(0, numbers.length, roundUp(numbers.length, zeros))
    }
    return matrix
  }

  /** Fills a result with canaries, so that whatever is not written shows. */
  spoil<M extends Matrix>(matrix: M): M {
    this.heap.words(matrix.at, matrix.rows * matrix.axis.stride).fill(CANARY)
    return matrix
  }

  spoilVector(at: number, length: number): number {
    this.heap.words(at, length).fill(CANARY)
    return at
  }

  /** A weight and its gradient, rows padded with zeros to `stride`; the gradient starts as canaries. */
  parameter(values: Grid, stride = values[0]!.length): Parameter {
    const rows = values.length
    const padded = new Float32Array(rows * stride)
    for (const [row, numbers] of values.entries()) padded.set(numbers, row * stride)
    const grad = this.spoilVector(this.heap.allocate(padded.byteLength), padded.length)
    return { at: this.place(padded), grad, rows, columns: values[0]!.length, stride }
  }

  /** Texts of a table; the last one is repeated, as `batch` does for blocks that read on. */
  texts(
    vectors: Grid,
    width: number,
    form: { half?: boolean; far?: boolean; scales?: Float32Array } = {},
  ): { texts: TextList; form: TableForm } {
    const { half = false, far = false, scales } = form
    const n = vectors.length
    const stride = roundUp(width, 16)
    const addresses = vectors.map((vector) => {
      const row = new Float32Array(stride)
      row.set(vector)
      return half ? this.place(Uint16Array.from(row, toHalf)) : this.place(row)
    })
    const list = new Int32Array(n + 32).fill(CANARY)
    if (n > 0) for (let i = 0; i < n + 16; i++) list[i] = addresses[Math.min(i, n - 1)]!
    const spare = new Float32Array(n + 32)
    if (scales) spare.set(scales)
    return {
      texts: {
        axis: this.axis(n, { block: 12, name: 'answers' }),
        vectors: this.place(list),
        chosenUses: 0,
        rejectedUses: 0,
        uses: 0,
        scales: scales ? this.place(spare) : 0,
      },
      form: { stride, half, far, scratch: this.#scratch() },
    }
  }

  run(...programs: (Tape | Program)[]): void {
    const list = programs.map((one) => (one instanceof Tape ? one.program : one))
    this.machine.run(compile(this.machine, new Program(), list))
  }

  /**
   * A result's columns; whatever stands beyond them, and beyond what a kernel's vectors run on to, must not have been written.
   *
   * @param runsOn columns come in groups of so many
   */
  read({ at, rows, axis: { stride } }: Matrix, columns: number, runsOn = 4): Grid {
    return Array.from({ length: rows }, (_, row) => {
      const from = at + row * stride * 4
      const rest = this.heap.words(from, stride).subarray(Math.min(stride, roundUp(columns, runsOn)))
      if (rest.some((word) => word !== CANARY)) throw new Error(`row ${row} was written beyond its spare columns`)
      return this.heap.floats(from, columns).slice()
    })
  }

  gradient({ grad, rows, columns, stride }: Parameter): Grid {
    return Array.from({ length: rows }, (_, row) => {
      const view = this.heap.floats(grad + row * stride * 4, stride)
      if (view.subarray(columns).some((value) => value !== 0)) throw new Error(`row ${row}'s padding is no longer zero`)
      return view.slice(0, columns)
    })
  }

  vector(at: number, length: number): Float32Array {
    return this.heap.floats(at, length).slice()
  }
}

const started: Laboratory[] = []

/** Machines of both builds with 1, 2 and 3 threads, for a test file's `beforeAll`. */
export async function openLaboratories(): Promise<void> {
  for (const build of BUILDS)
    for (const threads of THREADS) {
      const heap = new GuardedHeap()
      started.push(new Laboratory(await Machine.start(heap, threads, build), heap))
    }
}

export function closeLaboratories(): void {
  for (const { machine } of started.splice(0)) machine.close()
}

/**
 * Does the same on every machine, and returns the results of each build. Threads must not change a bit of them, and nothing
 * may be written around any buffer.
 */
export function everywhere<R extends Results>(experiment: (laboratory: Laboratory) => R): R[] {
  return BUILDS.map((build) => {
    const results = started
      .filter(({ machine }) => machine.build === build)
      .map((laboratory) => {
        const { heap, machine } = laboratory
        heap.forget()
        const result = experiment(laboratory)
        if (heap.broken() > 0) throw new Error(`${heap.broken()} words beside a buffer were written (${build})`)
        return { result, threads: machine.threads }
      })
    const [first, ...others] = results.map(({ result }) => result) as [R, ...R[]]
    for (const [i, other] of others.entries())
      for (const name of Object.keys(first))
        if (!sameBits(first[name]!, other[name]!))
          throw new Error(
            `"${name}" depends on the number of threads: 1 and ${results[i + 1]!.threads} differ (${build})`,
          )
    return first
  })
}

const bytesOf = (values: Values): Buffer =>
  Buffer.concat(
    ('buffer' in values ? [values] : values).map(({ buffer, byteOffset, byteLength }) =>
      Buffer.from(buffer, byteOffset, byteLength),
    ),
  )
const sameBits = (a: Values, b: Values): boolean => bytesOf(a).equals(bytesOf(b))

/** What an entry should be, and how much rounding may add: `terms` roundings of numbers whose magnitudes add up to `size`. */
export interface Exact {
  value: number
  terms: number
  size: number
}

/**
 * The largest error of any entry as a share of what it may be: ≤ 1 is right. The bound is the classical one, roundings ×
 * 2⁻²⁴ × Σ|terms| (Higham, "Accuracy and stability of numerical algorithms", 3.1), which no sum of correct products exceeds.
 */
export function worst(actual: Grid, exact: (row: number, column: number) => Exact): number {
  let most = 0
  for (const [row, numbers] of actual.entries())
    for (const [column, number] of numbers.entries()) {
      const { value, terms, size } = exact(row, column)
      if (Number.isNaN(value) && Number.isNaN(number)) continue
      const share = number === value ? 0 : Math.abs(number - value) / (terms * ROUNDING * size + SMALLEST)
      most = share > most ? share : Number.isNaN(share) ? Infinity : most
    }
  return most
}

/** Σ of products with Σ of their magnitudes, for {@link worst}. */
export class Sum {
  value = 0
  size = 0
  add(term: number): this {
    this.value += term
    this.size += Math.abs(term)
    return this
  }
}

export function sumOf(length: number, term: (i: number) => number): Sum {
  const sum = new Sum()
  for (let i = 0; i < length; i++) sum.add(term(i))
  return sum
}

/** The nearest IEEE 754 half of a number, by its definition: 11 significant bits, or multiples of 2⁻²⁴ below 2⁻¹⁴. */
export function toHalf(value: number): number {
  const magnitude = Math.abs(value)
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  if (magnitude < 2 ** -14) return sign | Math.round(magnitude * 2 ** 24)
  const exponent = Math.floor(Math.log2(magnitude))
  return sign | (((exponent + 15) << 10) + Math.round((magnitude / 2 ** exponent - 1) * 1024))
}

export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15))
}

import type { Heap } from '../../kernels/heap'
import type { Axis, Matrix, Parameter } from '../../kernels/tape'
import type { FusedModel } from '../../models/fused'
import type { ParameterSpec } from '../../models/model'
import type { NamedArray } from '../execution'
import { sizeOf } from '../initialValues'

/** Parameters start at whole blocks of so many numbers; see assembly/update.ts. */
export const FLAT_BLOCK = 256
/** Text vectors and the weights that multiply them are padded with zeros to whole cache lines, in numbers. */
export const WIDTH_BLOCK = 16

export const roundUp = (n: number, multiple: number): number => Math.ceil(n / multiple) * multiple

/** Where a parameter's values stand in the flat vectors, and how: as in its array, rows padded, or turned about. */
interface Place {
  spec: ParameterSpec
  /** In numbers, from the start of the flat vector. */
  offset: number
  rows: number
  columns: number
  stride: number
  /** Per-user tables stand as [K, users], so that four users' values of one dimension are one vector. */
  turned: boolean
}

/**
 * A run's parameters, gradients and optimiser memory: four vectors of one layout. Between parameters, and at the ends of
 * padded rows, they are zero and stay zero.
 */
export class FlatParameters {
  readonly length: number
  readonly values: number
  readonly gradient: number
  readonly memory: readonly [number, number]
  /** λ1 and λ2 of each block. */
  readonly l1: number
  readonly l2: number
  readonly #heap: Heap
  readonly #places: readonly Place[]
  readonly #users: Axis

  constructor(heap: Heap, specs: readonly ParameterSpec[], model: FusedModel, users: Axis) {
    let offset = 0
    this.#places = specs.map((spec) => {
      const place = { spec, offset, ...formOf(spec, model, users) }
      offset += roundUp(place.rows * place.stride, FLAT_BLOCK)
      return place
    })
    this.#heap = heap
    this.#users = users
    this.length = offset
    const vector = (): number => heap.allocate(offset * 4)
    this.values = vector()
    this.gradient = vector()
    this.memory = [vector(), vector()]
    const blocks = offset / FLAT_BLOCK
    this.l1 = heap.allocate(blocks * 4)
    this.l2 = heap.allocate(blocks * 4)
    for (const { spec, offset: from, rows, stride } of this.#places) {
      const { l1 = 0, l2 = 0 } = model.penalties[spec.name] ?? {}
      const [first, count] = [from / FLAT_BLOCK, Math.ceil((rows * stride) / FLAT_BLOCK)]
      heap.floats(this.l1, blocks).fill(l1, first, first + count)
      heap.floats(this.l2, blocks).fill(l2, first, first + count)
    }
  }

  parameter(name: string): Parameter {
    const { offset, rows, columns, stride } = this.#place(name)
    return { at: this.values + offset * 4, grad: this.gradient + offset * 4, rows, columns, stride }
  }

  /** A per-user parameter, or its gradient, as [K, users]. */
  perUser(name: string, which: 'values' | 'gradient'): Matrix {
    const { offset, rows } = this.#place(name)
    const at = this[which] + offset * 4
    return { at, buffer: at, rows, axis: this.#users }
  }

  /** The addresses of all parameters and all gradients. */
  get buffers(): { values: number[]; gradients: number[] } {
    return {
      values: this.#places.map(({ offset }) => this.values + offset * 4),
      gradients: this.#places.map(({ offset }) => this.gradient + offset * 4),
    }
  }

  /** The arrays of one of the vectors, in the reference's shapes. */
  read(vector: number, prefix = ''): NamedArray[] {
    return this.#places.map((place) => this.#array(vector, place, prefix))
  }

  /** One parameter's values, in the reference's shape. */
  valuesOf(name: string): Float32Array {
    return this.#array(this.values, this.#place(name)).values
  }

  /** Σ λ1 |p| + λ2 p², added up in the order of the arrays. */
  penalty(penalties: FusedModel['penalties']): number {
    let sum = 0
    for (const place of this.#places) {
      const { spec, rows, columns, stride, turned } = place
      const { l1 = 0, l2 = 0 } = penalties[spec.name] ?? {}
      if (l1 === 0 && l2 === 0) continue
      const values = this.#view(this.values, place)
      const [outer, inner, apart, along] = turned ? [columns, rows, 1, stride] : [rows, columns, stride, 1]
      for (let from = 0; from < outer * apart; from += apart)
        for (let at = from; at < from + inner * along; at += along) {
          const value = values[at]!
          sum += l1 * Math.abs(value) + l2 * value * value
        }
    }
    return sum
  }

  #array(vector: number, place: Place, prefix = ''): NamedArray {
    const { spec, rows, columns, stride, turned } = place
    const from = this.#view(vector, place)
    if (!turned && stride === columns) return { name: prefix + spec.name, shape: spec.shape, values: from.slice() }
    const values = new Float32Array(rows * columns)
    for (let row = 0; row < rows; row++)
      if (turned)
        for (let column = 0; column < columns; column++) values[column * rows + row] = from[row * stride + column]!
      else values.set(from.subarray(row * stride, row * stride + columns), row * columns)
    return { name: prefix + spec.name, shape: spec.shape, values }
  }

  /** @param array gives a parameter's values in the reference's shape */
  write(vector: number, array: (spec: ParameterSpec) => Float32Array): void {
    for (const place of this.#places) {
      const { spec, rows, columns, stride, turned } = place
      const values = array(spec)
      const to = this.#view(vector, place)
      for (let row = 0; row < rows; row++)
        if (turned)
          for (let column = 0; column < columns; column++) to[row * stride + column] = values[column * rows + row]!
        else to.set(values.subarray(row * columns, (row + 1) * columns), row * stride)
    }
  }

  #view(vector: number, { offset, rows, stride }: Place): Float32Array {
    return this.#heap.floats(vector + offset * 4, rows * stride)
  }

  #place(name: string): Place {
    const place = this.#places.find(({ spec }) => spec.name === name)
    if (!place) throw new Error(`there is no parameter "${name}"`)
    return place
  }
}

function formOf(spec: ParameterSpec, model: FusedModel, users: Axis): Omit<Place, 'spec' | 'offset'> {
  const size = sizeOf(spec.shape)
  const rows = spec.shape.length < 2 ? 1 : spec.shape[0]!
  const columns = size / rows
  if (spec.perUser) return { rows: columns, columns: rows, stride: users.stride, turned: true }
  const stride = model.textWeights.includes(spec.name) ? roundUp(columns, WIDTH_BLOCK) : columns
  return { rows, columns, stride, turned: false }
}

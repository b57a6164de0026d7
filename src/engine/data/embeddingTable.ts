import type { TableDtype } from '../../shared/config/trainer'
import type { EmbeddingTable, TableMemory } from './dataset'

/** Gives zeroed or used memory, at least `rows * stride` elements, that an embedding file is read into. */
export type AllocateTable = (rows: number, width: number, dtype: TableDtype) => TableMemory

export const DTYPE_BYTES = { float32: 4, float16: 2 } as const satisfies Record<TableDtype, number>

/** Ordinary memory without padding. It can be shared with a worker thread, so that none has to copy it. */
export const allocateTable: AllocateTable = (rows, width, dtype) => {
  const memory = new SharedArrayBuffer(rows * width * DTYPE_BYTES[dtype])
  return dtype === 'float16'
    ? { dtype, values: new Uint16Array(memory), stride: width }
    : { dtype, values: new Float32Array(memory), stride: width }
}

/** [width] the elements of a row where they lie: numbers, or the bits of halves. */
export function rowOf({ values, width, stride }: EmbeddingTable, row: number): Float32Array | Uint16Array {
  return values.subarray(row * stride, row * stride + width)
}

/**
 * [width] the numbers of a row: where they lie for float32, else decoded into `scratch`.
 *
 * @param scratch [width]
 */
export function readRow(table: EmbeddingTable, row: number, scratch: Float32Array): Float32Array {
  const elements = rowOf(table, row)
  return elements instanceof Float32Array ? elements : decodeHalves(elements, scratch)
}

/** [rows, width] the numbers without padding: the table's own memory where it is like that already, else a copy. */
export function packedFloats(table: EmbeddingTable): Float32Array {
  const { rows, width, stride } = table
  if (table.dtype === 'float32' && stride === width) return table.values.subarray(0, rows * width)
  if (table.dtype === 'float16' && stride === width)
    return decodeHalves(table.values.subarray(0, rows * width), new Float32Array(rows * width))
  return vectorsOf(
    table,
    Int32Array.from({ length: rows }, (_, row) => row),
  )
}

/** [rows, width] vectors of some rows, copied. */
export function vectorsOf(table: EmbeddingTable, rows: Int32Array): Float32Array {
  const { width } = table
  const vectors = new Float32Array(rows.length * width)
  for (const [i, row] of rows.entries()) {
    const into = vectors.subarray(i * width, (i + 1) * width)
    const from = rowOf(table, row)
    if (from instanceof Float32Array) into.set(from)
    else decodeHalves(from, into)
  }
  return vectors
}

let halfTable: Float32Array | null = null

/**
 * IEEE 754 halves → float32, exact. A table of all 65,536 of them is faster than bit work per value.
 *
 * @param into as long as `halves`
 */
export function decodeHalves(halves: Uint16Array, into: Float32Array): Float32Array {
  const values = (halfTable ??= makeHalfTable())
  for (let i = 0; i < halves.length; i++) into[i] = values[halves[i]!]!
  return into
}

function makeHalfTable(): Float32Array {
  const bits = new Uint32Array(65536)
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16
    const exponent = (half >>> 10) & 0x1f
    const fraction = half & 0x3ff
    if (exponent === 0x1f) bits[half] = sign | 0x7f800000 | (fraction << 13)
    else if (exponent > 0) bits[half] = sign | ((exponent + 112) << 23) | (fraction << 13)
    else if (fraction === 0) bits[half] = sign
    else {
      // Subnormal halves are normal floats: shift the leading bit into the implicit place.
      const shift = Math.clz32(fraction) - 21
      bits[half] = sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)
    }
  }
  return new Float32Array(bits.buffer)
}

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
  const packed = new Float32Array(rows * width)
  if (table.dtype === 'float16' && stride === width) return decodeHalves(table.values.subarray(0, rows * width), packed)
  for (let row = 0; row < rows; row++) {
    const into = packed.subarray(row * width, (row + 1) * width)
    const from = rowOf(table, row)
    if (from instanceof Float32Array) into.set(from)
    else decodeHalves(from, into)
  }
  return packed
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

/** Exponent bits of a half all set: infinite or NaN. */
export const HALF_NOT_FINITE = 0x7c00

/**
 * Rounds to the nearest half, ties to even. A finite value beyond ±65,504 that rounds away becomes infinite; NaN stays
 * NaN. float64 is rounded once: by way of float32 some values would end on the wrong side of a tie.
 *
 * @param into as long as `values`
 */
export function encodeHalves(values: Float32Array | Float64Array, into: Uint16Array): Uint16Array {
  if (values instanceof Float32Array) encodeSingles(values, into)
  else encodeDoubles(values, into)
  return into
}

function encodeSingles(values: Float32Array, into: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < words.length; i++) {
    const bits = words[i]!
    const sign = (bits >>> 16) & 0x8000
    const exponent = ((bits >>> 23) & 0xff) - 127
    if (exponent === 128) into[i] = sign | (bits & 0x7fffff ? 0x7e00 : HALF_NOT_FINITE)
    else into[i] = sign | roundToHalf(exponent, (bits & 0x7fffff) | 0x800000, 0)
  }
}

function encodeDoubles(values: Float64Array, into: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2)
  for (let i = 0; i < values.length; i++) {
    const low = words[2 * i]!
    const high = words[2 * i + 1]!
    const sign = (high >>> 16) & 0x8000
    const exponent = ((high >>> 20) & 0x7ff) - 1023
    if (exponent === 1024) into[i] = sign | ((high & 0xfffff) | low ? 0x7e00 : HALF_NOT_FINITE)
    else into[i] = sign | roundToHalf(exponent, (((high & 0xfffff) | 0x100000) << 3) | (low >>> 29), low & 0x1fffffff)
  }
}

/**
 * Bits of the half nearest to a positive number.
 *
 * @param significand 24 bits, the leading one included
 * @param rest not zero when the number is a little more than these bits say
 */
function roundToHalf(exponent: number, significand: number, rest: number): number {
  if (exponent > 15) return HALF_NOT_FINITE
  // Below half of the smallest half, 2^-24, everything is zero. Zero itself has the smallest exponent of its format.
  if (exponent < -25) return 0
  // A half keeps 11 bits of the significand, fewer the further it lies below its smallest normal number, 2^-14.
  const normal = exponent >= -14
  const dropped = normal ? 13 : -1 - exponent
  const kept = significand >>> dropped
  const remainder = significand & ((1 << dropped) - 1)
  const tie = 1 << (dropped - 1)
  const up = remainder > tie || (remainder === tie && (rest !== 0 || (kept & 1) === 1)) ? 1 : 0
  // The leading bit is implicit: it adds one to the exponent. A carry out of the fraction does so too, rightly.
  return (normal ? (exponent + 14) << 10 : 0) + kept + up
}

/**
 * Thrift's compact protocol as Parquet uses it, read so that no input can make it loop, recurse or allocate beyond what
 * its own bytes pay for: every value takes bytes, and a list holds no more values than bytes are left.
 */

/** A Parquet file that contradicts itself or its limits; the message says how. */
export class ParquetFault extends Error {}

export type ThriftValue = number | bigint | boolean | Uint8Array | readonly ThriftValue[] | ThriftStruct
export type ThriftStruct = ReadonlyMap<number, ThriftValue>

export interface Cursor {
  readonly bytes: Uint8Array
  offset: number
}

const STOP = 0
const TRUE = 1
const FALSE = 2
const BYTE = 3
const I16 = 4
const I32 = 5
const I64 = 6
const DOUBLE = 7
const BINARY = 8
const LIST = 9
const STRUCT = 12

/** Parquet's own structures nest eight deep. */
const MAX_DEPTH = 32

/** @param budget values that may be read in all @throws ParquetFault */
export function readStruct(cursor: Cursor, budget: { values: number }, depth = 0): ThriftStruct {
  if (depth > MAX_DEPTH) throw new ParquetFault('its structures are nested too deeply')
  const fields = new Map<number, ThriftValue>()
  for (let id = 0; ;) {
    const head = byte(cursor)
    const type = head & 0x0f
    if (type === STOP) return fields
    id = head >> 4 ? id + (head >> 4) : zigzag(varint(cursor))
    fields.set(id, readValue(cursor, type, budget, depth))
  }
}

function readValue(cursor: Cursor, type: number, budget: { values: number }, depth: number): ThriftValue {
  if (--budget.values < 0) throw new ParquetFault('it holds more values than any real file')
  switch (type) {
    case TRUE:
    case FALSE:
      return type === TRUE
    case BYTE:
      return byte(cursor)
    case I16:
    case I32:
      return zigzag(varint(cursor))
    case I64:
      return zigzag64(varint64(cursor))
    case DOUBLE:
      take(cursor, 8)
      return 0
    case BINARY:
      return take(cursor, varint(cursor))
    case LIST:
      return readList(cursor, budget, depth)
    case STRUCT:
      return readStruct(cursor, budget, depth + 1)
    default:
      throw new ParquetFault(`it has a value of the unknown type ${type}`)
  }
}

function readList(cursor: Cursor, budget: { values: number }, depth: number): ThriftValue[] {
  const head = byte(cursor)
  const type = head & 0x0f
  const length = head >> 4 === 15 ? varint(cursor) : head >> 4
  if (length > cursor.bytes.length - cursor.offset) throw new ParquetFault(`a list claims ${length} values`)
  const isBoolean = type === TRUE || type === FALSE
  // Not `new Array(length)`: a few nested claims would be gigabytes before the first value is missed.
  const values: ThriftValue[] = []
  for (let i = 0; i < length; i++) values.push(readValue(cursor, isBoolean ? BYTE : type, budget, depth + 1))
  return values
}

function byte(cursor: Cursor): number {
  const value = cursor.bytes[cursor.offset++]
  if (value === undefined) throw new ParquetFault('a structure goes on beyond its end')
  return value
}

export function take(cursor: Cursor, length: number): Uint8Array {
  const { bytes, offset } = cursor
  if (length > bytes.length - offset) throw new ParquetFault('a structure goes on beyond its end')
  cursor.offset += length
  return bytes.subarray(offset, offset + length)
}

/** An unsigned number of at most 32 bits. Longer ones are refused: decoders disagree on what is left of them. */
export function varint(cursor: Cursor): number {
  let value = 0
  for (let shift = 0; shift < 35; shift += 7) {
    const next = byte(cursor)
    value += (next & 0x7f) * 2 ** shift
    if (next < 0x80) {
      if (value > 0xffff_ffff) break
      return value
    }
  }
  throw new ParquetFault('a number has more than 32 bits')
}

export function varint64(cursor: Cursor): bigint {
  let value = 0n
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const next = byte(cursor)
    value |= BigInt(next & 0x7f) << shift
    if (next < 0x80) return value
  }
  throw new ParquetFault('a number has more than 64 bits')
}

const zigzag = (value: number): number => (value >>> 1) ^ -(value & 1)
export const zigzag64 = (value: bigint): bigint => BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))

const unzigzag = (value: number): number => ((value << 1) ^ (value >> 31)) >>> 0

/** A structure of small integers and structures, fields in order. */
export interface PlainStruct {
  readonly [id: number]: number | PlainStruct
}

export function writeStruct(fields: PlainStruct): number[] {
  const out: number[] = []
  let last = 0
  for (const [key, value] of Object.entries(fields)) {
    const id = Number(key)
    out.push(((id - last) << 4) | (typeof value === 'number' ? I32 : STRUCT))
    last = id
    if (typeof value === 'number') writeVarint(out, unzigzag(value))
    else out.push(...writeStruct(value))
  }
  out.push(STOP)
  return out
}

function writeVarint(out: number[], value: number): void {
  for (; value > 0x7f; value >>>= 7) out.push((value & 0x7f) | 0x80)
  out.push(value)
}

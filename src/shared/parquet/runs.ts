import { ParquetFault, take, varint, varint64, zigzag64, type Cursor } from './thrift'

/**
 * Decodes Parquet's mixture of runs and bit-packed groups into `output`, which it must fill exactly (groups of eight
 * may be padded). Every step takes bytes, and no number may exceed `most`.
 *
 * @throws ParquetFault
 */
export function decodeRuns(cursor: Cursor, width: number, output: Uint8Array | Int32Array, most: number): void {
  const bytesPerValue = (width + 7) >> 3
  for (let done = 0; done < output.length;) {
    const left = output.length - done
    const head = varint(cursor)
    const count = head >>> 1
    if ((head & 1) === 0) {
      if (count === 0 || count > left) throw new ParquetFault(`a run of ${count} values where ${left} are left`)
      let value = 0
      for (const [i, byte] of take(cursor, bytesPerValue).entries()) value += byte * 2 ** (8 * i)
      if (value > most) throw new ParquetFault(`the number ${value} is beyond ${most}`)
      output.fill(value, done, done + count)
      done += count
      continue
    }
    if (count === 0) throw new ParquetFault('a run of no values')
    done += unpack(takeGroups(cursor, count, width), width, output, done, most)
  }
}

/** The bytes of so many groups of eight; the last may be cut short after the values that count. */
function takeGroups(cursor: Cursor, groups: number, width: number): Uint8Array {
  const rest = cursor.bytes.length - cursor.offset
  if (groups * width > rest + width) throw new ParquetFault(`${groups} groups of values where ${rest} bytes are left`)
  return take(cursor, Math.min(groups * width, rest))
}

function unpack(bytes: Uint8Array, width: number, output: Uint8Array | Int32Array, from: number, most: number): number {
  const count = Math.min(output.length - from, Math.floor((bytes.length * 8) / width))
  if (count === 0) throw new ParquetFault('a group of values is cut short')
  // Values have at most 24 bits: with the seven of a byte that is begun they fit into 31.
  const mask = 2 ** width - 1
  let held = 0
  let bits = 0
  let at = 0
  let highest = 0
  for (let i = 0; i < count; i++) {
    while (bits < width) {
      held |= bytes[at++]! << bits
      bits += 8
    }
    const value = held & mask
    if (value > highest) highest = value
    output[from + i] = value
    held >>>= width
    bits -= width
  }
  if (highest > most) throw new ParquetFault(`the number ${highest} is beyond ${most}`)
  return count
}

const MAX_BLOCK = 1 << 20

/**
 * DELTA_BINARY_PACKED: `count` integers, modulo 2^64.
 *
 * @throws ParquetFault
 */
export function decodeDeltas(cursor: Cursor, count: number): BigInt64Array {
  const output = new BigInt64Array(count)
  const block = varint(cursor)
  const miniblocks = varint(cursor)
  const total = varint(cursor)
  const size = block / miniblocks
  if (miniblocks === 0 || block > MAX_BLOCK || !Number.isInteger(size) || size === 0 || size % 8 !== 0)
    throw new ParquetFault(`deltas in blocks of ${block} by ${miniblocks}`)
  if (total !== count) throw new ParquetFault(`${total} deltas in place of ${count}`)
  let value = zigzag64(varint64(cursor))
  if (count === 0) return output
  output[0] = value
  for (let done = 1; done < count;) {
    const least = zigzag64(varint64(cursor))
    const widths = take(cursor, miniblocks)
    for (let m = 0; m < miniblocks && done < count; m++) {
      const width = widths[m]!
      if (width > 64) throw new ParquetFault(`deltas of ${width} bits`)
      const wanted = Math.min(size, count - done)
      // The last miniblock of some writers ends with its last value.
      const bytes = take(cursor, Math.min((size * width) / 8, cursor.bytes.length - cursor.offset))
      if (bytes.length * 8 < wanted * width) throw new ParquetFault('deltas are cut short')
      for (let i = 0; i < wanted; i++) {
        value = BigInt.asIntN(64, value + least + bitsAt(bytes, i * width, width))
        output[done++] = value
      }
    }
  }
  return output
}

function bitsAt(bytes: Uint8Array, from: number, width: number): bigint {
  let low = 0
  let high = 0
  for (let got = 0; got < width;) {
    const bit = from + got
    const some = Math.min(8 - (bit & 7), width - got)
    const value = (bytes[bit >> 3]! >>> (bit & 7)) & ((1 << some) - 1)
    if (got < 32) low += value * 2 ** got
    else high += value * 2 ** (got - 32)
    got += some
  }
  return high === 0 ? BigInt(low) : BigInt(low) + (BigInt(high) << 32n)
}

import { decodeDeltas, decodeRuns } from './runs'
import { ParquetFault, readStruct, take, writeStruct, type Cursor, type PlainStruct, type ThriftStruct } from './thrift'

/** What a column chunk's pages are checked against. */
export interface LeafColumn {
  /** A Parquet type: BOOLEAN, INT32, … */
  readonly type: string
  /** Bytes of a FIXED_LEN_BYTE_ARRAY. */
  readonly length: number
  readonly maxDefinition: number
  readonly maxRepetition: number
  readonly codec: string
  /** Whether it is no part of a structure or list. */
  readonly isTop: boolean
}

/** The `length` bytes of a page, or a {@link ParquetFault}. */
export type Decompress = (codec: string, input: Uint8Array, length: number) => Uint8Array

/** A page whose every size has been checked, decompressed, in the plainest of Parquet's layouts. */
export interface SafePage {
  readonly isDictionary: boolean
  readonly encoding: number
  /** Each with its size before it; none where every value of a flat column is there. */
  readonly levels: readonly Uint8Array[]
  readonly content: Uint8Array
  /** Rows that begin in it. */
  readonly rows: number
  /** Values and gaps. */
  readonly values: number
}

/** A page states its own size: without a limit a few bytes could claim gigabytes. */
export const MAX_PAGE_BYTES = 512 * 2 ** 20
/** Values and gaps of one page, and of one nested column in a row group. */
export const MAX_VALUES = 2 ** 25
/** Wider indices would need a dictionary of more than 16 million values. */
const MAX_INDEX_BITS = 24

const DATA = 0
const INDEX = 1
const DICTIONARY = 2
const DATA_V2 = 3

const PLAIN = 0
const PLAIN_DICTIONARY = 2
const RLE = 3
const DELTA_BINARY = 5
const DELTA_LENGTH = 6
const DELTA_BYTES = 7
const RLE_DICTIONARY = 8
const SPLIT = 9

const WIDTHS: Readonly<Record<string, number>> = { INT32: 4, FLOAT: 4, INT64: 8, DOUBLE: 8, INT96: 12 }

/**
 * The pages of one column chunk, made safe: a decoder that trusts what a page says of itself (as hyparquet 1.31.5 does)
 * neither loops, nor reads past its end, nor allocates more than the page holds. Deltas and split bytes are decoded
 * here, everything else is checked and passed on.
 */
export class SafePages {
  readonly #chunk: Cursor
  readonly #leaf: LeafColumn
  readonly #decompress: Decompress
  readonly #isFlat: boolean
  #dictionary = -1

  constructor(chunk: Uint8Array, leaf: LeafColumn, decompress: Decompress) {
    this.#decompress = decompress
    this.#chunk = { bytes: chunk, offset: 0 }
    this.#leaf = leaf
    this.#isFlat = leaf.maxRepetition === 0 && leaf.isTop
  }

  /** The dictionary, a data page, or null at the chunk's end. @throws ParquetFault */
  next(): SafePage | null {
    const chunk = this.#chunk
    // A byte may be left over: hyparquet stops there as well.
    while (chunk.offset < chunk.bytes.length - 1) {
      const header = readStruct(chunk, { values: 10_000 })
      const body = take(chunk, integer(header, 3, 'compressed size'))
      const length = integer(header, 2, 'size')
      if (length > MAX_PAGE_BYTES) throw new ParquetFault(`a page of ${length} bytes is not plausible`)
      switch (integer(header, 1, 'type')) {
        case INDEX:
          continue
        case DICTIONARY:
          return this.#dictionaryPage(structure(header, 7), body, length)
        case DATA:
          return this.#dataPage(structure(header, 5), body, length)
        case DATA_V2:
          return this.#dataPageV2(structure(header, 8), body, length)
        default:
          throw new ParquetFault('a page is of an unknown type')
      }
    }
    return null
  }

  #dictionaryPage(header: ThriftStruct, body: Uint8Array, length: number): SafePage {
    if (this.#dictionary >= 0) throw new ParquetFault('it has two dictionaries')
    const count = valueCount(header)
    const encoding = integer(header, 2, 'encoding')
    if (encoding !== PLAIN && encoding !== PLAIN_DICTIONARY)
      throw new ParquetFault(`its dictionary has encoding ${encoding}`)
    const content = this.#decompress(this.#leaf.codec, body, length)
    this.#dictionary = count
    return {
      isDictionary: true,
      encoding: PLAIN,
      levels: [],
      content: plain({ bytes: content, offset: 0 }, this.#leaf, count),
      rows: 0,
      values: count,
    }
  }

  #dataPage(header: ThriftStruct, body: Uint8Array, length: number): SafePage {
    const { maxDefinition, maxRepetition, codec } = this.#leaf
    const count = valueCount(header)
    const cursor = { bytes: this.#decompress(codec, body, length), offset: 0 }
    const repetition = maxRepetition > 0 ? sized(cursor, header, 4) : undefined
    const definition = maxDefinition > 0 ? sized(cursor, header, 3) : undefined
    return this.#data(count, integer(header, 2, 'encoding'), cursor, { repetition, definition })
  }

  #dataPageV2(header: ThriftStruct, body: Uint8Array, length: number): SafePage {
    const { maxDefinition, maxRepetition, codec } = this.#leaf
    const count = valueCount(header)
    const levels = { bytes: body, offset: 0 }
    const repetition = take(levels, integer(header, 6, 'size of levels'))
    const definition = take(levels, integer(header, 5, 'size of levels'))
    const rest = body.subarray(levels.offset)
    const restLength = length - levels.offset
    if (restLength < 0) throw new ParquetFault('the levels of a page are larger than the page')
    const compressed = header.get(7) !== false
    const bytes = this.#decompress(compressed ? codec : 'UNCOMPRESSED', rest, compressed ? restLength : rest.length)
    return this.#data(
      count,
      integer(header, 4, 'encoding'),
      { bytes, offset: 0 },
      {
        repetition: maxRepetition > 0 ? repetition : undefined,
        definition: maxDefinition > 0 ? definition : undefined,
      },
    )
  }

  #data(
    count: number,
    encoding: number,
    cursor: Cursor,
    levels: { repetition: Uint8Array | undefined; definition: Uint8Array | undefined },
  ): SafePage {
    const { maxDefinition, maxRepetition } = this.#leaf
    const rows = levels.repetition ? countLevels(levels.repetition, count, maxRepetition, 0) : count
    const present = levels.definition ? countLevels(levels.definition, count, maxDefinition, maxDefinition) : count
    const indexed = encoding === PLAIN_DICTIONARY || encoding === RLE_DICTIONARY
    return {
      isDictionary: false,
      encoding: indexed && present > 0 ? RLE_DICTIONARY : PLAIN,
      levels:
        this.#isFlat && present === count
          ? []
          : [levels.repetition, levels.definition].flatMap((bytes) => (bytes ? [sizeOf(bytes), bytes] : [])),
      // Without a value there is nothing to decode, and some writers leave even the width of indices away.
      content:
        present === 0
          ? new Uint8Array(0)
          : indexed
            ? this.#indices(cursor, present)
            : values(cursor, this.#leaf, encoding, present),
      rows,
      values: count,
    }
  }

  #indices(cursor: Cursor, count: number): Uint8Array {
    if (this.#dictionary < 0) throw new ParquetFault('its values refer to a dictionary that is not there')
    const from = cursor.offset
    const width = take(cursor, 1)[0]!
    if (width > MAX_INDEX_BITS) throw new ParquetFault(`indices of ${width} bits`)
    if (width === 0 && this.#dictionary === 0) throw new ParquetFault('its values refer to an empty dictionary')
    if (width > 0) decodeRuns(cursor, width, new Int32Array(count), this.#dictionary - 1)
    return cursor.bytes.subarray(from)
  }
}

/** The values of a data page in plain encoding. */
function values(cursor: Cursor, leaf: LeafColumn, encoding: number, count: number): Uint8Array {
  switch (encoding) {
    case PLAIN:
      return plain(cursor, leaf, count)
    case RLE: {
      if (leaf.type !== 'BOOLEAN') break
      const bits = new Uint8Array(count)
      decodeRuns({ bytes: take(cursor, uint32(cursor)), offset: 0 }, 1, bits, 1)
      return packed(bits)
    }
    case DELTA_BINARY: {
      if (leaf.type !== 'INT32' && leaf.type !== 'INT64') break
      const deltas = decodeDeltas(cursor, count)
      return bytesOf(
        leaf.type === 'INT32' ? Int32Array.from(deltas, (value) => Number(BigInt.asIntN(32, value))) : deltas,
      )
    }
    case DELTA_LENGTH:
      if (leaf.type !== 'BYTE_ARRAY') break
      return byteArrays(lengths(cursor, count), leaf, (length) => take(cursor, length))
    case DELTA_BYTES:
      if (leaf.type !== 'BYTE_ARRAY' && leaf.type !== 'FIXED_LEN_BYTE_ARRAY') break
      return prefixed(cursor, leaf, count)
    case SPLIT: {
      const width = leaf.type === 'FIXED_LEN_BYTE_ARRAY' ? leaf.length : WIDTHS[leaf.type]
      if (width === undefined || leaf.type === 'INT96') break
      return joined(take(cursor, count * width), width, count)
    }
  }
  throw new ParquetFault(`values of type ${leaf.type} in encoding ${encoding} are not supported`)
}

function plain(cursor: Cursor, { type, length }: LeafColumn, count: number): Uint8Array {
  if (type === 'BOOLEAN') return take(cursor, Math.ceil(count / 8))
  if (type !== 'BYTE_ARRAY') return take(cursor, count * (type === 'FIXED_LEN_BYTE_ARRAY' ? length : WIDTHS[type]!))
  const { bytes, offset } = cursor
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = offset
  for (let i = 0; i < count; i++) {
    if (at + 4 > bytes.length) throw new ParquetFault(`${count} values where there is room for ${i}`)
    at += 4 + view.getUint32(at, true)
  }
  if (at > bytes.length) throw new ParquetFault('a value goes on beyond the end of its page')
  cursor.offset = at
  return bytes.subarray(offset, at)
}

function lengths(cursor: Cursor, count: number): number[] {
  return Array.from(decodeDeltas(cursor, count), (value) => {
    const length = Number(value)
    if (length < 0 || length > MAX_PAGE_BYTES) throw new ParquetFault(`a value of ${length} bytes`)
    return length
  })
}

/** Texts that each repeat the beginning of the one before. */
function prefixed(cursor: Cursor, leaf: LeafColumn, count: number): Uint8Array {
  const prefixes = lengths(cursor, count)
  const suffixes = lengths(cursor, count)
  let last: Uint8Array = new Uint8Array(0)
  return byteArrays(
    prefixes.map((prefix, i) => prefix + suffixes[i]!),
    leaf,
    (length, i) => {
      const prefix = prefixes[i]!
      const suffix = take(cursor, suffixes[i]!)
      if (prefix > last.length) throw new ParquetFault('a value repeats more of the one before than that has')
      const value = new Uint8Array(length)
      value.set(last.subarray(0, prefix))
      value.set(suffix, prefix)
      last = value
      return value
    },
  )
}

function byteArrays(
  sizes: readonly number[],
  { type, length: fixed }: LeafColumn,
  value: (length: number, i: number) => Uint8Array,
): Uint8Array {
  const prefix = type === 'BYTE_ARRAY' ? 4 : 0
  let total = 0
  for (const size of sizes) total += prefix + size
  if (total > MAX_PAGE_BYTES) throw new ParquetFault(`a page of ${total} bytes is not plausible`)
  const out = new Uint8Array(total)
  const view = new DataView(out.buffer)
  let at = 0
  for (const [i, size] of sizes.entries()) {
    if (prefix > 0) view.setUint32(at, size, true)
    else if (size !== fixed) throw new ParquetFault(`a value of ${size} bytes in place of ${fixed}`)
    out.set(value(size, i), at + prefix)
    at += prefix + size
  }
  return out
}

/** BYTE_STREAM_SPLIT: first all first bytes, then all second ones, …. */
function joined(split: Uint8Array, width: number, count: number): Uint8Array {
  const out = new Uint8Array(split.length)
  for (let b = 0; b < width; b++) for (let i = 0; i < count; i++) out[i * width + b] = split[b * count + i]!
  return out
}

function packed(bits: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(bits.length / 8))
  for (const [i, bit] of bits.entries()) out[i >> 3]! |= bit << (i & 7)
  return out
}

/** The page as Parquet, header first. */
export function encodePage(page: SafePage): Uint8Array[] {
  const { isDictionary, encoding, levels, content, values: count } = page
  const size = pageBytes(page)
  const more: PlainStruct = isDictionary
    ? { 7: { 1: count, 2: encoding } }
    : { 5: { 1: count, 2: encoding, 3: RLE, 4: RLE } }
  const header = writeStruct({ 1: isDictionary ? DICTIONARY : DATA, 2: size, 3: size, ...more })
  return [Uint8Array.from(header), ...levels, content]
}

export const pageBytes = ({ levels, content }: SafePage): number =>
  levels.reduce((sum, part) => sum + part.length, content.length)

/** How many of a page's levels equal `counted`. @throws ParquetFault unless they are sound */
function countLevels(bytes: Uint8Array, count: number, most: number, counted: number): number {
  const levels = new Uint8Array(count)
  decodeRuns({ bytes, offset: 0 }, 32 - Math.clz32(most), levels, most)
  let found = 0
  for (let i = 0; i < count; i++) if (levels[i] === counted) found++
  return found
}

function sizeOf(bytes: Uint8Array): Uint8Array {
  const size = new Uint8Array(4)
  new DataView(size.buffer).setUint32(0, bytes.length, true)
  return size
}

/** Levels of a first-version page, with their size before them. */
function sized(cursor: Cursor, header: ThriftStruct, encodingField: number): Uint8Array {
  if (integer(header, encodingField, 'encoding of levels') !== RLE)
    throw new ParquetFault('the encoding of its levels is not supported')
  return take(cursor, uint32(cursor))
}

function uint32(cursor: Cursor): number {
  const [a, b, c, d] = take(cursor, 4)
  return a! + b! * 2 ** 8 + c! * 2 ** 16 + d! * 2 ** 24
}

const bytesOf = (array: Int32Array | BigInt64Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

function valueCount(header: ThriftStruct): number {
  const count = integer(header, 1, 'number of values')
  if (count > MAX_VALUES) throw new ParquetFault(`a page of ${count} values is not plausible`)
  return count
}

function integer(struct: ThriftStruct, field: number, what: string): number {
  const value = struct.get(field)
  if (typeof value !== 'number' || value < 0) throw new ParquetFault(`a page does not say its ${what}`)
  return value
}

function structure(header: ThriftStruct, field: number): ThriftStruct {
  const value = header.get(field)
  if (!(value instanceof Map)) throw new ParquetFault('a page says nothing of its values')
  return value as ThriftStruct
}

import { open } from 'node:fs/promises'
import type { TableDtype } from '../../shared/config/trainer'
import { AppError } from '../../shared/errors'
import { encodeHalves, HALF_NOT_FINITE } from '../../shared/float16'
import { npyHeader } from '../../shared/npyHeader'
import type { TableMemory } from './dataset'
import { allocateTable, decodeHalves, DTYPE_BYTES, type AllocateTable } from './embeddingTable'
import { findNonFinite, RowCounter, type FaultyRows } from './faultyRows'
import { CHUNK_BYTES, PIECE_BUFFERS, readFully, readPieces, withInput, type InputFile, type ReadOptions } from './files'

export interface MatrixShape {
  readonly rows: number
  readonly width: number
}

/** What is wrong with the numbers of a matrix. */
export interface MatrixFaults {
  /** Rows with a NaN or an infinite number in them. */
  readonly nonFinite: FaultyRows
  /** Rows with a finite number that float16 cannot hold, where it is asked for. */
  readonly overflow: FaultyRows
}

export interface ReadNpyOptions extends ReadOptions {
  /** The number type in memory; float32 by default. */
  tableDtype?: TableDtype
  /** Gives the memory that the values are read into: a view of WebAssembly memory, say. */
  allocate?: AllocateTable
  /** Told each row with a NaN or an infinite number. */
  onNonFinite?: (row: number) => void
}

const MAGIC = Buffer.from('\x93NUMPY', 'latin1')
/** numpy pads to 64; a header of this size could only be a structured type or an attack. */
const MAX_HEADER_BYTES = 1 << 16
const ITEM_BYTES = { '<f2': 2, '<f4': 4, '<f8': 8 } as const
type Dtype = keyof typeof ITEM_BYTES

interface NpyLayout extends MatrixShape {
  dtype: Dtype
  dataOffset: number
}

/**
 * Reads a .npy matrix: float16, float32 or float64, little endian, C order, rank 2. Where the file's numbers are those
 * wanted in memory and rows lie there without padding, they go straight into their destination; otherwise they pass
 * through a chunk, so that memory never holds more than the result and some MiB. Wider numbers are rounded to the
 * nearest, ties to even. float64 values beyond float32 become infinite and so count as non-finite.
 *
 * @throws AppError `not_found`, `unreadable`, `data_invalid` (what is wrong with the file), `out_of_range` (no memory)
 */
export async function readNpy(
  path: string,
  options: ReadNpyOptions = {},
): Promise<MatrixShape & TableMemory & MatrixFaults> {
  return withInput(path, async (file) => {
    const layout = await readLayout(file)
    const { rows, width } = layout
    const memory = allocate(file, layout, options)
    return { rows, width, ...memory, ...(await readValues(file, layout, memory, options)) }
  })
}

/** Reads and checks a .npy matrix as {@link readNpy} does, without holding it. */
export async function scanNpy(path: string, options: ReadNpyOptions = {}): Promise<MatrixShape & MatrixFaults> {
  return withInput(path, async (file) => {
    const layout = await readLayout(file)
    return { rows: layout.rows, width: layout.width, ...(await readValues(file, layout, null, options)) }
  })
}

/**
 * Writes float32 values as .npy (version 1, C order).
 *
 * @param shape [rows] or [rows, width]; its product is `values.length`
 */
export async function writeNpy(path: string, values: Float32Array, shape: readonly number[]): Promise<void> {
  await writeNpyPieces(path, [values], shape)
}

/**
 * Writes a .npy piece by piece, so that a matrix of any size needs the memory of one piece.
 *
 * @param pieces consecutive values; the array that is handed over may be filled anew when the next one is asked for
 * @param onValues called with the number of values just written
 */
export async function writeNpyPieces(
  path: string,
  pieces: Iterable<Float32Array>,
  shape: readonly number[],
  onValues?: (values: number) => void,
): Promise<void> {
  const product = shape.reduce((a, b) => a * b, 1)
  const handle = await open(path, 'w')
  try {
    await handle.write(npyHeader('<f4', shape))
    let count = 0
    for (const values of pieces) {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
      for (let done = 0; done < bytes.length;) {
        done += (await handle.write(bytes, done, Math.min(CHUNK_BYTES, bytes.length - done))).bytesWritten
      }
      count += values.length
      onValues?.(values.length)
    }
    if (product !== count) {
      throw new AppError('internal', `${count} values do not fill the shape (${shape.join(', ')})`)
    }
  } finally {
    await handle.close()
  }
}

async function readLayout(file: InputFile): Promise<NpyLayout> {
  const fail = (message: string, fix: string): AppError =>
    new AppError('data_invalid', message, { file: file.path, fix })
  const save = 'Save the matrix with numpy.save as little-endian float32.'
  if (file.size < 10) throw fail(`The file has ${file.size} bytes, too few for a .npy file`, save)
  const prefix = Buffer.alloc(Math.min(12, file.size))
  await readFully(file, prefix, 0)
  if (!prefix.subarray(0, 6).equals(MAGIC))
    throw fail('This is not a .npy file: it does not start with \\x93NUMPY', save)
  const version = prefix[6]!
  if (version < 1 || version > 3) throw fail(`.npy version ${version} is not known (1, 2 and 3 are)`, save)
  const headerOffset = version === 1 ? 10 : 12
  const truncated = fail('The file is truncated: it ends inside the .npy header', 'Copy or write the file again.')
  if (file.size < headerOffset) throw truncated
  const headerLength = version === 1 ? prefix.readUInt16LE(8) : prefix.readUInt32LE(8)
  if (headerLength > MAX_HEADER_BYTES) throw fail(`A .npy header of ${headerLength} bytes is not plausible`, save)
  const dataOffset = headerOffset + headerLength
  if (file.size < dataOffset) throw truncated
  const headerBytes = Buffer.alloc(headerLength)
  await readFully(file, headerBytes, headerOffset)
  const header = parseHeader(headerBytes.toString(version === 3 ? 'utf8' : 'latin1'))
  if (!header) throw fail('The .npy header cannot be parsed', save)

  if (header.descr === null) throw fail('A structured .npy array is not a matrix', save)
  if (/^[|<>=]?O/.test(header.descr)) {
    throw fail('The .npy file holds Python objects (pickles), which are never loaded', save)
  }
  if (/^>f[248]$/.test(header.descr)) throw fail(`The .npy file is big-endian (${header.descr})`, save)
  if (!isDtype(header.descr)) {
    throw fail(`Values of type "${header.descr}" are not read (float16, float32 and float64 are)`, save)
  }
  if (header.fortranOrder) {
    throw fail('The .npy file is in Fortran order', 'Save numpy.ascontiguousarray(matrix), which is in C order.')
  }
  const shape = `(${header.shape.join(', ')})`
  if (header.shape.length !== 2) {
    throw fail(`The array has the shape ${shape}; embeddings have two dimensions, (texts, width)`, save)
  }
  const [rows, width] = header.shape
  if (!rows || !width) throw fail(`The matrix is empty: its shape is ${shape}`, save)
  // In BigInt: a made-up shape must not overflow, and must fail before anything is allocated for it.
  const expected = BigInt(dataOffset) + rows * width * BigInt(ITEM_BYTES[header.descr])
  if (BigInt(file.size) < expected) {
    throw fail(
      `The file is truncated: the shape ${shape} needs ${expected} bytes, the file has ${file.size}`,
      'Copy or write the file again.',
    )
  }
  if (BigInt(file.size) > expected) {
    throw fail(
      `The file goes on after its data: the shape ${shape} needs ${expected} bytes, the file has ${file.size}`,
      'Write the file again.',
    )
  }
  return { rows: Number(rows), width: Number(width), dtype: header.descr, dataOffset }
}

function isDtype(descr: string): descr is Dtype {
  return Object.hasOwn(ITEM_BYTES, descr)
}

/** The three fields of the header's Python dictionary in any order; `descr` is null for a structured type. */
export function parseHeader(text: string): { descr: string | null; fortranOrder: boolean; shape: bigint[] } | null {
  if (!/^\s*\{[\s\S]*\}\s*$/.test(text)) return null
  const descr = /['"]descr['"]\s*:\s*(?:'([^']*)'|"([^"]*)"|\[)/.exec(text)
  const order = /['"]fortran_order['"]\s*:\s*(True|False)\b/.exec(text)
  const shape = /['"]shape['"]\s*:\s*\(([\s\dL,]*)\)/.exec(text)
  if (!descr || !order || !shape) return null
  const parts = shape[1]!.split(',').map((part) => part.trim())
  if (parts.at(-1) === '') parts.pop()
  // numpy of Python 2 wrote long integers, `3L`.
  if (!parts.every((part) => /^\d{1,30}L?$/.test(part))) return null
  return {
    descr: descr[1] ?? descr[2] ?? null,
    fortranOrder: order[1] === 'True',
    shape: parts.map((part) => BigInt(part.replace('L', ''))),
  }
}

function allocate(file: InputFile, { rows, width }: MatrixShape, options: ReadNpyOptions): TableMemory {
  const { tableDtype: dtype = 'float32', allocate: make = allocateTable } = options
  let memory: TableMemory
  try {
    memory = make(rows, width, dtype)
  } catch (error) {
    const gibibytes = ((rows * width * DTYPE_BYTES[dtype]) / 2 ** 30).toFixed(2)
    const less = dtype === 'float32' ? ', or set trainer.table_dtype to float16' : ''
    throw new AppError(
      'out_of_range',
      `There is no memory for a matrix of ${rows} × ${width} ${dtype} values (${gibibytes} GiB)`,
      { file: file.path, fix: `Free memory, or use fewer texts or narrower embeddings${less}.` },
      error,
    )
  }
  if (memory.dtype !== dtype || memory.stride < width || memory.values.length < rows * memory.stride)
    throw new AppError('internal', `The memory given does not hold ${rows} × ${width} ${dtype} values`)
  return memory
}

/** Reads all values into memory (or only looks at them, where there is none) and finds those that are no use. */
async function readValues(
  file: InputFile,
  { rows, width, dtype, dataOffset }: NpyLayout,
  memory: TableMemory | null,
  options: ReadNpyOptions,
): Promise<MatrixFaults> {
  const itemBytes = ITEM_BYTES[dtype]
  const length = rows * width * itemBytes
  const nonFinite = new RowCounter(options.onNonFinite)
  const overflow = new RowCounter()
  if (memory && memory.stride === width && memory.dtype === AS_IT_IS[dtype]) {
    const { buffer, byteOffset } = memory.values
    await readPieces(file, dataOffset, length, {
      ...options,
      bufferOf: (from, bytes) => new Uint8Array(buffer, byteOffset + from, bytes),
      use: (piece, from) => {
        const items = piece.byteLength / itemBytes
        const values =
          memory.dtype === 'float16'
            ? new Uint16Array(buffer, piece.byteOffset, items)
            : new Float32Array(buffer, piece.byteOffset, items)
        findNonFinite(values, from / itemBytes, width, nonFinite)
      },
    })
    return { nonFinite: nonFinite.found, overflow: overflow.found }
  }
  const chunks = Array.from({ length: PIECE_BUFFERS }, () => new ArrayBuffer(Math.min(CHUNK_BYTES, length)))
  const convert = new Converter(memory?.dtype ?? AS_IT_IS[dtype] ?? 'float32', width, { nonFinite, overflow })
  await readPieces(file, dataOffset, length, {
    ...options,
    bufferOf: (_from, bytes, piece) => new Uint8Array(chunks[piece % PIECE_BUFFERS]!, 0, bytes),
    use: (piece, from) => {
      const start = from / itemBytes
      const values = convert.piece(viewOf(dtype, piece), start)
      if (memory) scatter(values, start, width, memory)
    },
  })
  return { nonFinite: nonFinite.found, overflow: overflow.found }
}

/** The number type in memory that holds a file's numbers as they are. */
const AS_IT_IS = { '<f2': 'float16', '<f4': 'float32', '<f8': null } as const satisfies Record<Dtype, TableDtype | null>

type Numbers = Uint16Array | Float32Array | Float64Array

function viewOf(dtype: Dtype, { buffer, byteOffset, byteLength }: Uint8Array): Numbers {
  const items = byteLength / ITEM_BYTES[dtype]
  if (dtype === '<f2') return new Uint16Array(buffer, byteOffset, items)
  return dtype === '<f4' ? new Float32Array(buffer, byteOffset, items) : new Float64Array(buffer, byteOffset, items)
}

/** Turns pieces of a file into the wanted number type, and notes rows of which nothing sensible comes out. */
class Converter {
  private readonly target: Float32Array | Uint16Array
  private readonly width: number
  private readonly faults: { nonFinite: RowCounter; overflow: RowCounter }

  constructor(dtype: TableDtype, width: number, faults: { nonFinite: RowCounter; overflow: RowCounter }) {
    // The narrowest numbers of a file are halves.
    const items = CHUNK_BYTES / ITEM_BYTES['<f2']
    this.target = dtype === 'float16' ? new Uint16Array(items) : new Float32Array(items)
    this.width = width
    this.faults = faults
  }

  /** The values of a piece, until the next one; `start` is the place of the first in the matrix. */
  piece(source: Numbers, start: number): Float32Array | Uint16Array {
    const { target, width, faults } = this
    if (target instanceof Float32Array) {
      const values = source instanceof Float32Array ? source : toSingles(source, target.subarray(0, source.length))
      findNonFinite(values, start, width, faults.nonFinite)
      return values
    }
    if (source instanceof Uint16Array) {
      findNonFinite(source, start, width, faults.nonFinite)
      return source
    }
    const halves = encodeHalves(source, target.subarray(0, source.length))
    findNonFinite(halves, start, width, {
      add: (row) => {
        this.blame(row, source, halves, start)
      },
    })
    return halves
  }

  /** A row has an infinite half or NaN: was it so in the file, or has rounding made it so? */
  private blame(row: number, source: Float32Array | Float64Array, halves: Uint16Array, start: number): void {
    const from = Math.max(0, row * this.width - start)
    const to = Math.min(source.length, (row + 1) * this.width - start)
    for (let i = from; i < to; i++) {
      if ((halves[i]! & HALF_NOT_FINITE) !== HALF_NOT_FINITE) continue
      const counter = Number.isFinite(source[i]) ? this.faults.overflow : this.faults.nonFinite
      counter.add(row)
    }
  }
}

function toSingles(source: Uint16Array | Float64Array, target: Float32Array): Float32Array {
  if (source instanceof Uint16Array) return decodeHalves(source, target)
  target.set(source)
  return target
}

/** Puts consecutive values, the first of them at `start` of the matrix, where the rows lie, and clears their padding. */
function scatter(
  values: Float32Array | Uint16Array,
  start: number,
  width: number,
  { values: into, stride }: TableMemory,
): void {
  if (stride === width) {
    into.set(values, start)
    return
  }
  for (let done = 0; done < values.length;) {
    const row = Math.floor((start + done) / width)
    const column = (start + done) % width
    const items = Math.min(width - column, values.length - done)
    into.set(values.subarray(done, done + items), row * stride + column)
    if (column + items === width) into.fill(0, row * stride + width, (row + 1) * stride)
    done += items
  }
}

/** What the header of a .npy file says, without its values. @throws AppError as {@link readNpy} */
export async function npyShape(path: string): Promise<MatrixShape> {
  return withInput(path, async (file) => {
    const { rows, width } = await readLayout(file)
    return { rows, width }
  })
}

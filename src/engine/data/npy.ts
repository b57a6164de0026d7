import { open } from 'node:fs/promises'
import { AppError } from '../../shared/errors'
import { npyHeader } from '../../shared/npyHeader'
import { CHUNK_BYTES, readFully, throwIfStopped, withInput, type InputFile, type ReadOptions } from './files'

/** A row-major float32 matrix, [rows, width]. */
export interface Matrix {
  readonly rows: number
  readonly width: number
  readonly values: Float32Array
}

export type MatrixShape = Pick<Matrix, 'rows' | 'width'>

/** Rows with a NaN or an infinite number in them; `firstRow` is -1 when there is none. */
export interface NonFiniteRows {
  readonly count: number
  readonly firstRow: number
}

export interface ReadNpyOptions extends ReadOptions {
  /** Gives the memory, `rows * width` long, that the values are read into: a view of WebAssembly memory, say. */
  allocate?: (rows: number, width: number) => Float32Array
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
 * Reads a .npy matrix: float16, float32 or float64, little endian, C order, rank 2. float32 goes straight into its
 * destination; the others are converted piece by piece, so that memory never holds more than the result and one
 * chunk. float64 values beyond float32 become infinite and so count as non-finite.
 *
 * @throws AppError `not_found`, `unreadable`, `data_invalid` (what is wrong with the file), `out_of_range` (no memory)
 */
export async function readNpy(
  path: string,
  options: ReadNpyOptions = {},
): Promise<Matrix & { nonFinite: NonFiniteRows }> {
  return withInput(path, async (file) => {
    const layout = await readLayout(file)
    const { rows, width } = layout
    const values = allocate(file, layout, options)
    const nonFinite = await readValues(file, layout, values, options)
    return { rows, width, values, nonFinite }
  })
}

/** Reads and checks a .npy matrix as {@link readNpy} does, without holding it. */
export async function scanNpy(
  path: string,
  options: ReadOptions = {},
): Promise<MatrixShape & { nonFinite: NonFiniteRows }> {
  return withInput(path, async (file) => {
    const layout = await readLayout(file)
    return { rows: layout.rows, width: layout.width, nonFinite: await readValues(file, layout, null, options) }
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

function allocate(file: InputFile, { rows, width }: MatrixShape, options: ReadNpyOptions): Float32Array {
  const make = options.allocate ?? ((r, w) => new Float32Array(r * w))
  try {
    return make(rows, width)
  } catch (error) {
    const gibibytes = ((rows * width * 4) / 2 ** 30).toFixed(2)
    throw new AppError(
      'out_of_range',
      `There is no memory for a matrix of ${rows} × ${width} float32 values (${gibibytes} GiB)`,
      { file: file.path, fix: 'Free memory, or use fewer texts or narrower embeddings.' },
      error,
    )
  }
}

/** Reads all values into `destination` (or into one chunk over and over, when null) and looks for non-finite ones. */
async function readValues(
  file: InputFile,
  { rows, width, dtype, dataOffset }: NpyLayout,
  destination: Float32Array | null,
  { signal, onBytes }: ReadOptions,
): Promise<NonFiniteRows> {
  const total = rows * width
  const itemBytes = ITEM_BYTES[dtype]
  const chunkItems = Math.min(total, CHUNK_BYTES / itemBytes)
  const scratch = destination ? null : new Float32Array(chunkItems)
  const raw = dtype === '<f4' ? null : new Uint8Array(chunkItems * itemBytes)
  const bad = { count: 0, firstRow: -1, lastRow: -1 }
  for (let start = 0; start < total; start += chunkItems) {
    throwIfStopped(signal)
    const items = Math.min(chunkItems, total - start)
    const target = destination ? destination.subarray(start, start + items) : scratch!.subarray(0, items)
    const bytes = raw
      ? raw.subarray(0, items * itemBytes)
      : new Uint8Array(target.buffer, target.byteOffset, target.byteLength)
    await readFully(file, bytes, dataOffset + start * itemBytes)
    if (dtype === '<f2') halfToFloat(bytes, target)
    else if (dtype === '<f8') target.set(new Float64Array(bytes.buffer, bytes.byteOffset, items))
    countNonFinite(target, start, width, bad)
    onBytes?.(bytes.byteLength)
  }
  return { count: bad.count, firstRow: bad.firstRow }
}

function countNonFinite(
  values: Float32Array,
  start: number,
  width: number,
  bad: { count: number; firstRow: number; lastRow: number },
): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < bits.length; i++) {
    // All exponent bits set: infinite or NaN.
    if ((bits[i]! & 0x7f800000) !== 0x7f800000) continue
    const row = Math.floor((start + i) / width)
    if (row === bad.lastRow) continue
    bad.lastRow = row
    bad.count++
    if (bad.firstRow < 0) bad.firstRow = row
  }
}

let halfTable: Float32Array | null = null

/** Little-endian IEEE 754 halves → float32, exact. A table of all 65,536 of them is faster than bit work per value. */
function halfToFloat(bytes: Uint8Array, target: Float32Array): void {
  halfTable ??= makeHalfTable()
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, target.length)
  for (let i = 0; i < halves.length; i++) target[i] = halfTable[halves[i]!]!
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

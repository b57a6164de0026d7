import { unzipSync, type UnzipFileInfo } from 'fflate'
import type { DataConfig } from '../../shared/config/data'
import { SPLIT_NAMES } from '../../shared/domain/dataset'
import { AppError, messageOf } from '../../shared/errors'
import { foreignText } from '../../shared/textEncoding'
import type { BagOfWords, Dataset, PairSplit } from './dataset'
import { foreignTextError, readFully, throwIfStopped, withInput } from './files'
import { parseHeader } from './npy'

/** Sizes that the rest of the data set gives a bag of words. */
interface Expected {
  /** Texts of `text_file`. */
  rows: number
  /** Words of `vocab_file`. */
  words: number
}

/** A NumPy array, its numbers not yet looked at. */
interface NumpyArray {
  shape: readonly number[]
  /** `|S3` and the like for text, else one of {@link NUMBERS}. */
  dtype: string
  bytes: Uint8Array
}

/** Above a real header's size; below anything worth an attack. */
const HEADER_BYTES = 1 << 16
/** Deflate cannot shrink data further, so that an archive which says so is lying. */
const DEFLATE_RATIO = 1032
/** What one array, or one file, may take in memory. */
const MAX_BYTES = 2 ** 31 - 1
const MAX_VOCABULARY_BYTES = 1 << 28

const SAVE_BOW = 'Write it with scipy.sparse.save_npz(bow_file, matrix.tocsr()), one row for each text of text_file.'
const COPY_AGAIN = 'Copy or write the file again.'

/** Numeric dtypes, as views of an aligned copy. */
const NUMBERS: Readonly<Record<string, (buffer: ArrayBuffer) => ArrayLike<number> | BigInt64Array | BigUint64Array>> = {
  '|b1': (buffer) => new Uint8Array(buffer),
  '|u1': (buffer) => new Uint8Array(buffer),
  '|i1': (buffer) => new Int8Array(buffer),
  '<u2': (buffer) => new Uint16Array(buffer),
  '<i2': (buffer) => new Int16Array(buffer),
  '<u4': (buffer) => new Uint32Array(buffer),
  '<i4': (buffer) => new Int32Array(buffer),
  '<u8': (buffer) => new BigUint64Array(buffer),
  '<i8': (buffer) => new BigInt64Array(buffer),
  '<f4': (buffer) => new Float32Array(buffer),
  '<f8': (buffer) => new Float64Array(buffer),
}

/**
 * The data set with its vocabulary, and with the word counts of every split's texts; a file that several splits name is
 * read once.
 *
 * @throws AppError `config_invalid` when a file is not configured; `not_found`, `unreadable`, `data_invalid`,
 *   `out_of_range` when one cannot be used; `stopped`
 */
export async function withBagsOfWords(dataset: Dataset, data: DataConfig, signal?: AbortSignal): Promise<Dataset> {
  if (data.vocab_file === undefined) throw notConfigured('vocab_file', 'The data set names no vocabulary')
  const vocabulary = await readVocabulary(data.vocab_file)
  const known = new Map<string, BagOfWords>()
  const read = async (split: PairSplit): Promise<PairSplit> => {
    throwIfStopped(signal)
    const file = data[split.name]?.bow_file
    if (file === undefined)
      throw notConfigured(`${split.name}.bow_file`, `The split ${split.name} names no bag of words`)
    const bow = known.get(file) ?? (await readBow(file, { rows: split.table.rows, words: vocabulary.length }))
    if (bow.rows !== split.table.rows) throw wrongRows(file, bow.rows, split.table.rows)
    known.set(file, bow)
    return { ...split, bow }
  }
  const splits = { train: await read(dataset.splits.train) }
  for (const name of SPLIT_NAMES) {
    const split = dataset.splits[name]
    if (split && name !== 'train') Object.assign(splits, { [name]: await read(split) })
  }
  return { ...dataset, vocabulary, splits }
}

function notConfigured(key: string, message: string): AppError {
  return new AppError('config_invalid', message, {
    key,
    fix: 'A topic model needs vocab_file, and bow_file in every split, in the data configuration.',
  })
}

/** One word a line, UTF-8. @throws AppError `not_found`, `unreadable`, `data_invalid` */
export async function readVocabulary(file: string): Promise<string[]> {
  const bytes = await readWhole(file, MAX_VOCABULARY_BYTES)
  const foreign = foreignText(bytes)
  if (foreign) throw foreignTextError(file, foreign)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw invalid(file, 'The vocabulary is not UTF-8', 'Save it as UTF-8, one word a line.')
  }
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  if (lines.length === 0) throw invalid(file, 'The vocabulary is empty', 'Write one word a line.')
  const words = lines.map((line) => line.trim())
  const empty = words.indexOf('')
  if (empty >= 0)
    throw new AppError('data_invalid', 'A line of the vocabulary is empty', {
      file,
      line: empty + 1,
      fix: 'Line i is the word of column i: write one word on every line.',
    })
  return words
}

/**
 * Reads a bag of words: a SciPy CSR matrix (.npz of scipy.sparse.save_npz) or a dense .npy matrix, of any number type,
 * [texts, words]. Sizes that an archive declares are checked before anything is inflated.
 *
 * @throws AppError `not_found`, `unreadable`, `data_invalid` (what is wrong with the file), `out_of_range` (too large)
 */
export async function readBow(file: string, expected: Expected): Promise<BagOfWords> {
  const bytes = await readWhole(file, MAX_BYTES)
  const zip = bytes[0] === 0x50 && bytes[1] === 0x4b
  return zip ? readCsr(file, bytes, expected) : fromDense(file, parseNumpy(file, 'The file', bytes), expected)
}

function readCsr(file: string, bytes: Uint8Array, expected: Expected): BagOfWords {
  // The two small members first: what they say gives the clearer message.
  const about = inflate(file, bytes, { format: HEADER_BYTES, shape: HEADER_BYTES })
  const format = about('format')
  const name = new TextDecoder('latin1').decode(format.bytes).replaceAll('\0', '')
  if (name !== 'csr') throw invalid(file, `The matrix is in ${JSON.stringify(name)} format, not in CSR`, SAVE_BOW)
  const shape = numbers(file, 'shape', about('shape'))
  checkShape(file, shape, expected)

  const cells = expected.rows * expected.words
  const array = inflate(file, bytes, {
    data: 8 * cells + HEADER_BYTES,
    indices: 8 * cells + HEADER_BYTES,
    indptr: 8 * (expected.rows + 1) + HEADER_BYTES,
  })
  const counts = numbers(file, 'data', array('data'))
  const columns = numbers(file, 'indices', array('indices'))
  const offsets = numbers(file, 'indptr', array('indptr'))
  if (offsets.length !== expected.rows + 1)
    throw invalid(file, `indptr has ${offsets.length} entries; ${expected.rows} rows need one more`, SAVE_BOW)
  if (columns.length !== counts.length)
    throw invalid(file, `There are ${counts.length} counts, but ${columns.length} indices`, SAVE_BOW)
  const falls = offsets.some((offset, i) => (i === 0 ? offset !== 0 : offset < offsets[i - 1]!))
  if (falls || offsets.at(-1) !== counts.length)
    throw invalid(file, 'indptr does not cut the counts into rows: it must rise from 0 to their number', SAVE_BOW)
  const rowOf = (at: number): number => offsets.findIndex((offset) => offset > at) - 1
  const stray = columns.findIndex((column) => !Number.isInteger(column) || column < 0 || column >= expected.words)
  if (stray >= 0)
    throw invalid(
      file,
      `Index ${columns[stray]} is outside the vocabulary of ${expected.words} words`,
      SAVE_BOW,
      rowOf(stray),
    )
  const bad = counts.findIndex((count) => !isCount(count))
  if (bad >= 0) throw badCount(file, counts[bad]!, rowOf(bad))
  return {
    file,
    ...expected,
    offsets: Int32Array.from(offsets),
    indices: Int32Array.from(columns),
    counts: Float32Array.from(counts),
  }
}

function fromDense(file: string, array: NumpyArray, expected: Expected): BagOfWords {
  checkShape(file, array.shape, expected)
  const values = numbers(file, 'The matrix', array)
  const bad = values.findIndex((value) => !isCount(value))
  if (bad >= 0) throw badCount(file, values[bad]!, Math.floor(bad / expected.words))
  const indices: number[] = []
  const counts: number[] = []
  const offsets = new Int32Array(expected.rows + 1)
  for (let row = 0; row < expected.rows; row++) {
    for (let word = 0; word < expected.words; word++) {
      const count = values[row * expected.words + word]!
      if (count === 0) continue
      indices.push(word)
      counts.push(count)
    }
    offsets[row + 1] = indices.length
  }
  return { file, ...expected, offsets, indices: Int32Array.from(indices), counts: Float32Array.from(counts) }
}

function checkShape(file: string, shape: ArrayLike<number>, { rows, words }: Expected): void {
  if (shape.length !== 2)
    throw invalid(file, `The array has ${shape.length} dimensions; a bag of words has two, (texts, words)`, SAVE_BOW)
  if (shape[0] !== rows) throw wrongRows(file, shape[0]!, rows)
  if (shape[1] !== words)
    throw invalid(
      file,
      `bow_file has ${shape[1]} columns, but vocab_file has ${words} words`,
      'Column j must count the word of line j + 1: make both files again, together.',
    )
}

/** A count that float32 holds. */
const isCount = (value: number): boolean => value >= 0 && Number.isFinite(Math.fround(value))

function badCount(file: string, count: number, row: number): AppError {
  const what = count < 0 ? 'negative' : 'not a finite number'
  return invalid(file, `A word count is ${what} (${count})`, 'Counts are finite and at least 0.', row)
}

function wrongRows(file: string, rows: number, texts: number): AppError {
  return invalid(
    file,
    `bow_file has ${rows} rows, but text_file has ${texts} texts`,
    'Row i of bow_file must count the words of text i: make it again from this text_file.',
  )
}

/** The named arrays of a .npz archive, none of which may declare more bytes than the given limit. */
function inflate(
  file: string,
  archive: Uint8Array,
  limits: Readonly<Record<string, number>>,
): (name: string) => NumpyArray {
  const known = new Map(Object.entries(limits))
  let entries: Record<string, Uint8Array>
  try {
    entries = unzipSync(archive, {
      filter: (entry) => {
        const limit = known.get(entry.name.replace(/\.npy$/, ''))
        if (limit === undefined) return false
        checkEntry(file, entry, limit)
        return true
      },
    })
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError(
      'data_invalid',
      `The .npz archive cannot be read, it is truncated or damaged: ${messageOf(error)}`,
      { file, fix: COPY_AGAIN },
      error,
    )
  }
  return (name) => {
    const found = entries[`${name}.npy`]
    if (!found) throw invalid(file, `The archive has no array "${name}"; a SciPy CSR matrix has one`, SAVE_BOW)
    return parseNumpy(file, name, found)
  }
}

function checkEntry(file: string, { name, size, originalSize }: UnzipFileInfo, limit: number): void {
  if (originalSize > limit || originalSize > DEFLATE_RATIO * size + HEADER_BYTES)
    throw invalid(
      file,
      `The archive declares ${originalSize} bytes for "${name}", more than its matrix can have; nothing was unpacked`,
      SAVE_BOW,
    )
  if (originalSize > MAX_BYTES)
    throw new AppError('out_of_range', `The array "${name}" has ${originalSize} bytes, too many to load`, {
      file,
      fix: 'Use a smaller vocabulary.',
    })
}

/** A .npy file in memory: C order, little endian. */
function parseNumpy(file: string, what: string, bytes: Uint8Array): NumpyArray {
  const damaged = (why: string): AppError => invalid(file, `${what} is no .npy array: ${why}`, SAVE_BOW)
  const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]
  if (bytes.length < 12 || magic.some((byte, i) => bytes[i] !== byte))
    throw damaged('it does not start with \\x93NUMPY')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = bytes[6]!
  const from = version === 1 ? 10 : 12
  const to = from + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true))
  if (to > bytes.length) throw invalid(file, `${what} is truncated inside its .npy header`, COPY_AGAIN)
  if (to > HEADER_BYTES) throw damaged('its header is too long')
  const header = parseHeader(new TextDecoder(version === 3 ? 'utf-8' : 'latin1').decode(bytes.subarray(from, to)))
  if (!header) throw damaged('its header cannot be parsed')
  const { descr, fortranOrder } = header
  if (descr === null) throw damaged('it is a structured array')
  if (/^[|<>=]?O/.test(descr))
    throw invalid(file, `${what} holds Python objects (pickles), which are never loaded`, SAVE_BOW)
  if (fortranOrder && header.shape.length > 1)
    throw invalid(file, `${what} is in Fortran order`, 'Save numpy.ascontiguousarray(matrix), which is in C order.')
  const itemBytes = /^[<|][a-zA-Z](\d{1,4})$/.exec(descr)?.[1]
  if (itemBytes === undefined)
    throw invalid(file, `${what} has values of type "${descr}", which are not read`, SAVE_BOW)
  // In BigInt: a made-up shape must not overflow.
  const wanted = header.shape.reduce((a, b) => a * b, BigInt(itemBytes))
  const has = BigInt(bytes.length - to)
  if (has !== wanted)
    throw invalid(
      file,
      `${what} ${has < wanted ? 'is truncated' : 'goes on after its data'}: its shape (${header.shape.join(', ')}) needs ${wanted} bytes, there are ${has}`,
      COPY_AGAIN,
    )
  return { shape: header.shape.map(Number), dtype: descr, bytes: bytes.subarray(to) }
}

function numbers(file: string, what: string, { dtype, bytes }: NumpyArray): Float64Array {
  const view = NUMBERS[dtype]
  if (!view) throw invalid(file, `${what} has values of type "${dtype}", which are not read`, SAVE_BOW)
  const aligned = new ArrayBuffer(bytes.length)
  new Uint8Array(aligned).set(bytes)
  const values = view(aligned)
  const out = new Float64Array(values.length)
  for (let i = 0; i < out.length; i++) out[i] = Number(values[i])
  return out
}

async function readWhole(file: string, limit: number): Promise<Uint8Array> {
  return withInput(file, async (input) => {
    if (input.size > limit)
      throw new AppError('out_of_range', `The file has ${input.size} bytes, too many to load (at most ${limit})`, {
        file,
        fix: 'Use a smaller vocabulary.',
      })
    const bytes = new Uint8Array(input.size)
    await readFully(input, bytes, 0)
    return bytes
  })
}

function invalid(file: string, message: string, fix: string, row?: number): AppError {
  return new AppError('data_invalid', message, { file, ...(row !== undefined && { row }), fix })
}

import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { zipSync } from 'fflate'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DataConfig } from '../../shared/config/data'
import { AppError } from '../../shared/errors'
import { syntheticDataset } from '../testing/syntheticDataset'
import { readBow, readVocabulary, withBagsOfWords } from './bow'
import { temporaryFolder } from './dataFixture'
import type { BagOfWords } from './dataset'

/** [3, 4]: row 0 holds 2 of word 1, row 1 nothing, row 2 one of word 0 and 3 of word 3. */
const DENSE = [0, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 3]
const EXPECTED = { rows: 3, words: 4 }

const bytesOf = (values: Int32Array | BigInt64Array | Float32Array | Float64Array | Uint8Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

function npy(descr: string, shape: readonly number[], data: Uint8Array, fortran = false): Uint8Array {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${tuple}), }`
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`
  const out = new Uint8Array(10 + header.length + data.length)
  out.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8])
  out.set(new TextEncoder().encode(header), 10)
  out.set(data, 10 + header.length)
  return out
}

/** The arrays that scipy.sparse.save_npz writes. */
function csr(change: Record<string, Uint8Array | null> = {}): Record<string, Uint8Array> {
  const arrays: Record<string, Uint8Array | null> = {
    indices: npy('<i4', [3], bytesOf(Int32Array.of(1, 0, 3))),
    indptr: npy('<i4', [4], bytesOf(Int32Array.of(0, 1, 1, 3))),
    format: npy('|S3', [], new TextEncoder().encode('csr')),
    shape: npy('<i8', [2], bytesOf(BigInt64Array.of(3n, 4n))),
    data: npy('<f8', [3], bytesOf(Float64Array.of(2, 1, 3))),
    ...change,
  }
  const kept = Object.entries(arrays).flatMap(([name, array]) => (array ? [[`${name}.npy`, array] as const] : []))
  return Object.fromEntries(kept)
}

function fileOf(bytes: Uint8Array, name = 'bow.npz'): string {
  const file = join(temporaryFolder(), name)
  writeFileSync(file, bytes)
  return file
}

const archive = (change?: Record<string, Uint8Array | null>): string => fileOf(zipSync(csr(change)))

function dense({ rows, words, offsets, indices, counts }: BagOfWords): number[] {
  const out = new Array<number>(rows * words).fill(0)
  for (let row = 0; row < rows; row++)
    for (let at = offsets[row]!; at < offsets[row + 1]!; at++) out[row * words + indices[at]!]! += counts[at]!
  return out
}

async function failure(reading: Promise<unknown>): Promise<AppError> {
  const thrown = await reading.then(
    () => null,
    (error: unknown) => error,
  )
  if (!(thrown instanceof AppError)) throw new Error(`no AppError was thrown, but ${String(thrown)}`)
  return thrown
}

describe('readBow', () => {
  it('reads what SciPy writes', async () => {
    expect(dense(await readBow(archive(), EXPECTED))).toEqual(DENSE)
  })

  it('reads an archive that is stored, not compressed', async () => {
    expect(dense(await readBow(fileOf(zipSync(csr(), { level: 0 })), EXPECTED))).toEqual(DENSE)
  })

  it.each([
    ['|u1', (v: number[]) => bytesOf(Uint8Array.from(v))],
    ['|b1', (v: number[]) => bytesOf(Uint8Array.from(v, (x) => Math.min(x, 1)))],
    ['<i4', (v: number[]) => bytesOf(Int32Array.from(v))],
    ['<i8', (v: number[]) => bytesOf(BigInt64Array.from(v, BigInt))],
    ['<f4', (v: number[]) => bytesOf(Float32Array.from(v))],
    ['<f8', (v: number[]) => bytesOf(Float64Array.from(v))],
  ])('reads a dense .npy of %s', async (descr, write) => {
    const bow = await readBow(fileOf(npy(descr, [3, 4], write(DENSE)), 'bow.npy'), EXPECTED)
    expect(dense(bow)).toEqual(descr === '|b1' ? DENSE.map((v) => Math.min(v, 1)) : DENSE)
    expect(bow.counts).toHaveLength(3)
  })

  it('reads unsorted and repeated columns, which add up', async () => {
    const file = archive({
      indices: npy('<i8', [3], bytesOf(BigInt64Array.of(3n, 1n, 3n))),
      indptr: npy('<i8', [4], bytesOf(BigInt64Array.of(0n, 3n, 3n, 3n))),
    })
    expect(dense(await readBow(file, EXPECTED)).slice(0, 4)).toEqual([0, 1, 0, 5])
  })

  it.each<[string, string, Record<string, Uint8Array | null>]>([
    ['another number of rows', 'bow_file has 5 rows, but text_file has 3', { shape: shape(5, 4) }],
    ['another width', 'bow_file has 9 columns, but vocab_file has 4', { shape: shape(3, 9) }],
    ['three dimensions', '3 dimensions', { shape: npy('<i8', [3], bytesOf(BigInt64Array.of(3n, 4n, 1n))) }],
    ['CSC', '"csc" format', { format: npy('|S3', [], new TextEncoder().encode('csc')) }],
    ['a missing array', 'no array "indptr"', { indptr: null }],
    ['a missing format', 'no array "format"', { format: null }],
    ['an index beyond the vocabulary', 'Index 4 is outside', { indices: ints(1, 0, 4) }],
    ['a negative index', 'Index -1 is outside', { indices: ints(1, -1, 3) }],
    ['falling row offsets', 'indptr does not cut', { indptr: ints(0, 2, 1, 3) }],
    ['row offsets that do not reach the end', 'indptr does not cut', { indptr: ints(0, 1, 1, 2) }],
    ['row offsets beyond the end', 'indptr does not cut', { indptr: ints(0, 1, 1, 9) }],
    ['too few row offsets', 'indptr has 3 entries', { indptr: ints(0, 1, 3) }],
    ['fewer counts than indices', '2 counts, but 3 indices', { data: floats(2, 1) }],
    ['a negative count', 'negative (-1)', { data: floats(2, -1, 3) }],
    ['a NaN', 'not a finite number (NaN)', { data: floats(2, NaN, 3) }],
    ['an infinite count', 'not a finite number (Infinity)', { data: floats(2, Infinity, 3) }],
    ['a count beyond float32', 'not a finite number (1e+300)', { data: floats(2, 1e300, 3) }],
    ['Python objects', 'Python objects', { data: npy('|O', [3], new Uint8Array(24)) }],
    ['complex numbers', 'type "<c16"', { data: npy('<c16', [3], new Uint8Array(48)) }],
    ['a big-endian array', 'type ">f8"', { data: npy('>f8', [3], new Uint8Array(24)) }],
    ['an array cut short', 'is truncated', { data: floats(2, 1, 3).subarray(0, -5) }],
    ['an array that is none', 'does not start with', { data: new Uint8Array(200) }],
  ])('refuses %s', async (_, message, change) => {
    const error = await failure(readBow(archive(change), EXPECTED))
    expect(error.code).toBe('data_invalid')
    expect(error.message).toContain(message)
    expect(error.details.file).toContain('bow.npz')
    expect(error.details.fix).toBeTruthy()
  })

  it('names the row of a bad count', async () => {
    const { details } = await failure(readBow(archive({ data: floats(2, -1, 3) }), EXPECTED))
    expect(details.row).toBe(2)
  })

  it('refuses a truncated archive', async () => {
    const whole = zipSync(csr())
    for (const length of [3, 40, whole.length >> 1, whole.length - 30]) {
      const error = await failure(readBow(fileOf(whole.subarray(0, length)), EXPECTED))
      expect(error.code).toBe('data_invalid')
    }
  })

  it('refuses an archive that would unpack to more than its matrix can have, without unpacking it', async () => {
    const bomb = zipSync(csr({ data: npy('<f8', [2 ** 21], new Uint8Array(2 ** 24)) }))
    expect(bomb.length).toBeLessThan(2 ** 16)
    const error = await failure(readBow(fileOf(bomb), EXPECTED))
    expect(error.message).toMatch(/declares 16777\d+ bytes for "data.npy".*nothing was unpacked/)
  })

  it('refuses an archive that lies about a member’s size', async () => {
    const bytes = zipSync(csr({ data: npy('<f8', [2 ** 16], new Uint8Array(2 ** 19)) }))
    // The directory's entry for data.npy: its size before compression stands 24 bytes in, its name 46.
    const at = Buffer.from(bytes).lastIndexOf('data.npy') - 46
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(at + 24, 128 + 24, true)
    const error = await failure(readBow(fileOf(bytes), EXPECTED))
    expect(error.code).toBe('data_invalid')
  })

  it('refuses dense matrices of the wrong order, shape or kind', async () => {
    const data = bytesOf(Float32Array.from(DENSE))
    const message = async (bytes: Uint8Array): Promise<string> =>
      (await failure(readBow(fileOf(bytes, 'bow.npy'), EXPECTED))).message
    expect(await message(npy('<f4', [3, 4], data, true))).toContain('Fortran')
    expect(await message(npy('<f4', [4, 3], data))).toContain('4 rows')
    expect(await message(npy('<f4', [12], data))).toContain('1 dimensions')
    expect(await message(npy('<f4', [3, 4], data.subarray(4)))).toContain('truncated')
    expect(await message(new TextEncoder().encode('no array at all, only text'))).toContain('no .npy array')
    expect(await message(new Uint8Array(0))).toContain('no .npy array')
  })

  it('never fails but with an AppError, whatever bytes are damaged', async () => {
    const whole = zipSync(csr())
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    const folder = temporaryFolder()
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const bytes = Uint8Array.from(whole)
        for (const [at, byte] of changes) bytes[at] = byte
        const file = join(folder, 'damaged.npz')
        writeFileSync(file, bytes)
        await readBow(file, EXPECTED).then(
          (bow) => expect(dense(bow).every((count) => count >= 0)).toBe(true),
          (error: unknown) => expect(error).toBeInstanceOf(AppError),
        )
      }),
      { numRuns: 300, seed: 1 },
    )
  })
})

describe('readVocabulary', () => {
  it('reads one word a line, with any line ends, and spaces around words left out', async () => {
    const file = fileOf(new TextEncoder().encode('\ufefftea\r\nrain \nnaïve\n'), 'vocab.txt')
    expect(await readVocabulary(file)).toEqual(['tea', 'rain', 'naïve'])
  })

  it('refuses an empty line, an empty file and other encodings', async () => {
    const read = (bytes: Uint8Array): Promise<AppError> => failure(readVocabulary(fileOf(bytes, 'vocab.txt')))
    expect((await read(new TextEncoder().encode('tea\n\nrain\n'))).details.line).toBe(2)
    expect((await read(new Uint8Array(0))).message).toContain('empty')
    expect((await read(Uint8Array.of(0x74, 0xe9, 0x0a))).message).toContain('UTF-8')
  })
})

describe('withBagsOfWords', () => {
  const dataset = syntheticDataset({ users: 2, texts: 3, width: 2, pairs: 6, words: 0 })

  function data(vocabulary: string | null, bow: string | null): DataConfig {
    const files = { df_file: '-', text_file: '-', emb_file: '-', ...(bow !== null && { bow_file: bow }) }
    return {
      dts_name: 'synthetic',
      dts_path: '/',
      prefix_columns: [],
      ...(vocabulary !== null && { vocab_file: vocabulary }),
      train: files,
      dev: files,
      test: files,
      test_unseen: files,
    }
  }
  const vocabulary = (): string => fileOf(new TextEncoder().encode('a\nb\nc\nd\n'), 'vocab.txt')

  it('gives every split its counts, a shared file once', async () => {
    const { vocabulary: words, splits } = await withBagsOfWords(dataset, data(vocabulary(), archive()))
    expect(words).toEqual(['a', 'b', 'c', 'd'])
    expect(dense(splits.train.bow!)).toEqual(DENSE)
    expect(splits.test_unseen?.bow).toBe(splits.train.bow)
  })

  it('says which key is missing', async () => {
    const noWords = await failure(withBagsOfWords(dataset, data(null, archive())))
    expect(noWords).toMatchObject({ code: 'config_invalid', details: { key: 'vocab_file' } })
    const noBow = await failure(withBagsOfWords(dataset, data(vocabulary(), null)))
    expect(noBow).toMatchObject({ code: 'config_invalid', details: { key: 'train.bow_file' } })
  })

  it('stops when asked to', async () => {
    const stopped = await failure(withBagsOfWords(dataset, data(vocabulary(), archive()), AbortSignal.abort()))
    expect(stopped.code).toBe('stopped')
  })

  it('reads the bundled sample', async () => {
    const sample = resolve(import.meta.dirname, '../../../resources/data/simpler')
    const words = await readVocabulary(join(sample, 'vocab.txt'))
    const bow = await readBow(join(sample, 'bow.npz'), { rows: 936, words: words.length })
    expect(bow.offsets.at(-1)).toBe(bow.counts.length)
    expect(bow.counts.length).toBeGreaterThan(1000)
  })
})

function ints(...values: number[]): Uint8Array {
  return npy('<i4', [values.length], bytesOf(Int32Array.from(values)))
}

function floats(...values: number[]): Uint8Array {
  return npy('<f8', [values.length], bytesOf(Float64Array.from(values)))
}

function shape(rows: number, words: number): Uint8Array {
  return npy('<i8', [2], bytesOf(BigInt64Array.of(BigInt(rows), BigInt(words))))
}

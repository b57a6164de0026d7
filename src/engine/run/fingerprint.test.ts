import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { EmbeddingTable, PairSplit } from '../data/dataset'
import { encodeHalves } from '../../shared/float16'
import { syntheticDataset } from '../testing/syntheticDataset'
import { Fingerprint } from './fingerprint'

const { train } = syntheticDataset({ users: 3, texts: 40, width: 5, pairs: 60, features: 2 }).splits
const split: PairSplit = { ...train, rewardMargin: new Float32Array(60).fill(0.25) }

/** What checkpoints held before `xxh64`: SHA-256 of the columns' bytes, then of the vectors'. */
function sha256(vectors: Float32Array | Uint16Array): string {
  const hash = createHash('sha256')
  for (const part of [split.users, split.prompts, split.chosen, split.rejected, split.features!, split.rewardMargin!])
    hash.update(Buffer.from(part.buffer, part.byteOffset, part.byteLength))
  return `sha256:${hash.update(Buffer.from(vectors.buffer, vectors.byteOffset, vectors.byteLength)).digest('hex')}`
}

const numbers = Float32Array.from(train.table.values)
const halves = encodeHalves(numbers, new Uint16Array(numbers.length))
const shape = { file: 'a.npy', rows: 40, width: 5 }
const packed: EmbeddingTable = { ...shape, stride: 5, dtype: 'float32', values: numbers }
const packedHalves: EmbeddingTable = { ...shape, stride: 5, dtype: 'float16', values: halves }

/** The same rows at a stride of 16, behind 64 other bytes, in memory of a kind. */
function strided(memory: ArrayBufferLike, source: Float32Array | Uint16Array): EmbeddingTable {
  const table: EmbeddingTable =
    source instanceof Float32Array
      ? { ...shape, stride: 16, dtype: 'float32', values: new Float32Array(memory, 64, 40 * 16) }
      : { ...shape, stride: 16, dtype: 'float16', values: new Uint16Array(memory, 64, 40 * 16) }
  for (let row = 0; row < 40; row++) table.values.set(source.subarray(row * 5, row * 5 + 5), row * 16)
  return table
}

const hashes = (table: EmbeddingTable): string[] => {
  const fingerprint = new Fingerprint({ ...split, table })
  return [fingerprint.by('xxh64'), fingerprint.by('sha256')]
}

describe('the fingerprint of the training data', () => {
  it.each([
    [0, 'ef46db3751d8e999'],
    [14, '8282dcc4994e35c8'],
    [222, 'b641ae8cb691c174'],
  ])('is xxHash64 as its authors define it, by %i bytes of their self-test', (bytes, hex) => {
    // Each byte is the highest of a number that grows by the factor PRIME64.
    let generator = 2654435761n
    const selfTest = Uint8Array.from({ length: bytes }, () => {
      const byte = Number(generator >> 56n)
      generator = BigInt.asUintN(64, generator * 11400714785074694797n)
      return byte
    })
    const none = new Int32Array(0)
    const fingerprint = new Fingerprint({
      ...train,
      pairs: 0,
      features: null,
      users: none,
      prompts: none,
      chosen: none,
      rejected: none,
      table: {
        file: 'a.npy',
        rows: 1,
        width: bytes / 2,
        stride: bytes / 2,
        dtype: 'float16',
        values: new Uint16Array(selfTest.buffer),
      },
    })
    expect(fingerprint.by('xxh64')).toBe(`xxh64:${hex}`)
  })

  it('is what earlier versions wrote where it is compared with theirs, so that their runs can be resumed', () => {
    expect(hashes(packed)[1]).toBe(sha256(numbers))
    expect(hashes(packedHalves)[1]).toBe(sha256(halves))
  })

  it.each([
    ['ordinary memory', new ArrayBuffer(64 + 40 * 16 * 4)],
    ['shared memory', new SharedArrayBuffer(64 + 40 * 16 * 4)],
  ])('does not depend on padding: %s', (_what, memory) => {
    expect(hashes(strided(memory, numbers))).toEqual(hashes(packed))
    expect(hashes(strided(memory, halves))).toEqual(hashes(packedHalves))
  })

  it('is another for vectors that were rounded, for other pairs and for other margins', () => {
    const others = [
      new Fingerprint({ ...split, table: packed }),
      new Fingerprint({ ...split, table: packedHalves }),
      new Fingerprint({ ...split, table: packed, chosen: split.rejected, rejected: split.chosen }),
      new Fingerprint({ ...split, table: packed, rewardMargin: new Float32Array(60) }),
    ].map((fingerprint) => fingerprint.by('xxh64'))
    expect(new Set(others).size).toBe(4)
  })

  it('of a table of many pieces is the same in shared memory, and changes with the last of its numbers', () => {
    const [rows, width] = [700, 1024]
    const values = new Float32Array(rows * width).map((_, i) => i % 1000)
    const shared = new Float32Array(new SharedArrayBuffer(values.byteLength))
    shared.set(values)
    const table: EmbeddingTable = { file: 'a.npy', rows, width, stride: width, dtype: 'float32', values }
    const whole = hashes(table)
    expect(hashes({ ...table, values: shared })).toEqual(whole)
    shared[shared.length - 1] = -1
    const [xxh64, sha] = hashes({ ...table, values: shared })
    expect(xxh64).not.toBe(whole[0])
    expect(sha).not.toBe(whole[1])
  })
})

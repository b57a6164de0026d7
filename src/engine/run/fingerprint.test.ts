import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { EmbeddingTable, PairSplit } from '../data/dataset'
import { encodeHalves } from '../data/embeddingTable'
import { syntheticDataset } from '../testing/syntheticDataset'
import { Fingerprint } from './fingerprint'

const { train } = syntheticDataset({ users: 3, texts: 40, width: 5, pairs: 60, features: 2 }).splits
const split: PairSplit = { ...train, rewardMargin: new Float32Array(60).fill(0.25) }

/** What checkpoints have held since their first format: the columns' bytes, then the vectors'. */
function expected(vectors: Float32Array | Uint16Array): string {
  const hash = createHash('sha256')
  for (const part of [split.users, split.prompts, split.chosen, split.rejected, split.features!, split.rewardMargin!])
    hash.update(Buffer.from(part.buffer, part.byteOffset, part.byteLength))
  return hash.update(Buffer.from(vectors.buffer, vectors.byteOffset, vectors.byteLength)).digest('hex')
}

const numbers = Float32Array.from(train.table.values)
const halves = encodeHalves(numbers, new Uint16Array(numbers.length))

/** The same rows at a stride of 16, behind 64 other bytes, in memory of a kind. */
function strided(memory: ArrayBufferLike, source: Float32Array | Uint16Array): EmbeddingTable {
  const shape = { file: 'a.npy', rows: 40, width: 5, stride: 16 }
  const table: EmbeddingTable =
    source instanceof Float32Array
      ? { ...shape, dtype: 'float32', values: new Float32Array(memory, 64, 40 * 16) }
      : { ...shape, dtype: 'float16', values: new Uint16Array(memory, 64, 40 * 16) }
  for (let row = 0; row < 40; row++) table.values.set(source.subarray(row * 5, row * 5 + 5), row * 16)
  return table
}

const NO_THREAD = { worthAThread: Infinity }
const THREAD = { worthAThread: 0 }

describe('the fingerprint of the training data', () => {
  it('is what earlier versions wrote, so that their runs can be resumed', () => {
    expect(new Fingerprint(split).hex).toBe(expected(numbers))
  })

  it.each([
    ['ordinary memory', new ArrayBuffer(64 + 40 * 16 * 4), NO_THREAD],
    ['shared memory', new SharedArrayBuffer(64 + 40 * 16 * 4), NO_THREAD],
    ['shared memory, on a thread', new SharedArrayBuffer(64 + 40 * 16 * 4), THREAD],
  ])('does not depend on padding: %s', (_what, memory, worthAThread) => {
    expect(new Fingerprint({ ...split, table: strided(memory, numbers) }, worthAThread).hex).toBe(expected(numbers))
    expect(new Fingerprint({ ...split, table: strided(memory, halves) }, worthAThread).hex).toBe(expected(halves))
  })

  it('is the same from a thread for a table of many pieces, and changes with the last of its numbers', () => {
    const [rows, width] = [700, 1024]
    const values = new Float32Array(new SharedArrayBuffer(rows * width * 4)).map((_, i) => i % 1000)
    const shared = new Float32Array(new SharedArrayBuffer(rows * width * 4))
    shared.set(values)
    const table: EmbeddingTable = { file: 'a.npy', rows, width, stride: width, dtype: 'float32', values: shared }
    const threaded = new Fingerprint({ ...split, table }, THREAD)
    expect(threaded.hex).toBe(expected(values))
    expect(threaded.hex).toBe(new Fingerprint({ ...split, table }, NO_THREAD).hex)
    shared[shared.length - 1] = -1
    expect(new Fingerprint({ ...split, table }, THREAD).hex).not.toBe(expected(values))
  })

  it('is made by whoever waits when nothing comes from the thread', () => {
    const memory = new SharedArrayBuffer(64 + 40 * 16 * 4)
    const table = strided(memory, numbers)
    // With no patience at all the thread has not begun when it is given up.
    const fingerprint = new Fingerprint({ ...split, table }, { ...THREAD, stalledMs: 0 })
    expect(fingerprint.hex).toBe(expected(numbers))
  })
})

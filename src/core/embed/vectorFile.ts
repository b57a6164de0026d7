import fs from 'node:fs'
import { AppError, messageOf } from '../../shared/errors'
import { encodeHalves, HALF_NOT_FINITE } from '../../shared/float16'
import { npyHeader } from '../../shared/npyHeader'
import type { VectorCache } from './vectorCache'

export const VECTOR_TYPES = ['float32', 'float16'] as const
export type VectorType = (typeof VECTOR_TYPES)[number]

const DESCR = { float32: '<f4', float16: '<f2' } as const
const ITEM_BYTES = { float32: 4, float16: 2 } as const

export interface VectorFilePlan {
  file: string
  /** Rows in which the text of a key stands. */
  rowsOf: ReadonlyMap<string, readonly number[]>
  rows: number
  type: VectorType
  /** Scales every vector to length 1. */
  normalize: boolean
}

/**
 * Writes an `emb_file`, row i for text i, from the cache in one pass and in the memory of one vector. It appears under
 * its name when all rows are there.
 *
 * @throws AppError `out_of_range` for a vector that float16 cannot hold or that has no direction, `unwritable`
 */
export function writeVectorFile(plan: VectorFilePlan, cache: VectorCache): void {
  const { file, rowsOf, rows, type, normalize } = plan
  const width = cache.width
  if (width === undefined) throw new AppError('internal', 'There are no vectors to write')
  const header = npyHeader(DESCR[type], [rows, width])
  const rowBytes = width * ITEM_BYTES[type]
  const written = new Uint8Array(rows)
  const draft = `${file}.${process.pid}.tmp`
  try {
    // What a crash has left, or a link that would lead elsewhere.
    fs.rmSync(draft, { force: true })
    const handle = fs.openSync(draft, 'wx')
    try {
      fs.writeSync(handle, header)
      const out = type === 'float32' ? new Float32Array(width) : new Uint16Array(width)
      cache.read((key, vector) => {
        for (const row of rowsOf.get(key) ?? []) {
          if (written[row] === 1) continue
          encode(vector, out, normalize, row)
          writeAll(handle, new Uint8Array(out.buffer), header.length + row * rowBytes)
          written[row] = 1
        }
      })
      fs.fsyncSync(handle)
    } finally {
      fs.closeSync(handle)
    }
    const gap = written.indexOf(0)
    if (gap >= 0) throw new AppError('internal', `The cache lost the vector of text ${gap}`, { file: cache.file })
    fs.renameSync(draft, file)
  } catch (thrown) {
    fs.rmSync(draft, { force: true })
    if (thrown instanceof AppError) throw thrown
    const fix = 'Check the free space and the permissions of the folder.'
    throw new AppError('unwritable', `${file} cannot be written: ${messageOf(thrown)}`, { file, fix }, thrown)
  }
}

function encode(vector: Float32Array, out: Float32Array | Uint16Array, normalize: boolean, row: number): void {
  let scale = 1
  if (normalize) {
    const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
    if (norm === 0)
      throw new AppError('out_of_range', `The vector of text ${row} is zero: it has no direction to scale`, {
        row,
        fix: 'Give --no-normalize, or take the text out of the pairs.',
      })
    scale = 1 / norm
  }
  const scaled = vector.map((value) => value * scale)
  if (out instanceof Float32Array) return out.set(scaled)
  encodeHalves(scaled, out)
  const lost = out.findIndex((half) => (half & HALF_NOT_FINITE) === HALF_NOT_FINITE)
  if (lost >= 0)
    throw new AppError('out_of_range', `The vector of text ${row} holds ${scaled[lost]}, more than float16 can`, {
      row,
      fix: 'Give --dtype float32.',
    })
}

function writeAll(handle: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;)
    done += fs.writeSync(handle, bytes, done, bytes.length - done, position + done)
}

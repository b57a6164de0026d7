import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { z } from 'zod'
import { AppError, messageOf } from '../../shared/errors'
import { makeFolders } from '../folders'

/**
 * Vectors that have been computed or paid for, on disk: one file an embedder, which only ever grows.
 *
 *     {"format":"delta-vector-cache","version":1,"provider":…,"model":…,"width":D}\n
 *     records of 40 + 4 D bytes: "DVEC", SHA-256 of the text, D float32 (little endian), CRC-32 of all before
 *
 * A record is found by its mark and proved by its checksum. A crash leaves at most one torn record, which is passed over,
 * as is anything else that is damaged; what follows is found again at the next mark.
 */
const MARK = Buffer.from('DVEC')
const KEY_BYTES = 32
const CRC_BYTES = 4
/** Read at once. */
const CHUNK_BYTES = 4 << 20
const MAX_HEADER_BYTES = 4096
const MAX_WIDTH = 1 << 16

const headerSchema = z.object({
  format: z.literal('delta-vector-cache'),
  version: z.literal(1),
  provider: z.string(),
  model: z.string(),
  // Records are as long as it says: more than any model gives would only be memory.
  width: z.int().positive().max(MAX_WIDTH),
})

export interface CacheScope {
  provider: string
  model: string
  /** Everything else that a vector depends on besides its text. */
  identity: string
}

/** The key of a text: the record of equal texts is the same one. */
export function textKey(text: string): string {
  // JSON tells lone surrogates apart, which UTF-8 would merge.
  return createHash('sha256')
    .update(text.isWellFormed() ? text : JSON.stringify(text))
    .digest()
    .toString('latin1')
}

/** Where vectors are kept for all data sets of this user, unless a person says otherwise. */
export function defaultCacheFolder(environment: NodeJS.ProcessEnv): string {
  const base =
    environment['XDG_CACHE_HOME'] ??
    (process.platform === 'win32' ? environment['LOCALAPPDATA'] : undefined) ??
    path.join(os.homedir(), '.cache')
  return path.join(base, 'delta-workbench', 'embeddings')
}

export class VectorCache {
  readonly file: string
  readonly #scope: CacheScope
  #width: number | undefined
  #headerBytes = 0
  #handle: number | undefined

  private constructor(file: string, scope: CacheScope) {
    this.file = file
    this.#scope = scope
  }

  /** @throws AppError `unwritable`, or `config_invalid` for a file that is no cache of this embedder */
  static open(folder: string, scope: CacheScope): VectorCache {
    makeFolders(folder)
    const hash = createHash('sha256').update(scope.identity).digest('hex').slice(0, 16)
    const name = `${scope.provider}-${scope.model.replaceAll(/[^\w.-]+/g, '_').slice(0, 80)}-${hash}.vectors`
    const cache = new VectorCache(path.join(folder, name), scope)
    if (fs.existsSync(cache.file)) cache.#readHeader()
    return cache
  }

  /** Width D of the vectors, once any is there. */
  get width(): number | undefined {
    return this.#width
  }

  /** Tells of every sound record in the file. The vector is a view that holds until the call returns. */
  read(onVector: (key: string, vector: Float32Array) => void): { records: number; damagedBytes: number } {
    if (this.#width === undefined) return { records: 0, damagedBytes: 0 }
    const size = recordBytes(this.#width)
    const vector = new Float32Array(this.#width)
    const target = new Uint8Array(vector.buffer)
    let records = 0
    let damagedBytes = 0
    const handle = fs.openSync(this.file, 'r')
    try {
      let held = Buffer.alloc(0)
      let position = this.#headerBytes
      const chunk = Buffer.allocUnsafe(Math.max(Math.min(CHUNK_BYTES, fs.fstatSync(handle).size), size))
      for (;;) {
        const got = fs.readSync(handle, chunk, 0, chunk.length, position)
        if (got === 0) break
        position += got
        held = Buffer.concat([held, chunk.subarray(0, got)])
        let at = 0
        while (held.length - at >= size) {
          const record = held.subarray(at, at + size)
          if (record.subarray(0, 4).equals(MARK) && record.readUInt32LE(size - 4) === crc32(record.subarray(0, -4))) {
            target.set(record.subarray(MARK.length + KEY_BYTES, -CRC_BYTES))
            onVector(record.toString('latin1', MARK.length, MARK.length + KEY_BYTES), vector)
            records++
            at += size
            continue
          }
          const next = held.indexOf(MARK, at + 1)
          // The mark itself may be cut by the end of what is held.
          const to = next < 0 ? held.length - MARK.length + 1 : next
          damagedBytes += to - at
          at = to
        }
        held = Buffer.from(held.subarray(at))
      }
      return { records, damagedBytes: damagedBytes + held.length }
    } finally {
      fs.closeSync(handle)
    }
  }

  /** Adds a batch in one write and waits for the disk: what was paid for outlives a crash. @throws AppError */
  append(keys: readonly string[], vectors: readonly Float32Array[]): void {
    const [first] = vectors
    if (!first) return
    this.#width ??= this.#create(first.length)
    const size = recordBytes(this.#width)
    const bytes = Buffer.alloc(size * vectors.length)
    for (const [i, vector] of vectors.entries()) {
      if (vector.length !== this.#width) throw this.#otherWidth(vector.length)
      const record = bytes.subarray(i * size, (i + 1) * size)
      MARK.copy(record)
      record.write(keys[i]!, MARK.length, 'latin1')
      record.set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), MARK.length + KEY_BYTES)
      record.writeUInt32LE(crc32(record.subarray(0, -CRC_BYTES)), size - CRC_BYTES)
    }
    try {
      this.#handle ??= fs.openSync(this.file, 'a')
      fs.appendFileSync(this.#handle, bytes)
      fs.fdatasyncSync(this.#handle)
    } catch (thrown) {
      throw unwritable(this.file, thrown)
    }
  }

  close(): void {
    if (this.#handle !== undefined) fs.closeSync(this.#handle)
    this.#handle = undefined
  }

  /** The file with its header appears as a whole; a process that was quicker is joined. */
  #create(width: number): number {
    const { provider, model } = this.#scope
    const header = `${JSON.stringify({ format: 'delta-vector-cache', version: 1, provider, model, width })}\n`
    const draft = `${this.file}.${process.pid}`
    try {
      fs.rmSync(draft, { force: true })
      fs.writeFileSync(draft, header, { flush: true, flag: 'wx' })
      try {
        fs.linkSync(draft, this.file)
      } catch {
        if (!fs.existsSync(this.file)) fs.renameSync(draft, this.file)
      }
    } catch (thrown) {
      throw unwritable(this.file, thrown)
    } finally {
      fs.rmSync(draft, { force: true })
    }
    this.#readHeader()
    if (this.#width !== width) throw this.#otherWidth(width)
    return width
  }

  #readHeader(): void {
    const head = Buffer.alloc(MAX_HEADER_BYTES)
    let text: string
    try {
      // A pipe in its place would be waited for without end.
      const handle = fs.openSync(this.file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
      try {
        if (!fs.fstatSync(handle).isFile()) throw new Error('it is not a regular file')
        text = head.toString('latin1', 0, fs.readSync(handle, head, 0, head.length, 0))
      } finally {
        fs.closeSync(handle)
      }
    } catch (thrown) {
      throw new AppError('unreadable', `The cache cannot be read: ${messageOf(thrown)}`, { file: this.file }, thrown)
    }
    const end = text.indexOf('\n')
    const parsed = headerSchema.safeParse(parseJson(text.slice(0, end)))
    if (end < 0 || !parsed.success || parsed.data.model !== this.#scope.model)
      throw new AppError('config_invalid', 'This file is no cache of these vectors, and is left as it is', {
        file: this.file,
        key: 'cache',
        fix: 'Give --cache another folder, or move this file away.',
      })
    this.#width = parsed.data.width
    this.#headerBytes = end + 1
  }

  #otherWidth(width: number): AppError {
    return new AppError('service_failed', `The vectors have ${width} numbers now, and had ${this.#width} before`, {
      file: this.file,
      fix: 'The service gives another model under this name: check --model, or give --cache a new folder.',
    })
  }
}

const recordBytes = (width: number): number => MARK.length + KEY_BYTES + 4 * width + CRC_BYTES

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function unwritable(file: string, thrown: unknown): AppError {
  const fix = 'Check the free space and the permissions of the folder, or choose another with --cache.'
  return new AppError('unwritable', `${file} cannot be written: ${messageOf(thrown)}`, { file, fix }, thrown)
}

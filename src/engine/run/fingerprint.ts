import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type { PairSplit } from '../data/dataset'

/** Below this, hashing takes less time (some 30 ms) than starting a thread. */
const WORTH_A_THREAD_BYTES = 16 << 20
/** A thread that has not hashed a MiB in this time did not start, or died: then the waiting one does the work. */
const STALLED_MS = 10_000

/** Bytes between reports of progress. */
const CHUNK_BYTES = 1 << 20

/** What the hashing thread tells through shared memory: whether it is done, how far it is, and the 32 bytes. */
const DONE = 0
const PROGRESS = 1
const DIGEST_OFFSET = 8
const DIGEST_BYTES = 32

/**
 * SHA-256 of what a step depends on: which user prefers which text to which, and the texts' vectors (rows without
 * padding, in the number type that they are trained in). Most of the time this takes passes on another thread while
 * training begins; whoever asks earlier waits.
 */
export class Fingerprint {
  readonly #parts: Uint8Array[]
  readonly #rows: { bytes: Uint8Array; rows: number; rowBytes: number; strideBytes: number }
  readonly #report: SharedArrayBuffer | null
  readonly #stalledMs: number
  #hex: string | undefined

  constructor(split: PairSplit, { worthAThread = WORTH_A_THREAD_BYTES, stalledMs = STALLED_MS } = {}) {
    this.#stalledMs = stalledMs
    const { users, prompts, chosen, rejected, features, rewardMargin, table } = split
    this.#parts = [users, prompts, chosen, rejected, features, rewardMargin].flatMap((part) =>
      part ? [new Uint8Array(part.buffer, part.byteOffset, part.byteLength)] : [],
    )
    const { values, rows, width, stride } = table
    const { BYTES_PER_ELEMENT, buffer, byteOffset } = values
    this.#rows = {
      bytes: new Uint8Array(buffer, byteOffset, rows * stride * BYTES_PER_ELEMENT),
      rows,
      rowBytes: width * BYTES_PER_ELEMENT,
      strideBytes: stride * BYTES_PER_ELEMENT,
    }
    const shared = buffer instanceof SharedArrayBuffer && this.#rows.bytes.byteLength >= worthAThread
    this.#report = shared ? new SharedArrayBuffer(DIGEST_OFFSET + DIGEST_BYTES) : null
    if (this.#report) this.#start(this.#report)
  }

  get hex(): string {
    return (this.#hex ??= this.#fromThread() ?? this.#here())
  }

  #start(report: SharedArrayBuffer): void {
    const { bytes, ...layout } = this.#rows
    const workerData = {
      parts: this.#parts,
      bytes,
      ...layout,
      report,
      chunk: CHUNK_BYTES,
      digestOffset: DIGEST_OFFSET,
    } satisfies HashWork
    const thread = new Worker(`(${hashTable.toString()})()`, { eval: true, workerData })
    // Whoever asks for the hash notices that it does not come.
    thread.on('error', () => {})
    thread.unref()
  }

  #fromThread(): string | undefined {
    if (!this.#report) return undefined
    const state = new Int32Array(this.#report, 0, 2)
    for (let seen = -1; Atomics.load(state, DONE) === 0;) {
      const progress = Atomics.load(state, PROGRESS)
      if (progress === seen) return undefined
      seen = progress
      Atomics.wait(state, DONE, 0, this.#stalledMs)
    }
    return Buffer.from(new Uint8Array(this.#report, DIGEST_OFFSET, DIGEST_BYTES)).toString('hex')
  }

  #here(): string {
    const hash = createHash('sha256')
    for (const part of this.#parts) hash.update(part)
    const { bytes, rows, rowBytes, strideBytes } = this.#rows
    if (rowBytes === strideBytes) hash.update(bytes)
    else
      for (let row = 0; row < rows; row++) hash.update(bytes.subarray(row * strideBytes, row * strideBytes + rowBytes))
    return hash.digest('hex')
  }
}

interface HashWork {
  parts: Uint8Array[]
  bytes: Uint8Array
  rows: number
  rowBytes: number
  strideBytes: number
  report: SharedArrayBuffer
  chunk: number
  digestOffset: number
}

/** The thread's whole program: it is handed over as text, so it must not name anything from outside. */
function hashTable(): void {
  const { createHash } = process.getBuiltinModule('node:crypto')
  const { workerData } = process.getBuiltinModule('node:worker_threads')
  const work: HashWork = workerData
  const state = new Int32Array(work.report, 0, 2)
  const hash = createHash('sha256')
  for (const part of work.parts) hash.update(part)
  // Unpadded rows are one stretch; padded ones go one by one.
  const packed = work.rowBytes === work.strideBytes
  const stretches = packed ? 1 : work.rows
  const stretchBytes = packed ? work.rows * work.rowBytes : work.rowBytes
  for (let stretch = 0; stretch < stretches; stretch++) {
    const begin = stretch * work.strideBytes
    const end = begin + stretchBytes
    for (let at = begin; at < end; at += work.chunk) {
      hash.update(work.bytes.subarray(at, Math.min(end, at + work.chunk)))
      Atomics.add(state, 1, 1)
    }
  }
  new Uint8Array(work.report, work.digestOffset, 32).set(hash.digest())
  Atomics.store(state, 0, 1)
  Atomics.notify(state, 0)
}

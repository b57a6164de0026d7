import { createHash } from 'node:crypto'
import xxhash from 'xxhash-wasm'
import type { PairSplit } from '../data/dataset'
import type { HashAlgorithm, TrainHash } from './checkpointFile'

// Compiling its 3 kB here, once, leaves everything that asks for a hash synchronous.
const { create64 } = await xxhash()

/** Fits the second-level cache beside its copy in the hash's own memory. */
const CHUNK_BYTES = 1 << 18

/**
 * Hash of what a step depends on: which user prefers which text to which, and the texts' vectors (rows without padding, in
 * the number type that they are trained in). It tells data that was changed by accident, and is no protection against
 * whoever makes other data of the same hash on purpose.
 */
export class Fingerprint {
  readonly #split: PairSplit
  readonly #known = new Map<HashAlgorithm, TrainHash>()

  constructor(split: PairSplit) {
    this.#split = split
  }

  /** Made when it is first asked for: some 0.1 s for 418 MB. Checkpoints of earlier versions hold SHA-256, ten times as slow. */
  by(algorithm: HashAlgorithm): TrainHash {
    const known = this.#known.get(algorithm) ?? this.#make(algorithm)
    this.#known.set(algorithm, known)
    return known
  }

  #make(algorithm: HashAlgorithm): TrainHash {
    if (algorithm === 'sha256') {
      const hash = createHash('sha256')
      for (const chunk of chunks(this.#split)) hash.update(chunk)
      return `sha256:${hash.digest('hex')}`
    }
    const hash = create64()
    for (const chunk of chunks(this.#split)) hash.update(chunk)
    return `xxh64:${hash.digest().toString(16).padStart(16, '0')}`
  }
}

/** The columns' bytes, then the vectors', in pieces that both algorithms can take. */
function* chunks({
  users,
  prompts,
  chosen,
  rejected,
  features,
  rewardMargin,
  table,
}: PairSplit): Generator<Uint8Array> {
  for (const column of [users, prompts, chosen, rejected, features, rewardMargin])
    if (column) yield* pieces(new Uint8Array(column.buffer, column.byteOffset, column.byteLength))
  const { values, rows, width, stride } = table
  const { BYTES_PER_ELEMENT, buffer, byteOffset } = values
  const bytes = new Uint8Array(buffer, byteOffset, rows * stride * BYTES_PER_ELEMENT)
  const [rowBytes, strideBytes] = [width * BYTES_PER_ELEMENT, stride * BYTES_PER_ELEMENT]
  if (rowBytes === strideBytes) yield* pieces(bytes)
  else for (let at = 0; at < bytes.length; at += strideBytes) yield* pieces(bytes.subarray(at, at + rowBytes))
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES)
}

/**
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a counter-based generator.
 * Draw `i` of a stream is a pure function of (seed, stream, i), so shuffles and dropout of any step can be made again
 * without replaying the steps before it.
 */
const M0 = 0xd2511f53
const M1 = 0xcd9e8d57
const W0 = 0x9e3779b9
const W1 = 0xbb67ae85

/** High 32 bits of a 32 × 32 bit product. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const low = aLow * bLow
  const middle = aHigh * bLow + (low >>> 16)
  const middleLow = (middle & 0xffff) + aLow * bHigh
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + (middleLow >>> 16)) >>> 0
}

/** One block: 4 × 32 random bits into `out` from a 128-bit counter and a 64-bit key. */
export function philox(counter: ArrayLike<number>, key0: number, key1: number, out: Uint32Array): void {
  let c0 = counter[0]! >>> 0
  let c1 = counter[1]! >>> 0
  let c2 = counter[2]! >>> 0
  let c3 = counter[3]! >>> 0
  let k0 = key0 >>> 0
  let k1 = key1 >>> 0
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(M0, c0)
    const low0 = Math.imul(M0, c0) >>> 0
    const high1 = mulHigh(M1, c2)
    const low1 = Math.imul(M1, c2) >>> 0
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0
    k0 = (k0 + W0) >>> 0
    k1 = (k1 + W1) >>> 0
  }
  out[0] = c0
  out[1] = c1
  out[2] = c2
  out[3] = c3
}

/** FNV-1a, 32 bits: names a stream. */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}

/** One named, numbered stream of random draws under a seed. */
export class RandomStream {
  /** Its key, for generators elsewhere that draw the same. */
  readonly key0: number
  readonly key1: number
  readonly #counter: Uint32Array
  readonly #block = new Uint32Array(4)
  #used = 4

  /** @param number distinguishes streams of one name, e.g. the epoch of a shuffle. */
  constructor(seed: number, name: string, number = 0) {
    this.key0 = seed >>> 0
    this.key1 = hash(name)
    this.#counter = Uint32Array.of(0, 0, number >>> 0, Math.floor(number / 2 ** 32))
  }

  uint32(): number {
    if (this.#used === 4) {
      philox(this.#counter, this.key0, this.key1, this.#block)
      this.#counter[0]!++
      if (this.#counter[0] === 0) this.#counter[1]!++
      this.#used = 0
    }
    return this.#block[this.#used++]!
  }

  /** Uniform on (0, 1): never 0, so that its logarithm is finite. */
  uniform(): number {
    return (this.uint32() + 0.5) / 2 ** 32
  }

  /** Uniform integer in [0, bound), without bias (Lemire's rejection). */
  below(bound: number): number {
    const threshold = (2 ** 32 - bound) % bound
    for (;;) {
      const x = this.uint32()
      const low = Math.imul(x, bound) >>> 0
      if (low >= threshold) return mulHigh(x, bound)
    }
  }
}

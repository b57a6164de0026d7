import { Hash64Map, Hasher64 } from '../data/hash'

/**
 * Numbers distinct values in order of appearance by their hashes alone: about 20 bytes a value, however long. See
 * `hash.ts` for how seldom two values share a hash.
 */
export class Codes {
  size = 0
  readonly #map = new Hash64Map()
  readonly #hasher = new Hasher64()

  /** The number of a text, a new one where it was never seen. */
  text(value: string): number {
    const { lo, hi } = this.#hasher.reset().text(value).finish()
    return this.#code(lo, hi)
  }

  /** The number of a text, or -1. */
  find(value: string): number {
    const { lo, hi } = this.#hasher.reset().text(value).finish()
    return this.#map.find(lo, hi)
  }

  /** The number of any scalar: 1 and "1" differ, 1 and 1n and 1.0 do not. */
  value(value: unknown): number {
    const kind = typeof value === 'bigint' ? 'number' : typeof value
    const { lo, hi } = this.#hasher
      .reset()
      .word(KINDS.indexOf(kind))
      .text(value instanceof Date ? value.toISOString() : String(value))
      .finish()
    return this.#code(lo, hi)
  }

  /** The numbers of values, one by one. */
  all(values: Float64Array): Int32Array {
    return Int32Array.from(values, (value) => this.value(value))
  }

  /** The number of a tuple of numbers. */
  tuple(...parts: readonly number[]): number {
    this.#hasher.reset()
    for (const part of parts) this.#hasher.word(part)
    const { lo, hi } = this.#hasher.finish()
    return this.#code(lo, hi)
  }

  #code(lo: number, hi: number): number {
    const known = this.#map.find(lo, hi)
    if (known >= 0) return known
    this.#map.replace(lo, hi, this.size)
    return this.size++
  }
}

const KINDS: readonly string[] = ['string', 'number', 'boolean', 'object']

/** An array of numbers that grows: for one number a row of a file whose length nobody knows yet. */
export class Numbers {
  length = 0
  #values = new Int32Array(1024)

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Int32Array(this.length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.length++] = value
  }

  at(index: number): number {
    return this.#values[index]!
  }

  /** A view of what was pushed. */
  get values(): Int32Array {
    return this.#values.subarray(0, this.length)
  }
}

/**
 * A 64-bit hash, built in two 32-bit lanes since JavaScript has no fast 64-bit integers. Texts and pairs are compared
 * by it, so that a data set's strings need not stay in memory: among ten million distinct texts the chance of one
 * false match is about 3 in a million. It does not resist an attacker, who could at most hide a warning from himself.
 */
export class Hasher64 {
  lo = 0
  hi = 0

  reset(): this {
    this.lo = 0x9e3779b9
    this.hi = 0x41c6ce57
    return this
  }

  word(value: number): this {
    let lo = Math.imul(this.lo ^ value, 0x85ebca77)
    lo ^= lo >>> 15
    let hi = Math.imul(this.hi ^ value, 0xc2b2ae3d)
    hi ^= hi >>> 13
    this.lo = lo
    this.hi = hi
    return this
  }

  /** Mixes in a string, two UTF-16 units a step, and its length. */
  text(value: string): this {
    let lo = this.lo
    let hi = this.hi
    const length = value.length
    const even = length & ~1
    for (let i = 0; i < even; i += 2) {
      const pair = value.charCodeAt(i) | (value.charCodeAt(i + 1) << 16)
      lo = Math.imul(lo ^ pair, 0x85ebca77)
      lo ^= lo >>> 15
      hi = Math.imul(hi ^ pair, 0xc2b2ae3d)
      hi ^= hi >>> 13
    }
    this.lo = lo
    this.hi = hi
    if (even < length) this.word(value.charCodeAt(even))
    return this.word(length)
  }

  /** Lets each lane reach every bit of the result; then `lo` and `hi` are unsigned. */
  finish(): this {
    const lo = avalanche(this.lo ^ Math.imul(this.hi, 0x27d4eb2f))
    const hi = avalanche(this.hi ^ Math.imul(lo, 0x165667b1))
    this.lo = lo >>> 0
    this.hi = hi >>> 0
    return this
  }
}

function avalanche(value: number): number {
  let x = value ^ (value >>> 16)
  x = Math.imul(x, 0x7feb352d)
  x ^= x >>> 15
  x = Math.imul(x, 0x846ca68b)
  return x ^ (x >>> 16)
}

const EMPTY = -1

/** Open-addressing map from 64-bit hashes to small non-negative integers: 12 bytes a slot, at most 60 % full. */
export class Hash64Map {
  size = 0
  private capacity = 1024
  private los = new Uint32Array(this.capacity)
  private his = new Uint32Array(this.capacity)
  private values = new Int32Array(this.capacity).fill(EMPTY)

  /** The value under a hash, or -1. */
  find(lo: number, hi: number): number {
    return this.values[this.probe(lo, hi)]!
  }

  /** Stores `value` (≥ 0) and returns what stood there before, or -1. */
  replace(lo: number, hi: number, value: number): number {
    let slot = this.probe(lo, hi)
    const before = this.values[slot]!
    if (before === EMPTY) {
      if (this.size >= this.capacity * 0.6) {
        this.grow()
        slot = this.probe(lo, hi)
      }
      this.los[slot] = lo
      this.his[slot] = hi
      this.size++
    }
    this.values[slot] = value
    return before
  }

  private probe(lo: number, hi: number): number {
    const mask = this.capacity - 1
    let slot = lo & mask
    while (this.values[slot] !== EMPTY && (this.los[slot] !== lo || this.his[slot] !== hi)) slot = (slot + 1) & mask
    return slot
  }

  private grow(): void {
    const { los, his, values, capacity } = this
    this.capacity = capacity * 2
    this.los = new Uint32Array(this.capacity)
    this.his = new Uint32Array(this.capacity)
    this.values = new Int32Array(this.capacity).fill(EMPTY)
    for (let i = 0; i < capacity; i++) {
      if (values[i] === EMPTY) continue
      const slot = this.probe(los[i]!, his[i]!)
      this.los[slot] = los[i]!
      this.his[slot] = his[i]!
      this.values[slot] = values[i]!
    }
  }
}

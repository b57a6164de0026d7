const EMPTY = -1

/** Open-addressing map from two row numbers (int32 ≥ 0) to a number: 16 bytes a slot, at most 60 % full. */
export class RowPairMap {
  size = 0
  private capacity = 1024
  private firsts = new Int32Array(this.capacity).fill(EMPTY)
  private seconds = new Int32Array(this.capacity)
  private values = new Float64Array(this.capacity)

  /** The value of a pair, or undefined. */
  get(first: number, second: number): number | undefined {
    const slot = this.probe(first, second)
    return this.firsts[slot] === EMPTY ? undefined : this.values[slot]
  }

  /** Stores the value of a pair that has none yet. @returns the value it has already, which stays, or undefined */
  add(first: number, second: number, value: number): number | undefined {
    let slot = this.probe(first, second)
    if (this.firsts[slot] !== EMPTY) return this.values[slot]
    if (this.size >= this.capacity * 0.6) {
      this.grow()
      slot = this.probe(first, second)
    }
    this.put(slot, first, second, value)
    this.size++
    return undefined
  }

  private put(slot: number, first: number, second: number, value: number): void {
    this.firsts[slot] = first
    this.seconds[slot] = second
    this.values[slot] = value
  }

  private probe(first: number, second: number): number {
    const mask = this.capacity - 1
    let hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca77)
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
    let slot = (hash ^ (hash >>> 13)) & mask
    while (this.firsts[slot] !== EMPTY && (this.firsts[slot] !== first || this.seconds[slot] !== second))
      slot = (slot + 1) & mask
    return slot
  }

  private grow(): void {
    const { firsts, seconds, values, capacity } = this
    this.capacity = capacity * 2
    this.firsts = new Int32Array(this.capacity).fill(EMPTY)
    this.seconds = new Int32Array(this.capacity)
    this.values = new Float64Array(this.capacity)
    for (let i = 0; i < capacity; i++) {
      if (firsts[i] === EMPTY) continue
      this.put(this.probe(firsts[i]!, seconds[i]!), firsts[i]!, seconds[i]!, values[i]!)
    }
  }
}

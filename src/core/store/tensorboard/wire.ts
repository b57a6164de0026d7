/** Reads protobuf's wire format where it lies: numbers are decoded, everything else stays a place in the buffer. */
export class Wire {
  bytes: Buffer
  view: DataView
  at = 0
  end = 0
  /** Of the field read last. */
  field = 0
  type = 0
  /** Where the field's value lies; for a varint `varint` is its value. */
  from = 0
  to = 0
  varint = 0

  constructor(bytes: Buffer, view: DataView, from: number, to: number) {
    this.bytes = bytes
    this.view = view
    this.at = from
    this.end = to
  }

  /** Turns to another message: millions of records are read by a handful of readers. */
  reset(bytes: Buffer, view: DataView, from: number, to: number): this {
    this.bytes = bytes
    this.view = view
    this.at = from
    this.end = to
    return this
  }

  /** Goes on to the next field. False at the end, and where the message makes no sense. */
  next(): boolean {
    if (this.at >= this.end) return false
    const key = this.#number()
    this.field = key >>> 3
    this.type = key & 7
    switch (this.type) {
      case 0:
        this.varint = this.#number()
        break
      case 1:
        this.#skip(8)
        break
      case 2:
        this.#skip(this.#number())
        break
      case 5:
        this.#skip(4)
        break
      default:
        return false
    }
    return this.at <= this.end
  }

  /** The message in the field read last. */
  inner(): Wire {
    return new Wire(this.bytes, this.view, this.from, this.to)
  }

  /** The same, read by a reader that is there already. */
  enter(reader: Wire): Wire {
    return reader.reset(this.bytes, this.view, this.from, this.to)
  }

  text(): string {
    return this.bytes.toString('utf8', this.from, this.to)
  }

  double(): number {
    return this.view.getFloat64(this.from, true)
  }

  float(): number {
    return this.view.getFloat32(this.from, true)
  }

  #skip(bytes: number): void {
    this.from = this.at
    // Ten bytes can say a length below zero, which would lead back, and round and round.
    this.to = this.at = bytes < 0 ? Infinity : this.at + bytes
  }

  /** A varint. Negative ones take ten bytes and two's complement; other numbers beyond 2⁵³ occur in no event file. */
  #number(): number {
    const first = this.bytes[this.at] ?? 0
    if (first < 0x80) {
      this.at++
      return first
    }
    let value = 0
    let scale = 1
    for (let n = 0; n < 10 && this.at < this.end; n++) {
      const byte = this.bytes[this.at++] ?? 0
      if (n === 9) return Number(this.#signed(this.at - 10))
      value += (byte & 0x7f) * scale
      scale *= 128
      if (byte < 0x80) return value
    }
    return value
  }

  #signed(from: number): bigint {
    let value = 0n
    for (let n = 0; n < 10; n++) value |= BigInt((this.bytes[from + n] ?? 0) & 0x7f) << BigInt(7 * n)
    return BigInt.asIntN(64, value)
  }
}

import { Hash64Map, Hasher64 } from './hash'
import { readTexts, type ReadTextsOptions } from './texts'

/** The texts of one `text_file`, known by their hashes only: about 40 bytes a text, however long. */
export class TextTable {
  rows = 0
  private los = new Uint32Array(1024)
  private his = new Uint32Array(1024)
  private firsts = new Int32Array(1024)
  private readonly index = new Hash64Map()
  private readonly hasher = new Hasher64()

  static async read(path: string, options: ReadTextsOptions = {}): Promise<TextTable> {
    const table = new TextTable()
    await readTexts(path, (text) => table.append(text), options)
    return table
  }

  /** The first row that holds this text, or -1. */
  find(text: string): number {
    const { lo, hi } = this.hasher.reset().text(text).finish()
    return this.index.find(lo, hi)
  }

  /** The first row that holds the same text as `row`: equal texts have equal first rows. */
  firstOf(row: number): number {
    return this.firsts[row]!
  }

  /** The two halves of the hash of a row's text. */
  hashLow(row: number): number {
    return this.los[row]!
  }
  hashHigh(row: number): number {
    return this.his[row]!
  }

  append(text: string): void {
    if (this.rows === this.los.length) {
      this.los = doubled(this.los, new Uint32Array(this.rows * 2))
      this.his = doubled(this.his, new Uint32Array(this.rows * 2))
      this.firsts = doubled(this.firsts, new Int32Array(this.rows * 2))
    }
    const { lo, hi } = this.hasher.reset().text(text).finish()
    const row = this.rows++
    const known = this.index.find(lo, hi)
    if (known < 0) this.index.replace(lo, hi, row)
    this.los[row] = lo
    this.his[row] = hi
    this.firsts[row] = known < 0 ? row : known
  }
}

function doubled<T extends Uint32Array | Int32Array>(from: T, to: T): T {
  to.set(from)
  return to
}

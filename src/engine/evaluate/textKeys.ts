import type { Dataset, EmbeddingTable } from '../data/dataset'
import { rowOf } from '../data/embeddingTable'
import { Hash64Map, Hasher64 } from '../data/hash'

/**
 * Numbers texts so that the same text has the same number in every split. Splits that share their vectors number them alike
 * anyway; elsewhere equal vectors are taken for equal texts.
 */
export class TextKeys {
  readonly #shared: boolean
  readonly #known = new Hash64Map()
  readonly #hasher = new Hasher64()
  readonly #keys = new Map<EmbeddingTable, Int32Array>()

  constructor({ splits }: Dataset) {
    this.#shared = new Set(Object.values(splits).map(({ table }) => table)).size === 1
  }

  /** The number of the text that a row of a table stands for. */
  of(table: EmbeddingTable, row: number): number {
    if (this.#shared) return row
    let keys = this.#keys.get(table)
    if (!keys) this.#keys.set(table, (keys = new Int32Array(table.rows).fill(-1)))
    if (keys[row]! < 0) keys[row] = this.#number(table, row)
    return keys[row]!
  }

  #number(table: EmbeddingTable, row: number): number {
    const elements = rowOf(table, row)
    const words =
      elements instanceof Float32Array
        ? new Uint32Array(elements.buffer, elements.byteOffset, elements.length)
        : elements
    this.#hasher.reset()
    for (let at = 0; at < words.length; at++) this.#hasher.word(words[at]!)
    const { lo, hi } = this.#hasher.finish()
    const known = this.#known.find(lo, hi)
    if (known >= 0) return known
    const next = this.#known.size
    this.#known.replace(lo, hi, next)
    return next
  }
}

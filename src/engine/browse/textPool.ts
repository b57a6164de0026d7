import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { countWords } from '../prep/words'
import { Codes, Numbers } from '../prep/textCodes'

/** Texts are kept and searched in pieces of about this size: one takes some milliseconds, so that a search can be ended. */
const CHUNK_BYTES = 4 << 20
/** Beyond this, chunks lie in a file without a name. */
const MOST_RESIDENT_BYTES = 1 << 29

interface Chunk {
  /** Null where it lies in the file. */
  bytes: Buffer | null
  used: number
  position: number
  /** Numbers of its texts: consecutive. */
  first: number
}

/**
 * Distinct texts by number, as UTF-8. At most 512 MiB are in memory, whatever their size; the rest lies in a temporary file. A text is
 * known by its hash (see `hash.ts`).
 */
export class TextPool {
  readonly #codes = new Codes()
  readonly #chunks: Chunk[] = []
  readonly #chunkOf = new Numbers()
  readonly #startOf = new Numbers()
  readonly #bytesOf = new Numbers()
  readonly characters = new Numbers()
  readonly words = new Numbers()
  readonly #mostResident: number
  #resident = 0
  #spill: { handle: number; file: string; end: number } | undefined

  constructor(mostResidentBytes = MOST_RESIDENT_BYTES) {
    this.#mostResident = mostResidentBytes
  }

  get size(): number {
    return this.#chunkOf.length
  }

  /** The number of a text, a new one where it was never seen. */
  add(text: string): number {
    const code = this.#codes.text(text)
    if (code < this.size) return code
    const bytes = Buffer.byteLength(text)
    let chunk = this.#chunks.at(-1)
    if (!chunk || chunk.bytes === null || chunk.used + bytes > chunk.bytes.length) chunk = this.#newChunk(bytes)
    chunk.bytes!.write(text, chunk.used)
    this.#chunkOf.push(this.#chunks.length - 1)
    this.#startOf.push(chunk.used)
    this.#bytesOf.push(bytes)
    this.characters.push(text.length)
    this.words.push(countWords(text))
    chunk.used += bytes
    return code
  }

  /** The number of a text, or -1. */
  find(text: string): number {
    return this.#codes.find(text)
  }

  /** @param most characters; a longer text is cut */
  get(code: number, most = Infinity): string {
    const chunk = this.#chunks[this.#chunkOf.at(code)]!
    const start = this.#startOf.at(code)
    // Four bytes hold at least one character.
    const bytes = Math.min(this.#bytesOf.at(code), most * 4)
    const from = chunk.bytes ? chunk.bytes.subarray(start, start + bytes) : this.#read(chunk, start, bytes)
    const text = from.toString('utf8')
    return text.length > most ? text.slice(0, most) : text
  }

  /**
   * The texts that hold `needle`, whatever the case, as a mask over their numbers.
   *
   * @param pause is called between pieces; it may throw to end the search
   */
  async search(needle: string, pause: () => Promise<void>): Promise<Uint8Array> {
    const found = new Uint8Array(this.size)
    const lower = needle.toLowerCase()
    // Other scripts have their own rules of case: text by text, which takes three times as long.
    const plain = /^[\x00-\x7f]*$/.test(lower)
    for (const [number, chunk] of this.#chunks.entries()) {
      const last = (this.#chunks[number + 1]?.first ?? found.length) - 1
      const bytes = chunk.bytes ?? this.#read(chunk, 0, chunk.used)
      if (plain) this.#searchPlain(bytes.toString('latin1', 0, chunk.used).toLowerCase(), lower, chunk, last, found)
      else
        for (let code = chunk.first; code <= last; code++) {
          const start = this.#startOf.at(code)
          const text = bytes.toString('utf8', start, start + this.#bytesOf.at(code))
          if (text.toLowerCase().includes(lower)) found[code] = 1
        }
      await pause()
    }
    return found
  }

  close(): void {
    if (!this.#spill) return
    fs.closeSync(this.#spill.handle)
    fs.rmSync(this.#spill.file, { force: true })
    this.#spill = undefined
  }

  /** ASCII letters have bytes of their own in UTF-8, so that a byte for byte comparison is exact. */
  #searchPlain(haystack: string, needle: string, chunk: Chunk, last: number, found: Uint8Array): void {
    let code = chunk.first
    for (let at = haystack.indexOf(needle); at >= 0; at = haystack.indexOf(needle, at)) {
      code = this.#textAt(at, code, last)
      if (code < 0) return
      const end = this.#startOf.at(code) + this.#bytesOf.at(code)
      // Beyond a text's end another one begins.
      if (at + needle.length > end) at++
      else {
        found[code] = 1
        at = end
        if (needle.length === 0) at++
      }
      if (at > haystack.length) return
    }
  }

  /** The text of a chunk that the byte `at` lies in, from `low` on. */
  #textAt(at: number, low: number, last: number): number {
    let high = last
    if (high < low) return -1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#startOf.at(middle) <= at) low = middle
      else high = middle - 1
    }
    return low
  }

  #newChunk(bytes: number): Chunk {
    this.#spillOver()
    const size = Math.max(CHUNK_BYTES, bytes)
    const chunk = { bytes: Buffer.allocUnsafe(size), used: 0, position: 0, first: this.size }
    this.#resident += size
    this.#chunks.push(chunk)
    return chunk
  }

  /** Puts the newest full chunk into the file once there are too many. */
  #spillOver(): void {
    const chunk = this.#chunks.at(-1)
    if (!chunk?.bytes || this.#resident < this.#mostResident) return
    if (!this.#spill) {
      const file = path.join(os.tmpdir(), `delta-texts-${process.pid}-${Math.random().toString(36).slice(2)}`)
      const handle = fs.openSync(file, 'wx+', 0o600)
      // Gone with this process, however that ends; Windows refuses, and it goes in close().
      if (process.platform !== 'win32') fs.rmSync(file)
      this.#spill = { handle, file, end: 0 }
    }
    chunk.position = this.#spill.end
    for (let done = 0; done < chunk.used;)
      done += fs.writeSync(this.#spill.handle, chunk.bytes, done, chunk.used - done, chunk.position + done)
    this.#spill.end += chunk.used
    this.#resident -= chunk.bytes.length
    chunk.bytes = null
  }

  #read(chunk: Chunk, start: number, bytes: number): Buffer {
    const target = Buffer.allocUnsafe(bytes)
    for (let done = 0; done < bytes;) {
      const read = fs.readSync(this.#spill!.handle, target, done, bytes - done, chunk.position + start + done)
      if (read === 0) throw new Error('the temporary file of the texts is shorter than it was written')
      done += read
    }
    return target
  }
}

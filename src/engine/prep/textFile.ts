import fs from 'node:fs'
import { unwritable } from '../run/files'
import { Codes } from './textCodes'

const BUFFER_CHARACTERS = 1 << 20

/** A `text_file` being written: every distinct text once, in order of appearance, held by its hash alone. */
export class TextFile {
  readonly #codes = new Codes()
  readonly #file: string
  readonly #handle: number
  #buffer = '['

  constructor(file: string) {
    this.#file = file
    try {
      this.#handle = fs.openSync(file, 'w')
    } catch (cause) {
      throw unwritable(file, cause)
    }
  }

  /** The row of a text, which is added where it is new. */
  index(text: string): number {
    const before = this.#codes.size
    const index = this.#codes.text(text)
    if (index < before) return index
    this.#buffer += `${index === 0 ? '' : ','}\n${JSON.stringify(text)}`
    if (this.#buffer.length >= BUFFER_CHARACTERS) this.#flush()
    return index
  }

  /** The row of a text, or -1. */
  find(text: string): number {
    return this.#codes.find(text)
  }

  /** Ends the file. @returns the number of texts */
  close(): number {
    this.#buffer += '\n]\n'
    this.#flush()
    fs.closeSync(this.#handle)
    return this.#codes.size
  }

  #flush(): void {
    try {
      fs.appendFileSync(this.#handle, this.#buffer)
    } catch (cause) {
      throw unwritable(this.#file, cause)
    }
    this.#buffer = ''
  }
}

import fs from 'node:fs'
import { unwritable } from '../run/files'

/** Characters held before they are written: a system call a line costs more than the line. */
const BUFFER_CHARACTERS = 1 << 20

/** A file of lines, written a MiB at a time. */
export class LineFile {
  readonly file: string
  readonly #handle: number
  #buffer = ''

  constructor(file: string) {
    this.file = file
    try {
      this.#handle = fs.openSync(file, 'w')
    } catch (cause) {
      throw unwritable(file, cause)
    }
  }

  write(line: string): void {
    this.#buffer += `${line}\n`
    if (this.#buffer.length >= BUFFER_CHARACTERS) this.#flush()
  }

  close(): void {
    try {
      this.#flush()
    } finally {
      fs.closeSync(this.#handle)
    }
  }

  #flush(): void {
    try {
      fs.appendFileSync(this.#handle, this.#buffer)
    } catch (cause) {
      throw unwritable(this.file, cause)
    }
    this.#buffer = ''
  }
}

import { closeSync, openSync, writeSync } from 'node:fs'
import { unwritable } from '../../run/files'

/** Characters that are written at once. */
const PIECE_CHARACTERS = 1 << 20

/**
 * A text file that grows by pieces. Writing waits for the system, so that a producer that calls it synchronously (a
 * parser's callback) cannot run ahead of the disk and fill the memory.
 */
export class TextFile {
  private readonly path: string
  private readonly handle: number
  private waiting = ''

  constructor(path: string) {
    this.path = path
    try {
      this.handle = openSync(path, 'w')
    } catch (cause) {
      throw unwritable(path, cause)
    }
  }

  write(text: string): void {
    this.waiting += text
    if (this.waiting.length >= PIECE_CHARACTERS) this.flush()
  }

  /** Writes what waits, and closes. */
  finish(): void {
    this.flush()
    closeSync(this.handle)
  }

  private flush(): void {
    const bytes = Buffer.from(this.waiting)
    this.waiting = ''
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(this.handle, bytes, done)
    } catch (cause) {
      throw unwritable(this.path, cause)
    }
  }
}

/** A `text_file`: a JSON array of strings, one text a line. */
export class TextsFile {
  private readonly file: TextFile
  private count = 0

  constructor(path: string) {
    this.file = new TextFile(path)
  }

  add(text: string): void {
    this.file.write(`${this.count === 0 ? '[' : ','}\n${JSON.stringify(text)}`)
    this.count++
  }

  finish(): void {
    this.file.write(this.count === 0 ? '[]\n' : '\n]\n')
    this.file.finish()
  }
}

import { AppError } from '../../shared/errors'
import { readChunks, type InputFile, type ReadOptions } from './files'

/** As long as a line of JSON Lines may be. */
const MAX_ELEMENT_BYTES = 64 << 20

/**
 * Cuts a file that is one JSON array into its elements, in bounded memory: the bytes of each go to `onElement` with its
 * number and the line on which it starts. Only brackets and strings are looked at; what an element is, its parser says.
 *
 * @throws AppError `data_invalid` when the file is no array, is not closed, or holds an element of more than 64 MiB
 */
export async function readJsonArray(
  file: InputFile,
  onElement: (bytes: Buffer, index: number, line: number) => void,
  options: ReadOptions & { chunkBytes?: number } = {},
): Promise<number> {
  const cutter = new ArrayCutter(file.path, onElement)
  for await (const chunk of readChunks(file, options)) cutter.add(chunk)
  return cutter.finish()
}

class ArrayCutter {
  private state: 'before' | 'elements' | 'after' = 'before'
  private index = 0
  private line = 1
  private startLine = 1
  private depth = 0
  private inString = false
  private escaped = false
  private offset = 0
  /** Whether something other than white space stands in the present element. */
  private filled = false
  private comma = false
  private parts: Buffer[] = []
  private partBytes = 0
  private readonly path: string
  private readonly onElement: (bytes: Buffer, index: number, line: number) => void

  constructor(path: string, onElement: (bytes: Buffer, index: number, line: number) => void) {
    this.path = path
    this.onElement = onElement
  }

  add(chunk: Buffer): void {
    let begin = 0
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (byte === 0x0a) this.line++
      if (this.state === 'elements') {
        if (!this.endsElement(byte)) continue
        this.emit(chunk.subarray(begin, i), byte === 0x5d)
        begin = i + 1
      } else if (this.outside(byte, this.offset + i)) begin = i + 1
    }
    if (this.state === 'elements') this.keep(chunk.subarray(begin))
    this.offset += chunk.length
  }

  finish(): number {
    if (this.state === 'before') throw this.fail('The file is empty')
    if (this.state === 'elements') throw this.fail('The file is truncated: the array is not closed')
    return this.index
  }

  /** A byte outside the array. @returns whether it opened it */
  private outside(byte: number, offset: number): boolean {
    if (byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d) return false
    // A byte order mark.
    if (this.state === 'before' && offset < 3 && byte === [0xef, 0xbb, 0xbf][offset]) return false
    if (this.state === 'after') throw this.fail('The file goes on after the closing "]"')
    if (byte !== 0x5b) throw this.fail('The file does not start with "["')
    this.state = 'elements'
    return true
  }

  /** Whether this byte is the comma after the present element, or the array's end. */
  private endsElement(byte: number): boolean {
    if (this.inString) {
      if (this.escaped) this.escaped = false
      else if (byte === 0x5c) this.escaped = true
      else if (byte === 0x22) this.inString = false
      return false
    }
    if (this.depth === 0 && (byte === 0x2c || byte === 0x5d)) return true
    if (byte === 0x22) this.inString = true
    else if (byte === 0x5b || byte === 0x7b) this.depth++
    else if (byte === 0x5d || byte === 0x7d) this.depth--
    if (this.depth < 0) throw this.fail('A bracket is closed that was not opened')
    if (!this.filled && byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) {
      this.filled = true
      this.startLine = this.line
    }
    return false
  }

  private emit(last: Buffer, closes: boolean): void {
    this.keep(last)
    const bytes = Buffer.concat(this.parts)
    this.parts = []
    this.partBytes = 0
    if (this.filled) this.onElement(bytes, this.index++, this.startLine)
    else if (!closes || this.comma) throw this.fail('An element is missing')
    this.filled = false
    this.comma = !closes
    if (closes) this.state = 'after'
  }

  private keep(part: Buffer): void {
    if (part.length === 0) return
    this.parts.push(Buffer.from(part))
    this.partBytes += part.length
    if (this.partBytes > MAX_ELEMENT_BYTES) throw this.fail('An element is longer than 64 MiB')
  }

  private fail(message: string): AppError {
    return new AppError('data_invalid', `${message} (element ${this.index})`, {
      file: this.path,
      line: this.line,
      fix: 'The file must be one JSON array of objects, in UTF-8; or write one object a line.',
    })
  }
}

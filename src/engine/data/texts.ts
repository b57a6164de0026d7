import { isUtf8 } from 'node:buffer'
import { AppError, messageOf } from '../../shared/errors'
import { readChunks, readHead, refuseOtherEncoding, withInput, type ReadOptions } from './files'

export interface ReadTextsOptions extends ReadOptions {
  /** Bytes a read; tests make it small. */
  chunkBytes?: number
}

/** One text of more than 64 MiB is no text, and would have to be held in memory as a whole. */
const MAX_TEXT_BYTES = 64 << 20

const QUOTE = 0x22
const BACKSLASH = 0x5c
const NEWLINE = 0x0a

type State = 'start' | 'first' | 'next' | 'string' | 'after' | 'end'

/**
 * Reads a JSON array of strings of any length, one text at a time and in bounded memory.
 *
 * @param onText is called for every text with its index
 * @returns the number of texts
 * @throws AppError `not_found`, `unreadable`, or `data_invalid` with the place (line, byte and element) of the fault
 */
export async function readTexts(
  path: string,
  onText: (text: string, index: number) => void,
  options: ReadTextsOptions = {},
): Promise<number> {
  return withInput(path, async (file) => {
    refuseOtherEncoding(path, await readHead(file))
    let state: State = 'start'
    let index = 0
    let line = 1
    let offset = 0
    /** Earlier chunks' part of the string being read, without its opening quote. */
    let parts: Buffer[] = []
    let partBytes = 0
    let plain = true
    let escaped = false
    let textOffset = 0

    const fail = (what: string, at: number): AppError =>
      new AppError('data_invalid', `${what} (element ${index}, byte ${at})`, {
        file: path,
        line,
        fix: 'The file must be one JSON array of strings, in UTF-8.',
      })
    const emit = (last: Buffer): void => {
      const bytes = parts.length === 0 ? last : Buffer.concat([...parts, last])
      parts = []
      partBytes = 0
      if (!isUtf8(bytes)) throw fail('The text is not valid UTF-8', textOffset)
      let text = bytes.toString('utf8')
      if (!plain) {
        try {
          text = String(JSON.parse(`"${text}"`))
        } catch (error) {
          throw fail(`The text is not a valid JSON string: ${messageOf(error)}`, textOffset)
        }
      }
      onText(text, index)
      index++
    }

    for await (const chunk of readChunks(file, options)) {
      let i = 0
      if (offset === 0 && chunk.length >= 3 && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf) i = 3
      while (i < chunk.length) {
        if (state === 'string') {
          const begin = i
          let closed = false
          for (; i < chunk.length; i++) {
            const byte = chunk[i]!
            if (escaped) escaped = false
            else if (byte === QUOTE) {
              closed = true
              break
            } else if (byte === BACKSLASH) {
              escaped = true
              plain = false
            } else if (byte < 0x20) plain = false
          }
          const part = chunk.subarray(begin, i)
          partBytes += part.length
          if (partBytes > MAX_TEXT_BYTES) throw fail('A text is longer than 64 MiB', textOffset)
          if (closed) {
            emit(part)
            state = 'after'
            i++
          } else parts.push(Buffer.from(part))
          continue
        }
        const byte = chunk[i]!
        if (byte === NEWLINE) line++
        if (byte === NEWLINE || byte === 0x20 || byte === 0x09 || byte === 0x0d) {
          i++
          continue
        }
        const at = offset + i
        if (state === 'start') {
          if (byte !== 0x5b) throw fail('The file does not start with "["', at)
          state = 'first'
        } else if (state === 'end') {
          throw fail('The file goes on after the closing "]"', at)
        } else if (byte === 0x5d && state !== 'next') {
          state = 'end'
        } else if (state === 'after') {
          if (byte !== 0x2c) throw fail('"," or "]" is missing after a text', at)
          state = 'next'
        } else if (byte === QUOTE) {
          state = 'string'
          plain = true
          textOffset = at
        } else {
          throw fail(`The element is ${jsonKind(byte)}, not a string`, at)
        }
        i++
      }
      offset += chunk.length
    }
    if (state === 'start') throw fail('The file is empty', offset)
    if (state !== 'end') throw fail('The file is truncated: the array is not closed', offset)
    return index
  })
}

function jsonKind(byte: number): string {
  const char = String.fromCharCode(byte)
  if (char === '{') return 'an object'
  if (char === '[') return 'an array'
  if (char === 'n') return 'null'
  if (char === 't' || char === 'f') return 'a boolean'
  return /[-\d]/.test(char) ? 'a number' : 'not JSON'
}

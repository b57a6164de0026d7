import { isUtf8 } from 'node:buffer'
import { AppError, messageOf } from '../../shared/errors'
import { readChunks, type InputFile, type ReadOptions } from './files'

export type JsonRow = Readonly<Record<string, unknown>>

/** Consecutive well-formed rows. */
export interface JsonBatch {
  /** Number of the first row, from 0; its line is one more. */
  readonly firstRow: number
  readonly rows: readonly JsonRow[]
}

export interface JsonlOptions extends ReadOptions {
  /** A line that is no JSON object. Reading goes on after it; such a row is in no batch. */
  onMalformed: (row: number, reason: string) => void
  /** Keeps every digit of integers in all columns, not only in those that name something. */
  exactIntegers?: boolean
  chunkBytes?: number
}

const MAX_LINE_BYTES = 64 << 20

/**
 * Reads JSON Lines in bounded memory: one batch for each piece of the file. Every line is a row, blank ones included
 * (they are malformed), except those at the end of the file. A byte order mark and CRLF are accepted.
 *
 * Integers beyond 2^53 arrive as exact bigints, as they do from Parquet, where `JSON.parse` alone would merge neighbours.
 *
 * @throws AppError `data_invalid` for a line of more than 64 MiB, `stopped`
 */
export async function* readJsonl(file: InputFile, options: JsonlOptions): AsyncGenerator<JsonBatch> {
  let row = 0
  let blank = 0
  let batch: JsonRow[] = []
  let parts: Buffer[] = []
  let partBytes = 0

  const malformed = (reason: string): JsonBatch | null => {
    const done = take()
    options.onMalformed(row, reason)
    row++
    return done
  }
  const take = (): JsonBatch | null => {
    if (batch.length === 0) return null
    const done = { firstRow: row - batch.length, rows: batch }
    batch = []
    return done
  }
  /** Adds one line; what it returns are the batches that it closes. */
  const addLine = (bytes: Buffer): JsonBatch[] => {
    const line = row === 0 && blank === 0 ? withoutMark(bytes) : bytes
    if (isBlank(line)) {
      blank++
      return []
    }
    const closed: (JsonBatch | null)[] = []
    for (; blank > 0; blank--) closed.push(malformed('the line is blank'))
    const parsed = parseRow(line, options.exactIntegers === true)
    if (typeof parsed === 'string') closed.push(malformed(parsed))
    else {
      batch.push(parsed)
      row++
    }
    return closed.filter((each) => each !== null)
  }

  for await (const chunk of readChunks(file, options)) {
    let begin = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, begin)) {
      const rest = chunk.subarray(begin, end)
      const line = parts.length === 0 ? rest : Buffer.concat([...parts, rest])
      parts = []
      partBytes = 0
      begin = end + 1
      yield* addLine(line)
    }
    if (begin < chunk.length) {
      parts.push(Buffer.from(chunk.subarray(begin)))
      partBytes += chunk.length - begin
      if (partBytes > MAX_LINE_BYTES) throw lineTooLong(file, row + blank)
    }
    const full = take()
    if (full) yield full
  }
  if (parts.length > 0) yield* addLine(Buffer.concat(parts))
  const last = take()
  if (last) yield last
}

/** One row of JSON, or why it is none. */
export function parseRow(bytes: Buffer, allColumns = false): JsonRow | string {
  if (!isUtf8(bytes)) return 'the line is not valid UTF-8'
  const text = bytes.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return `the line is not JSON: ${messageOf(error)}`
  }
  if (!isRow(value)) return 'the line is not a JSON object'
  if (isTooDeep(value)) return `the line is nested more than ${MAX_DEPTH} levels deep`
  for (const name of allColumns ? Object.keys(value) : IDENTIFIERS) {
    const field = value[name]
    if (typeof field === 'number' && Number.isInteger(field) && !Number.isSafeInteger(field)) return parseExactly(text)
  }
  return value
}

/** Far beyond any data; a few thousand more and writing a value again would exhaust the stack. */
const MAX_DEPTH = 500

/** Whether a value of JSON is nested deeper than anything that comes after can walk through. */
export function isTooDeep(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (depth > MAX_DEPTH) return true
  for (const item of Array.isArray(value) ? value : Object.values(value))
    if (typeof item === 'object' && isTooDeep(item, depth + 1)) return true
  return false
}

/** Columns whose integers name something, so that every digit counts. */
const IDENTIFIERS = ['u_id', 'id']

function parseExactly(text: string): JsonRow | string {
  const revive = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' && !Number.isSafeInteger(value) && context?.source && /^-?\d+$/.test(context.source)
      ? BigInt(context.source)
      : value
  const value: unknown = JSON.parse(text, revive)
  return isRow(value) ? value : 'the line is not a JSON object'
}

function isRow(value: unknown): value is JsonRow {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function withoutMark(bytes: Buffer): Buffer {
  return bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes
}

function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false
  return true
}

function lineTooLong(file: InputFile, row: number): AppError {
  return new AppError('data_invalid', 'A line is longer than 64 MiB', {
    file: file.path,
    line: row + 1,
    row,
    fix: 'JSON Lines has one object a line: write the file so.',
  })
}

import { isUtf8 } from 'node:buffer'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CsvError, parse } from 'csv-parse'
import { AppError } from '../../shared/errors'
import { nulAt } from '../../shared/textEncoding'
import { foreignTextError, readChunks, readFully, type InputFile, type ReadOptions } from './files'

export interface CsvOptions extends ReadOptions {
  /** Told apart by the first line when absent. */
  delimiter?: string
  /** A record with more or fewer fields than the header, or with a broken quote. Reading goes on after it. */
  onMalformed: (row: number, line: number, reason: string) => void
  onRow: (row: CsvRow, number: number, line: number) => void
}

export type CsvRow = Readonly<Record<string, string>>

/** As long as a line of JSON Lines may be. A quote that is never closed ends here at the latest. */
const MAX_RECORD_BYTES = 64 << 20
/** A header longer than this is no header. */
const MAX_HEADER_BYTES = 1 << 20
const DELIMITERS = [',', '\t', ';', '|']

/**
 * Reads CSV (RFC 4180: quotes, doubled quotes, line breaks in quotes) in bounded memory, UTF-8 with or without a byte
 * order mark, LF or CRLF. The first record names the columns. All values are texts.
 *
 * @throws AppError `data_invalid` for a header that names a column twice, text that is not UTF-8 or holds a NUL, a quote that is never
 *   closed, a record of more than 64 MiB; `stopped`
 */
export async function readCsv(file: InputFile, options: CsvOptions): Promise<void> {
  const fail = (message: string, fix: string, line?: number): AppError =>
    new AppError('data_invalid', message, { file: file.path, ...(line !== undefined && { line }), fix })
  const delimiter = options.delimiter ?? (await findDelimiter(file))
  let header: string[] | undefined
  let row = 0
  const parser = parse({
    bom: true,
    delimiter,
    info: true,
    max_record_size: MAX_RECORD_BYTES,
    relax_column_count: true,
    skip_empty_lines: true,
  })
  try {
    await pipeline(Readable.from(utf8(file, options)), parser, async (records: AsyncIterable<unknown>) => {
      for await (const each of records) {
        const { record, line } = unpack(each)
        if (!header) {
          header = checkHeader(record, fail)
          continue
        }
        const number = row++
        if (record.length !== header.length) {
          const fields = `${record.length} field${record.length === 1 ? '' : 's'}`
          options.onMalformed(number, line, `the record has ${fields}, the header ${header.length}`)
          continue
        }
        options.onRow(Object.fromEntries(header.map((name, i) => [name, record[i] ?? ''])), number, line)
      }
    })
  } catch (error) {
    throw AppError.from(error instanceof CsvError ? inWords(error, fail) : error)
  }
  if (!header) throw fail('The file has no header', 'The first line of a CSV file names its columns.')
}

/** What `info: true` hands over. */
function unpack(each: unknown): { record: string[]; line: number } {
  const { record, info } = Object(each)
  return { record, line: Number(info?.lines ?? 0) }
}

function checkHeader(names: string[], fail: (message: string, fix: string, line?: number) => AppError): string[] {
  const seen = new Set<string>()
  for (const [i, name] of names.entries()) {
    if (name.trim() === '') throw fail(`Column ${i + 1} of the header has no name`, 'Name every column.', 1)
    if (seen.has(name)) throw fail(`The header names the column "${name}" twice`, 'Rename one of the two.', 1)
    seen.add(name)
  }
  return names
}

function inWords(error: CsvError, fail: (message: string, fix: string, line?: number) => AppError): AppError {
  const line = Number(Reflect.get(error, 'lines')) || undefined
  switch (error.code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return fail(
        'A quote is opened and never closed, so that the rest of the file is one field',
        'Double every quote inside a quoted field: "".',
        line,
      )
    case 'CSV_MAX_RECORD_SIZE':
      return fail('A record is longer than 64 MiB', 'Most likely a quote before it is not closed.', line)
    default:
      return fail(
        `This is not valid CSV: ${error.message}`,
        'Quote every field that holds a quote, and double the quotes in it: "".',
        line,
      )
  }
}

/** The file's text, checked: a decoder that replaces what it cannot read would change texts in silence. */
async function* utf8(file: InputFile, options: ReadOptions): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let line = 1
  const decode = (chunk: Buffer | undefined): string => {
    try {
      return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode()
    } catch {
      throw new AppError('data_invalid', 'The file is not valid UTF-8', {
        file: file.path,
        line: line + (chunk ? linesBeforeFault(chunk) : 0),
        fix: 'Save it as UTF-8: in a spreadsheet choose "CSV UTF-8".',
      })
    }
  }
  for await (const chunk of readChunks(file, options)) {
    const text = decode(chunk)
    const nul = text.indexOf('\0')
    const end = nul < 0 ? text.length : nul
    for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) line++
    if (nul >= 0) throw foreignTextError(file.path, nulAt(line))
    yield text
  }
  yield decode(undefined)
}

/** Whole lines of a piece before the one that is not UTF-8. */
function linesBeforeFault(piece: Buffer): number {
  let begin = 0
  // A character that begins in the piece before.
  while (begin < 3 && (piece[begin]! & 0xc0) === 0x80) begin++
  for (let line = 0; ; line++) {
    const end = piece.indexOf(0x0a, begin)
    if (end < 0 || !isUtf8(piece.subarray(begin, end))) return line
    begin = end + 1
  }
}

/** The delimiter that stands most often in the first line outside quotes; a comma where none does. */
async function findDelimiter(file: InputFile): Promise<string> {
  const head = Buffer.alloc(Math.min(file.size, MAX_HEADER_BYTES))
  await readFully(file, head, 0)
  const counts = new Map(DELIMITERS.map((one) => [one, 0]))
  let quoted = false
  for (const char of head.toString('latin1')) {
    if (char === '"') quoted = !quoted
    else if (char === '\n' && !quoted) break
    else if (!quoted && counts.has(char)) counts.set(char, counts.get(char)! + 1)
  }
  return DELIMITERS.reduce((best, one) => (counts.get(one)! > counts.get(best)! ? one : best))
}

import { AppError } from '../../shared/errors'
import { readCsv } from '../data/csv'
import {
  readHead,
  refuseOtherEncoding,
  throwIfStopped,
  withInput,
  type InputFile,
  type ReadOptions,
} from '../data/files'
import { readJsonArray } from '../data/jsonArray'
import { parseRow, readJsonl } from '../data/jsonl'
import { openParquet, PARQUET_MAGIC } from '../data/parquet'

/** A row of a source, whatever file it stood in. */
export type SourceRecord = Readonly<Record<string, unknown>>

export interface Place {
  readonly file: string
  readonly row: number
  readonly line?: number
}

export interface RecordOptions extends ReadOptions {
  delimiter?: string | undefined
  onRecord: (record: SourceRecord, place: Place) => void
  onMalformed: (place: Place, reason: string) => void
}

/** Rows of a Parquet file that are put together at once. */
const PARQUET_MAX_GROUP_BYTES = 2 ** 30

/**
 * Reads rows from JSON Lines, one JSON array of objects, CSV or Parquet, told apart by content (CSV is what is none of
 * the others).
 *
 * @throws AppError `not_found`, `unreadable`, `data_invalid`, `out_of_range`, `stopped`
 */
export async function readRecords(path: string, options: RecordOptions): Promise<void> {
  await withInput(path, async (file) => {
    switch (await formatOf(file)) {
      case 'parquet':
        return readParquetRecords(file, options)
      case 'array':
        return readArrayRecords(file, options)
      case 'jsonl':
        return readJsonlRecords(file, options)
      case 'csv':
        return readCsv(file, {
          ...options,
          onRow: (record, row, line) => options.onRecord(record, { file: path, row, line }),
          onMalformed: (row, line, reason) => options.onMalformed({ file: path, row, line }, reason),
        })
    }
  })
}

async function formatOf(file: InputFile): Promise<'parquet' | 'array' | 'jsonl' | 'csv'> {
  const head = await readHead(file)
  if (head.subarray(0, 4).equals(PARQUET_MAGIC) || /\.parquet$/i.test(file.path)) return 'parquet'
  refuseOtherEncoding(file.path, head)
  const start = head
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart()[0]
  if (start === undefined)
    throw new AppError('data_invalid', 'The file is empty', { file: file.path, fix: 'Give a file with rows.' })
  if (start === '{') return 'jsonl'
  return start === '[' ? 'array' : 'csv'
}

async function readJsonlRecords(file: InputFile, options: RecordOptions): Promise<void> {
  const place = (row: number): Place => ({ file: file.path, row, line: row + 1 })
  const batches = readJsonl(file, { ...options, onMalformed: (row, reason) => options.onMalformed(place(row), reason) })
  for await (const { firstRow, rows } of batches) rows.forEach((row, i) => options.onRecord(row, place(firstRow + i)))
}

async function readArrayRecords(file: InputFile, options: RecordOptions): Promise<void> {
  const onElement = (bytes: Buffer, row: number, line: number): void => {
    const place = { file: file.path, row, line }
    const parsed = parseRow(bytes)
    if (typeof parsed === 'string') options.onMalformed(place, parsed.replace('the line', 'the element'))
    else options.onRecord(parsed, place)
  }
  await readJsonArray(file, onElement, options)
}

async function readParquetRecords(file: InputFile, options: RecordOptions): Promise<void> {
  const parquet = await openParquet(file)
  let first = 0
  for (const [group, rows] of parquet.groupRows.entries()) {
    if (parquet.groupBytes[group]! > PARQUET_MAX_GROUP_BYTES)
      throw new AppError(
        'out_of_range',
        `Row group ${group} has ${parquet.groupBytes[group]} bytes, too many to load`,
        {
          file: file.path,
          fix: 'Write the file with smaller row groups.',
        },
      )
    const columns: [string, ArrayLike<unknown>][] = []
    for (const { name } of parquet.columns) {
      throwIfStopped(options.signal)
      columns.push([name, await parquet.readColumn(group, name)])
    }
    for (let i = 0; i < rows; i++)
      options.onRecord(Object.fromEntries(columns.map(([name, values]) => [name, toJson(values[i])])), {
        file: file.path,
        row: first + i,
      })
    first += rows
  }
}

/** Parquet's values as JSON knows them: exact integers beyond 2^53 become text, bytes base64, dates ISO. */
export function toJson(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(toJson)
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(Object(value), toJson)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, toJson(item)]))
  return value ?? null
}

import { AppError } from '../../shared/errors'
import { readHead, refuseOtherEncoding, throwIfStopped, withInput, type InputFile, type ReadOptions } from './files'
import { readJsonl, type JsonBatch, type JsonRow } from './jsonl'
import { openParquet, PARQUET_MAGIC } from './parquet'

/** What a text column holds where there is no text. */
export const TEXT_MISSING = -2
export const TEXT_INVALID = -3

/** Consecutive rows of a pairs file, by column. */
export interface FrameBatch {
  /** Number of the first row in the file, from 0. */
  readonly firstRow: number
  readonly rows: number
  /** Columns of these rows: JSON Lines may bring new ones in any batch. */
  readonly columns: readonly string[]
  /** Values as they stand in the file: null or undefined where missing, integers beyond 2^53 as bigint. */
  values(column: string): ArrayLike<unknown>
  /** Every text as `encodeText` numbers it, {@link TEXT_MISSING} or {@link TEXT_INVALID}. */
  texts(column: string): Int32Array
}

export interface FrameRequest extends ReadOptions {
  /** As for `readJsonl`. */
  exactIntegers?: boolean
  /**
   * Columns that `values` and `texts` will be asked for, chosen when the file's own columns are known. Not called for
   * a JSON Lines file without a well-formed row.
   */
  select: (columns: readonly string[], format: FrameFormat) => { values: readonly string[]; texts: readonly string[] }
  /** Numbers a text, so that strings need not be held: at least -1. */
  encodeText: (text: string) => number
  onBatch: (batch: FrameBatch) => void
  onMalformed: (row: number, reason: string) => void
}

export type FrameFormat = 'jsonl' | 'parquet'

/**
 * Reads a pairs file (JSON Lines or Parquet, told apart by content) in bounded memory: a JSON Lines file piece by
 * piece, a Parquet file by row group and column.
 *
 * The columns of a JSON Lines file are those of its first batch (about 1 MiB) in order of appearance.
 *
 * @throws AppError `not_found`, `unreadable`, `data_invalid`, `stopped`, or whatever `select` throws
 */
export async function readFrame(path: string, request: FrameRequest): Promise<void> {
  await withInput(path, async (file) => {
    if ((await frameFormat(file)) === 'parquet') await readParquetFrame(file, request)
    else await readJsonlFrame(file, request)
  })
}

async function frameFormat(file: InputFile): Promise<FrameFormat> {
  const head = await readHead(file)
  if (head.subarray(0, 4).equals(PARQUET_MAGIC)) return 'parquet'
  const start = head
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart()[0]
  if (/\.parquet$/i.test(file.path)) return 'parquet'
  refuseOtherEncoding(file.path, head)
  if (start === '{') return 'jsonl'
  if (start === undefined || (start !== '[' && /\.(jsonl|ndjson|json)$/i.test(file.path))) return 'jsonl'
  const what = start === '[' ? 'It is a JSON array, not JSON Lines' : 'It is neither JSON Lines nor Parquet'
  throw new AppError('data_invalid', what, {
    file: file.path,
    fix: 'Write one JSON object a line (pandas: to_json(orient="records", lines=True)), or Parquet.',
  })
}

async function readJsonlFrame(file: InputFile, request: FrameRequest): Promise<void> {
  let selected: ReturnType<FrameRequest['select']> | null = null
  for await (const batch of readJsonl(file, request)) {
    selected ??= request.select(columnsOf(batch.rows), 'jsonl')
    request.onBatch(jsonBatch(batch, request.encodeText))
  }
}

function columnsOf(rows: readonly JsonRow[]): string[] {
  const columns = new Set<string>()
  for (const row of rows) for (const name of Object.keys(row)) columns.add(name)
  return [...columns]
}

function jsonBatch({ firstRow, rows }: JsonBatch, encodeText: (text: string) => number): FrameBatch {
  const field = (row: JsonRow, column: string): unknown => (Object.hasOwn(row, column) ? row[column] : undefined)
  let columns: string[] | undefined
  return {
    firstRow,
    rows: rows.length,
    // Asked for row by row, and found by a walk over all rows.
    get columns() {
      return (columns ??= columnsOf(rows))
    },
    values: (column) => rows.map((row) => field(row, column)),
    texts: (column) =>
      Int32Array.from(rows, (row) => {
        const text = field(row, column)
        return typeof text === 'string'
          ? encodeText(text)
          : text === undefined || text === null
            ? TEXT_MISSING
            : TEXT_INVALID
      }),
  }
}

async function readParquetFrame(file: InputFile, request: FrameRequest): Promise<void> {
  const parquet = await openParquet(file)
  const isText = new Map(parquet.columns.map((column) => [column.name, column.isText]))
  const selected = request.select([...isText.keys()], 'parquet')
  let firstRow = 0
  for (const [group, rows] of parquet.groupRows.entries()) {
    const values = new Map<string, ArrayLike<unknown>>()
    for (const name of selected.values) {
      throwIfStopped(request.signal)
      values.set(name, await parquet.readColumn(group, name))
    }
    const texts = new Map<string, Int32Array>()
    for (const name of selected.texts) {
      throwIfStopped(request.signal)
      const mapped = await parquet.readColumn(group, name, isText.get(name) ? request.encodeText : undefined)
      texts.set(name, textCodes(mapped, isText.get(name) === true))
    }
    request.onBatch({
      firstRow,
      rows,
      columns: selected.values,
      values: (name) => values.get(name)!,
      texts: (name) => texts.get(name)!,
    })
    request.onBytes?.(parquet.groupBytes[group]!)
    firstRow += rows
  }
}

function textCodes(mapped: ArrayLike<unknown>, isText: boolean): Int32Array {
  return Int32Array.from(mapped, (code) => {
    if (code === undefined || code === null) return TEXT_MISSING
    return isText && typeof code === 'number' ? code : TEXT_INVALID
  })
}

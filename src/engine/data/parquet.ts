import {
  parquetMetadata,
  parquetScan,
  parquetSchema,
  type FileMetaData,
  type SchemaElement,
  type SchemaTree,
} from 'hyparquet'
import { AppError, messageOf } from '../../shared/errors'
import { readFully, type InputFile } from './files'
import { isTooDeep } from './jsonl'
import { decompress } from './parquetCodecs'
import {
  encodePage,
  MAX_PAGE_BYTES,
  MAX_VALUES,
  pageBytes,
  SafePages,
  type LeafColumn,
  type SafePage,
} from '../../shared/parquet/pages'
import { ParquetFault, readStruct } from '../../shared/parquet/thrift'

export interface ParquetColumn {
  readonly name: string
  /** Whether its values are strings. */
  readonly isText: boolean
}

/** An open Parquet file: what it holds, and its columns one row group at a time. */
export interface ParquetFile {
  readonly rows: number
  readonly columns: readonly ParquetColumn[]
  /** Rows of every row group. */
  readonly groupRows: readonly number[]
  /** Bytes of every row group in the file. */
  readonly groupBytes: readonly number[]
  /**
   * The values of one column in one row group; null or undefined where missing, int64 as bigint.
   *
   * @param mapText replaces every string; a dictionary-coded string is mapped once a batch, not once a row
   */
  readColumn(group: number, column: string, mapText?: (text: string) => unknown): Promise<ArrayLike<unknown>>
}

/** What stands for a file's content, in front of which nothing is believed. */
const MAX_FOOTER_BYTES = 64 * 2 ** 20
const MAX_FOOTER_VALUES = 4_000_000
const MAX_COLUMNS = 20_000
const MAX_SCHEMA_DEPTH = 32
/** Sixteen times pyarrow's default. */
export const MAX_GROUP_ROWS = 2 ** 24
/** Pages of a flat column are decoded once so many bytes of them have come together. */
const BATCH_BYTES = 64 * 2 ** 20

/**
 * hyparquet decodes; what it is given has been checked before ({@link SafePages}), since it trusts its input: a damaged
 * page makes it loop without end (docs/adr/0020).
 *
 * @throws AppError `data_invalid` when the file is truncated, corrupt, encrypted or contradicts itself
 */
export async function openParquet(file: InputFile): Promise<ParquetFile> {
  await checkMagic(file)
  const metadata = await readFooter(file)
  const tree = inWords(file, 'its footer cannot be read', () => {
    checkSchema(metadata.schema)
    return parquetSchema(metadata)
  })
  const columns = tree.children.map(({ element, children }) => ({
    name: element.name,
    isText: children.length === 0 && element.repetition_type !== 'REPEATED' && isText(element),
  }))
  const twice = columns.find(({ name }, i) => columns.findIndex((other) => other.name === name) !== i)
  if (twice) throw corrupt(file, 'two columns have the same name', undefined, twice.name)
  const groups = metadata.row_groups
  const groupRows = groups.map((group, i) => {
    const rows = count(group.num_rows)
    if (rows > MAX_GROUP_ROWS) throw tooLarge(file, `Row group ${i} has ${rows} rows, more than ${MAX_GROUP_ROWS}`)
    return rows
  })
  const rows = count(metadata.num_rows)
  if (rows < 0 || groupRows.some((n) => n < 0) || groupRows.reduce((sum, n) => sum + n, 0) !== rows)
    throw corrupt(file, `its row groups do not add up to its ${rows} rows`)
  const chunks = new ChunkIndex(metadata)

  return {
    rows,
    columns,
    groupRows,
    groupBytes: groups.map(({ columns: of }) =>
      of.reduce((sum, { meta_data }) => sum + Math.max(0, count(meta_data?.total_compressed_size)), 0),
    ),
    async readColumn(group, name, mapText) {
      const child = tree.children.find(({ element }) => element.name === name)
      if (!child) throw corrupt(file, 'it has no such column', undefined, name)
      try {
        const values = await readColumn(file, child, chunks.of(group), groupRows[group]!, mapText)
        if (values.length !== groupRows[group])
          throw new ParquetFault(`it has ${values.length} of its ${groupRows[group]} values`)
        return values
      } catch (error) {
        if (error instanceof AppError) throw error
        throw corrupt(file, `row group ${group} cannot be decoded: ${reason(error)}`, error, name)
      }
    },
  }
}

const isText = (element: SchemaElement): boolean =>
  element.type === 'BYTE_ARRAY' &&
  [undefined, 'UTF8', 'ENUM'].includes(element.converted_type) &&
  [undefined, 'STRING', 'ENUM'].includes(element.logical_type?.type)

/** A column chunk as the footer describes it. */
interface Chunk {
  readonly start: number
  readonly bytes: number
  readonly codec: string
}

/** Where the columns of a row group lie, by their path. */
class ChunkIndex {
  readonly #metadata: FileMetaData
  #group = -1
  #chunks = new Map<string, Chunk>()

  constructor(metadata: FileMetaData) {
    this.#metadata = metadata
  }

  of(group: number): ReadonlyMap<string, Chunk> {
    if (group === this.#group) return this.#chunks
    this.#chunks = new Map()
    for (const { meta_data: meta, file_path } of this.#metadata.row_groups[group]!.columns) {
      if (!meta || file_path !== undefined) continue
      const start = count(meta.dictionary_page_offset) || count(meta.data_page_offset)
      this.#chunks.set(meta.path_in_schema.join('\0'), {
        start: start > 0 ? start : count(meta.data_page_offset),
        bytes: count(meta.total_compressed_size),
        codec: meta.codec,
      })
    }
    this.#group = group
    return this.#chunks
  }
}

/** A column of one row group: its leaves' pages checked, decoded by hyparquet a batch at a time. */
async function readColumn(
  file: InputFile,
  column: SchemaTree,
  chunks: ReadonlyMap<string, Chunk>,
  rows: number,
  mapText: ((text: string) => unknown) | undefined,
): Promise<ArrayLike<unknown>> {
  if (rows === 0) return []
  const leaves = leavesOf(column)
  const decoder = new BatchDecoder(column, mapText)
  if (column.children.length > 0 || column.element.repetition_type === 'REPEATED') {
    const batches: LeafBatch[] = []
    for (const leaf of leaves) batches.push(nestedLeaf(await leafPages(file, leaf, chunks), leaf, rows))
    return decoder.decode(batches, rows)
  }
  return flatColumn(await leafPages(file, leaves[0]!, chunks), leaves[0]!, rows, decoder)
}

async function flatColumn(
  pages: SafePages,
  leaf: Leaf,
  rows: number,
  decoder: BatchDecoder,
): Promise<ArrayLike<unknown>> {
  let dictionary: SafePage | undefined
  let batch: SafePage[] = []
  let bytes = 0
  let batchRows = 0
  let done = 0
  const whole: ArrayLike<unknown>[] = []
  const flush = async (): Promise<void> => {
    if (batchRows > 0)
      whole.push(await decoder.decode([{ leaf, pages: dictionary ? [dictionary, ...batch] : batch }], batchRows))
    done += batchRows
    batch = []
    bytes = batchRows = 0
  }
  for (let page = pages.next(); page; page = pages.next()) {
    if (page.isDictionary) {
      dictionary = page
      continue
    }
    // A batch has levels in all of its pages or in none.
    if (batch.length > 0 && hasNoLevels(page) !== hasNoLevels(batch[0]!)) await flush()
    batch.push(page)
    bytes += pageBytes(page)
    batchRows += page.rows
    if (done + batchRows > rows) throw new ParquetFault(`it has more than its ${rows} values`)
    if (bytes >= BATCH_BYTES) await flush()
    // What comes after the last row is not looked at.
    if (done + batchRows === rows) break
  }
  await flush()
  return whole.length === 1 ? whole[0]! : concatenated(whole, done)
}

function concatenated(parts: readonly ArrayLike<unknown>[], length: number): unknown[] {
  const out = new Array<unknown>(length)
  let at = 0
  for (const part of parts) for (let i = 0; i < part.length; i++) out[at++] = part[i]
  return out
}

function nestedLeaf(pages: SafePages, leaf: Leaf, rows: number): LeafBatch {
  const found: SafePage[] = []
  let [bytes, values, begun] = [0, 0, 0]
  for (let page = pages.next(); page; page = pages.next()) {
    found.push(page)
    bytes += pageBytes(page)
    values += page.values
    begun += page.rows
    if (bytes > MAX_PAGE_BYTES || values > MAX_VALUES)
      throw new ParquetFault('a nested column is too large; write the file with smaller row groups')
    if (begun > rows) throw new ParquetFault(`it has more than its ${rows} values`)
  }
  return { leaf, pages: found }
}

interface Leaf {
  readonly path: readonly string[]
  readonly element: SchemaElement
  readonly maxDefinition: number
  readonly maxRepetition: number
}

function leavesOf(node: SchemaTree, maxDefinition = 0, maxRepetition = 0): Leaf[] {
  const { element, children, path } = node
  const definition = maxDefinition + (element.repetition_type === 'REQUIRED' ? 0 : 1)
  const repetition = maxRepetition + (element.repetition_type === 'REPEATED' ? 1 : 0)
  if (children.length > 0) return children.flatMap((child) => leavesOf(child, definition, repetition))
  return [{ path, element, maxDefinition: definition, maxRepetition: repetition }]
}

/** A fixed length beyond this is no value. */
const MAX_FIXED_BYTES = 1 << 20

async function leafPages(file: InputFile, leaf: Leaf, chunks: ReadonlyMap<string, Chunk>): Promise<SafePages> {
  const chunk = chunks.get(leaf.path.join('\0'))
  if (!chunk) throw new ParquetFault(`its footer does not say where ${leaf.path.join('.')} lies`)
  const { start, bytes, codec } = chunk
  if (start < 4 || bytes < 0 || start + bytes > file.size - 8)
    throw new ParquetFault(`bytes ${start} to ${start + bytes} lie outside the file's data`)
  const { type, type_length: length = 0 } = leaf.element
  if (type === undefined) throw new ParquetFault(`${leaf.path.join('.')} has no type`)
  if (type === 'FIXED_LEN_BYTE_ARRAY' && !(length > 0 && length <= MAX_FIXED_BYTES))
    throw new ParquetFault(`its values have the length ${length}`)
  const content = new Uint8Array(bytes)
  await readFully(file, content, start)
  const { maxDefinition, maxRepetition, path } = leaf
  const column: LeafColumn = { type, length, maxDefinition, maxRepetition, codec, isTop: path.length === 1 }
  return new SafePages(content, column, decompress)
}

interface LeafBatch {
  readonly leaf: Leaf
  readonly pages: readonly SafePage[]
}

const lengthOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0)

/** Whether no value of a flat column is missing: its pages then have no levels, and decoding costs half. */
const isComplete = (leaves: readonly LeafBatch[]): boolean =>
  leaves.every(({ leaf, pages }) => leaf.path.length === 1 && leaf.maxRepetition === 0 && pages.every(hasNoLevels))

const hasNoLevels = ({ levels }: SafePage): boolean => levels.length === 0

const required = (schema: readonly SchemaElement[]): SchemaElement[] =>
  schema.map((element, i) => (i === 1 ? { ...element, repetition_type: 'REQUIRED' } : element))

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function jsonFromBytes(bytes: Uint8Array): unknown {
  let value: unknown
  try {
    value = JSON.parse(strict.decode(bytes))
  } catch (error) {
    throw new ParquetFault(`a value is not JSON: ${messageOf(error)}`, { cause: error })
  }
  if (isTooDeep(value)) throw new ParquetFault('a value is nested too deeply')
  return value
}

/** Has hyparquet decode pages out of memory: a file of one row group and one column. */
class BatchDecoder {
  readonly #column: SchemaTree
  readonly #schema: SchemaElement[]
  readonly #parsers: Record<'stringFromBytes' | 'jsonFromBytes', (bytes: Uint8Array) => unknown>

  constructor(column: SchemaTree, mapText: ((text: string) => unknown) | undefined) {
    this.#column = column
    const elements = elementsOf(column)
    this.#schema = [{ name: 'root', num_children: 1 }, ...elements]
    // Bytes that nobody called text need not be any.
    const mayBeBytes = elements.some(
      ({ type, converted_type, logical_type }) => type === 'BYTE_ARRAY' && !converted_type && !logical_type,
    )
    const decode = (bytes: Uint8Array): string | Uint8Array => {
      try {
        return strict.decode(bytes)
      } catch {
        if (mayBeBytes) return bytes
        throw new ParquetFault('a text is not valid UTF-8')
      }
    }
    const mapped = (value: string | Uint8Array): unknown =>
      mapText !== undefined && typeof value === 'string' ? mapText(value) : value
    this.#parsers = { stringFromBytes: (bytes) => mapped(decode(bytes)), jsonFromBytes }
  }

  async decode(leaves: readonly LeafBatch[], rows: number): Promise<ArrayLike<unknown>> {
    const encoded = leaves.map(({ leaf, pages }) => ({ leaf, parts: pages.flatMap(encodePage) }))
    const parts = encoded.flatMap((each) => each.parts)
    const content = new Uint8Array(lengthOf(parts))
    let at = 0
    for (const part of parts) {
      content.set(part, at)
      at += part.length
    }
    let start = 0
    const columns = encoded.map(({ leaf, parts: own }) => {
      const bytes = lengthOf(own)
      const meta_data = {
        type: leaf.element.type!,
        encodings: [],
        path_in_schema: [...leaf.path],
        codec: 'UNCOMPRESSED' as const,
        num_values: 0n,
        total_uncompressed_size: BigInt(bytes),
        total_compressed_size: BigInt(bytes),
        data_page_offset: BigInt(start),
      }
      start += bytes
      return { file_offset: 0n, meta_data }
    })
    const { name } = this.#column.element
    const scan = await parquetScan({
      file: {
        byteLength: content.length,
        slice: (from, to = content.length) =>
          from === 0 && to === content.length ? content.buffer : content.buffer.slice(from, to),
      },
      metadata: {
        version: 1,
        schema: isComplete(leaves) ? required(this.#schema) : this.#schema,
        num_rows: BigInt(rows),
        row_groups: [{ columns, total_byte_size: BigInt(content.length), num_rows: BigInt(rows) }],
        metadata_length: 0,
      },
      columns: [name],
      parsers: this.#parsers as never,
      useOffsetIndex: false,
      geoparquet: false,
    })
    return scan.readColumn({ column: name, rowStart: 0, rowEnd: rows })
  }
}

/** Values of these kinds are programs of their own; their bytes are shown instead. */
const OPAQUE = new Set(['VARIANT', 'GEOMETRY', 'GEOGRAPHY'])

function elementsOf({ element, children }: SchemaTree): SchemaElement[] {
  const own = OPAQUE.has(element.logical_type?.type ?? '') ? { ...element, logical_type: undefined } : element
  return [own as SchemaElement, ...children.flatMap(elementsOf)]
}

async function readFooter(file: InputFile): Promise<FileMetaData> {
  const tail = Buffer.alloc(8)
  await readFully(file, tail, file.size - 8)
  const length = tail.readUInt32LE(0)
  if (length > file.size - 12) throw corrupt(file, `its footer of ${length} bytes is larger than the file`)
  if (length > MAX_FOOTER_BYTES) throw tooLarge(file, `Its footer has ${length} bytes, more than ${MAX_FOOTER_BYTES}`)
  const footer = new Uint8Array(length + 8)
  await readFully(file, footer, file.size - 8 - length)
  return inWords(file, 'its footer cannot be read', () => {
    readStruct({ bytes: footer.subarray(0, length), offset: 0 }, { values: MAX_FOOTER_VALUES })
    return parquetMetadata(footer, { geoparquet: false })
  })
}

/** @throws ParquetFault unless the elements are a tree of sane size with a name for each */
function checkSchema(schema: readonly SchemaElement[]): void {
  if (schema.length === 0) throw new ParquetFault('its schema is empty')
  if (schema.length > MAX_COLUMNS) throw new ParquetFault(`it has ${schema.length} columns, more than ${MAX_COLUMNS}`)
  /** Children that are still to come of the nodes on the way down. */
  const open: number[] = []
  for (const [i, { name, num_children = 0 }] of schema.entries()) {
    if (typeof name !== 'string' || !Number.isInteger(num_children) || num_children < 0)
      throw new ParquetFault(`element ${i} of its schema is broken`)
    if (i > 0 && open.length === 0) throw new ParquetFault('its schema has elements that belong nowhere')
    if (i > 0) open[open.length - 1]!--
    if (num_children > 0) open.push(num_children)
    while (open.at(-1) === 0) open.pop()
    if (open.length > MAX_SCHEMA_DEPTH) throw new ParquetFault('its columns are nested too deeply')
  }
  if (open.length > 0) throw new ParquetFault('its schema ends too early')
}

async function checkMagic(file: InputFile): Promise<void> {
  if (file.size < 12) throw corrupt(file, `it has only ${file.size} bytes`)
  const head = Buffer.alloc(4)
  const tail = Buffer.alloc(4)
  await readFully(file, head, 0)
  await readFully(file, tail, file.size - 4)
  if (tail.equals(Buffer.from('PARE'))) throw corrupt(file, 'it is encrypted')
  if (!head.equals(PARQUET_MAGIC)) throw corrupt(file, 'it does not start with PAR1')
  if (!tail.equals(PARQUET_MAGIC)) throw corrupt(file, 'it does not end with PAR1, so it is truncated')
}

export const PARQUET_MAGIC: Buffer = Buffer.from('PAR1')

/** A number of the footer, or -1 where it is none that a file can have. */
function count(value: unknown): number {
  const number = typeof value === 'bigint' || typeof value === 'number' ? Number(value) : -1
  return Number.isSafeInteger(number) && number >= 0 ? number : -1
}

function inWords<T>(file: InputFile, what: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw corrupt(file, `${what}: ${reason(error)}`, error)
  }
}

/** A message of hyparquet's own is one for its authors where it is the engine's. */
const reason = (error: unknown): string =>
  error instanceof TypeError || error instanceof RangeError ? 'it contradicts itself' : messageOf(error)

function tooLarge(file: InputFile, message: string): AppError {
  const fix = 'Write the file with smaller row groups (pandas: to_parquet(row_group_size=100_000)).'
  return new AppError('out_of_range', message, { file: file.path, fix })
}

function corrupt(file: InputFile, why: string, cause?: unknown, column?: string): AppError {
  return new AppError(
    'data_invalid',
    `The Parquet file is damaged: ${why}`,
    { file: file.path, ...(column !== undefined && { column }), fix: 'Copy or write the file again.' },
    cause,
  )
}

import { parquetMetadata, parquetScan, type RowGroup, type SchemaElement } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { encodePage, SafePages, type Decompress } from '../../shared/parquet/pages'
import { ParquetFault, readStruct } from '../../shared/parquet/thrift'

const MAX_FOOTER_VALUES = 1_000_000
const MAX_COLUMNS = 1000
const MAX_ROWS = 50_000_000
/** One byte of Snappy stands for 64 at most. */
const SNAPPY_RATIO = 64

const decompress: Decompress = (codec, input, length) => {
  if (codec !== 'UNCOMPRESSED' && codec !== 'SNAPPY') throw new ParquetFault(`${codec} is not what predictions are in`)
  if (codec === 'SNAPPY' && length > input.length * SNAPPY_RATIO) throw new ParquetFault('a page claims too much')
  const output = codec === 'SNAPPY' && length > 0 ? compressors.SNAPPY!(input, length) : input
  if (output.length !== length) throw new ParquetFault('a page has another size')
  return output
}

/**
 * Some columns that are neither nested nor repeated, row group by row group: [groups][columns][rows]. The file may be anybody's: a run folder is imported from
 * anywhere, and hyparquet would loop over a damaged page (docs/adr/0020).
 *
 * @throws ParquetFault, or whatever hyparquet throws
 */
export async function readFlatColumns(bytes: Uint8Array, names: readonly string[]): Promise<ArrayLike<unknown>[][]> {
  if (bytes.length < 12) throw new ParquetFault('it is too short')
  const footer = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true)
  const end = bytes.length - 8 - footer
  if (end < 4) throw new ParquetFault('its footer is larger than the file')
  readStruct({ bytes: bytes.subarray(end, bytes.length - 8), offset: 0 }, { values: MAX_FOOTER_VALUES })
  const { schema, row_groups } = parquetMetadata(bytes.subarray(end), { geoparquet: false })
  if (schema.length > MAX_COLUMNS) throw new ParquetFault('it has too many columns')
  const elements = names.map((name) => {
    const element = schema.find((each) => each.name === name)
    if (!element || element.num_children || element.repetition_type === 'REPEATED')
      throw new ParquetFault(`it has no plain column ${name}`)
    return element
  })
  if (row_groups.reduce((sum, { num_rows }) => sum + Number(num_rows), 0) > MAX_ROWS)
    throw new ParquetFault('it has too many rows')
  const groups: ArrayLike<unknown>[][] = []
  for (const group of row_groups) groups.push(await groupColumns(bytes.subarray(0, end), group, elements))
  return groups
}

async function groupColumns(
  data: Uint8Array,
  group: RowGroup,
  elements: readonly SchemaElement[],
): Promise<ArrayLike<unknown>[]> {
  const count = Number(group.num_rows)
  const parts: Uint8Array[] = []
  let at = 0
  const columns = elements.map((element) => {
    const found = group.columns.find(({ meta_data }) => meta_data?.path_in_schema.join('\0') === element.name)
    const chunk = safeChunk(data, element, found?.meta_data, count)
    const bytes = chunk.reduce((sum, part) => sum + part.length, 0)
    parts.push(...chunk)
    at += bytes
    const meta_data = {
      type: element.type!,
      encodings: [],
      path_in_schema: [element.name],
      codec: 'UNCOMPRESSED' as const,
      num_values: BigInt(count),
      total_uncompressed_size: BigInt(bytes),
      total_compressed_size: BigInt(bytes),
      data_page_offset: BigInt(at - bytes),
    }
    return { file_offset: 0n, meta_data }
  })
  const { buffer } = Uint8Array.from(Buffer.concat(parts))
  const num_rows = BigInt(count)
  const scan = await parquetScan({
    file: { byteLength: buffer.byteLength, slice: (from, to) => buffer.slice(from, to) },
    metadata: {
      version: 1,
      schema: [{ name: 'root', num_children: elements.length }, ...elements],
      num_rows,
      row_groups: [{ columns, num_rows, total_byte_size: BigInt(at) }],
      metadata_length: 0,
    },
    useOffsetIndex: false,
    geoparquet: false,
  })
  return Promise.all(elements.map(({ name }) => scan.readColumn({ column: name, rowStart: 0, rowEnd: count })))
}

function safeChunk(
  data: Uint8Array,
  element: SchemaElement,
  meta: RowGroup['columns'][number]['meta_data'],
  count: number,
): Uint8Array[] {
  const { type, type_length: length = 0, repetition_type } = element
  if (!meta || !type) throw new ParquetFault(`it does not say where ${element.name} lies`)
  const start = Number(meta.dictionary_page_offset || meta.data_page_offset)
  const end = start + Number(meta.total_compressed_size)
  if (!(start >= 4 && end >= start && end <= data.length)) throw new ParquetFault(`${element.name} lies outside`)
  const leaf = {
    type,
    length,
    maxDefinition: repetition_type === 'REQUIRED' ? 0 : 1,
    maxRepetition: 0,
    codec: meta.codec,
    // Levels stay: the schema of all pages is that of the file.
    isTop: false,
  }
  const pages = new SafePages(data.subarray(start, end), leaf, decompress)
  const parts: Uint8Array[] = []
  let rows = 0
  for (let page = pages.next(); page; page = pages.next()) {
    parts.push(...encodePage(page))
    rows += page.rows
    if (rows > count) break
  }
  if (rows !== count) throw new ParquetFault(`${element.name} has ${rows} of its ${count} values`)
  return parts
}

import { parquetMetadataAsync, parquetScan, parquetSchema, type Compressors, type FileMetaData } from 'hyparquet'
import { compressors as codecs } from 'hyparquet-compressors'
import { AppError, messageOf } from '../../shared/errors'
import { readFully, type InputFile } from './files'

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
   * @param mapText replaces every string; a dictionary-coded string is mapped once, not once a row
   */
  readColumn(group: number, column: string, mapText?: (text: string) => unknown): Promise<ArrayLike<unknown>>
}

/** A page states its own size: without a limit a few bytes could claim gigabytes. */
const MAX_PAGE_BYTES = 1 << 30

const compressors: Compressors = Object.fromEntries(
  Object.entries(codecs).map(([codec, decompress]) => [
    codec,
    (input: Uint8Array, length: number): Uint8Array => {
      if (length > MAX_PAGE_BYTES) throw new Error(`a page of ${length} bytes is not plausible`)
      return decompress(input, length)
    },
  ]),
)

const decoder = new TextDecoder()

/** @throws AppError `data_invalid` when the file is truncated, corrupt, encrypted or contradicts itself */
export async function openParquet(file: InputFile): Promise<ParquetFile> {
  const source = {
    byteLength: file.size,
    slice: async (start: number, end: number = file.size): Promise<ArrayBuffer> => {
      if (start < 0 || end > file.size || start > end) throw new Error(`bytes ${start} to ${end} lie outside the file`)
      const buffer = new ArrayBuffer(end - start)
      await readFully(file, new Uint8Array(buffer), start)
      return buffer
    },
  }
  await checkMagic(file)
  let metadata: FileMetaData
  try {
    metadata = await parquetMetadataAsync(source, { geoparquet: false })
  } catch (error) {
    throw corrupt(file, `its footer cannot be read: ${messageOf(error)}`, error)
  }
  const columns = parquetSchema(metadata).children.map(({ element, children }) => ({
    name: element.name,
    isText:
      children.length === 0 &&
      element.repetition_type !== 'REPEATED' &&
      element.type === 'BYTE_ARRAY' &&
      [undefined, 'UTF8', 'ENUM'].includes(element.converted_type) &&
      [undefined, 'STRING', 'ENUM'].includes(element.logical_type?.type),
  }))
  const groups = metadata.row_groups
  const groupRows = groups.map((group) => Number(group.num_rows))
  const rows = Number(metadata.num_rows)
  if (groupRows.reduce((sum, n) => sum + n, 0) !== rows) {
    throw corrupt(file, `its row groups do not add up to its ${rows} rows`)
  }

  return {
    rows,
    columns,
    groupRows,
    groupBytes: groups.map((group) =>
      group.columns.reduce((sum, column) => sum + Number(column.meta_data?.total_compressed_size ?? 0), 0),
    ),
    async readColumn(group, column, mapText) {
      const row_groups = [groups[group]!]
      const expected = groupRows[group]!
      const parsers = mapText && { stringFromBytes: (bytes: Uint8Array): unknown => mapText(decoder.decode(bytes)) }
      let values: ArrayLike<unknown>
      try {
        // One group at a time: planning over all of them for each would be quadratic in their number.
        const scan = await parquetScan({
          file: source,
          metadata: { ...metadata, row_groups, num_rows: groups[group]!.num_rows },
          columns: [column],
          compressors,
          parsers,
          useOffsetIndex: false,
          geoparquet: false,
        })
        values = expected === 0 ? [] : await scan.readColumn({ column, rowStart: 0, rowEnd: expected })
      } catch (error) {
        throw corrupt(file, `row group ${group} cannot be decoded: ${messageOf(error)}`, error, column)
      }
      if (values.length !== expected) {
        throw corrupt(file, `row group ${group} has ${values.length} of its ${expected} values`, undefined, column)
      }
      return values
    },
  }
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

function corrupt(file: InputFile, why: string, cause?: unknown, column?: string): AppError {
  return new AppError(
    'data_invalid',
    `The Parquet file is damaged: ${why}`,
    { file: file.path, ...(column !== undefined && { column }), fix: 'Copy or write the file again.' },
    cause,
  )
}

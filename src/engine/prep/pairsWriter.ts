import { fileWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer'
import type { ColumnInfo, PairFormat } from '../../shared/domain/preparation'
import { unwritable } from '../run/files'
import { LineFile } from './lineFile'
import { parquetType, parquetValue, toJson } from './columnTypes'

/** Rows held before they are written: a row group of a Parquet file. */
const GROUP_ROWS = 16_384

/** A pairs file being written, row after row, in bounded memory. */
export interface PairsWriter {
  readonly file: string
  readonly rows: number
  /** One value a column, in the order of the columns. @throws AppError `unwritable` */
  write(values: readonly unknown[]): void
  close(): void
}

export function openPairsWriter(file: string, format: PairFormat, columns: readonly ColumnInfo[]): PairsWriter {
  try {
    return format === 'parquet' ? new ParquetPairs(file, columns) : new JsonlPairs(file, columns)
  } catch (cause) {
    throw unwritable(file, cause)
  }
}

class ParquetPairs implements PairsWriter {
  readonly file: string
  rows = 0
  readonly #columns: readonly ColumnInfo[]
  readonly #writer: ParquetWriter
  #group: unknown[][]

  constructor(file: string, columns: readonly ColumnInfo[]) {
    this.file = file
    this.#columns = columns
    const schema = schemaFromColumnData({
      columnData: columns.map(({ name, type }) => ({ name, data: [], type: parquetType(type) })),
    })
    this.#writer = new ParquetWriter({ writer: fileWriter(file), schema, createdBy: 'delta-workbench' })
    this.#group = columns.map(() => [])
  }

  write(values: readonly unknown[]): void {
    try {
      for (const [i, { type }] of this.#columns.entries()) this.#group[i]!.push(parquetValue(values[i], type))
      this.rows++
      if (this.rows % GROUP_ROWS === 0) this.#flush()
    } catch (cause) {
      throw unwritable(this.file, cause)
    }
  }

  close(): void {
    try {
      if (this.rows % GROUP_ROWS > 0) this.#flush()
      // A file's writer is synchronous: all is done, or thrown, when the call returns.
      void this.#writer.finish()
    } catch (cause) {
      throw unwritable(this.file, cause)
    }
  }

  #flush(): void {
    void this.#writer.write({
      columnData: this.#columns.map(({ name }, i) => ({ name, data: this.#group[i]! })),
      rowGroupSize: GROUP_ROWS,
    })
    this.#group = this.#columns.map(() => [])
  }
}

/** A column that a row does not have is left out of its line, as it was. */
class JsonlPairs implements PairsWriter {
  rows = 0
  readonly #keys: readonly string[]
  readonly #lines: LineFile

  constructor(file: string, columns: readonly ColumnInfo[]) {
    this.#keys = columns.map(({ name }) => JSON.stringify(name))
    this.#lines = new LineFile(file)
  }

  get file(): string {
    return this.#lines.file
  }

  write(values: readonly unknown[]): void {
    const fields: string[] = []
    for (const [i, key] of this.#keys.entries()) if (values[i] !== undefined) fields.push(`${key}:${toJson(values[i])}`)
    this.#lines.write(`{${fields.join(',')}}`)
    this.rows++
  }

  close(): void {
    this.#lines.close()
  }
}

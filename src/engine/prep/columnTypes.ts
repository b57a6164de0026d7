import type { ColumnSource } from 'hyparquet-writer'
import type { ColumnInfo } from '../../shared/domain/preparation'

const BOOLEAN = 1
const INTEGER = 2
/** Beyond what a float64 counts exactly. */
const LONG = 4
const NUMBER = 8
const TEXT = 16
const TIME = 32
const NESTED = 64

export type ColumnType = ColumnInfo['type']

/** Learns, value by value, the narrowest type that holds a column without loss. */
export class ColumnTyper {
  #seen = 0

  add(value: unknown): void {
    if (value === null || value === undefined) return
    switch (typeof value) {
      case 'string':
        this.#seen |= TEXT
        break
      case 'number':
        // NaN is how pandas writes a gap; Infinity is a number.
        this.#seen |= Number.isSafeInteger(value) ? INTEGER : NUMBER
        break
      case 'bigint':
        this.#seen |= Number.isSafeInteger(Number(value)) ? INTEGER : LONG
        break
      case 'boolean':
        this.#seen |= BOOLEAN
        break
      default:
        this.#seen |= value instanceof Date ? TIME : NESTED
    }
  }

  /** Whether texts stand beside other scalars. */
  get mixed(): boolean {
    return (this.#seen & TEXT) !== 0 && this.#seen !== TEXT
  }

  get type(): ColumnType {
    switch (this.#seen) {
      case 0:
        return 'empty'
      case BOOLEAN:
        return 'boolean'
      case INTEGER:
      case LONG:
      case INTEGER | LONG:
        return 'integer'
      case NUMBER:
      case INTEGER | NUMBER:
        return 'number'
      case TIME:
        return 'time'
      default:
        // Mixed scalars become text; anything nested becomes JSON.
        return this.#seen & NESTED ? 'json' : 'text'
    }
  }
}

const PARQUET_TYPES: Record<ColumnType, NonNullable<ColumnSource['type']>> = {
  boolean: 'BOOLEAN',
  integer: 'INT64',
  number: 'DOUBLE',
  text: 'STRING',
  time: 'TIMESTAMP',
  json: 'STRING',
  empty: 'STRING',
}

export const parquetType = (type: ColumnType): NonNullable<ColumnSource['type']> => PARQUET_TYPES[type]

const LONGEST_INT64 = 2n ** 63n

/** A value as a Parquet column of that type holds it; null where it is missing. */
export function parquetValue(value: unknown, type: ColumnType): unknown {
  if (value === null || value === undefined) return null
  switch (type) {
    case 'integer': {
      const integer = BigInt(typeof value === 'bigint' ? value : Number(value))
      // JSON knows no largest integer; Parquet does.
      if (integer >= LONGEST_INT64 || integer < -LONGEST_INT64)
        throw new RangeError(`${integer} does not fit into int64`)
      return integer
    }
    case 'number':
      return Number(value)
    case 'json':
      return toJson(value)
    case 'text':
      return value instanceof Date ? value.toISOString() : String(value)
    case 'boolean':
    case 'time':
    case 'empty':
      return value
  }
}

/** JSON with every digit of an int64, which JSON.stringify refuses. */
export function toJson(value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return `[${value.map((item) => toJson(item ?? null)).join(',')}]`
  if (typeof value === 'object' && value !== null && !(value instanceof Date)) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined)
    return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${toJson(field)}`).join(',')}}`
  }
  return JSON.stringify(value) ?? 'null'
}

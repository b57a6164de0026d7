import type { BrowseColumn, Cell } from '../../shared/domain/browse'
import { toJson } from '../prep/columnTypes'
import { Numbers } from '../prep/textCodes'
import type { TextPool } from './textPool'

/** Longer nested values are shown by their beginning: a table is not the place to read them. */
const NESTED_CHARACTERS = 2_000
/** A list this long is told by its length alone: vectors, most of the time. */
const LONG_LIST = 32

type NumberArray = Int8Array | Int16Array | Int32Array | Float64Array

/** How much a number type holds, narrowest first; the lowest value stands for a missing one. */
const TYPES = [
  { make: (n: number): NumberArray => new Int8Array(n), most: 2 ** 7 - 1 },
  { make: (n: number): NumberArray => new Int16Array(n), most: 2 ** 15 - 1 },
  { make: (n: number): NumberArray => new Int32Array(n), most: 2 ** 31 - 1 },
  { make: (n: number): NumberArray => new Float64Array(n), most: Infinity },
] as const

/** Numbers that grow, in the narrowest type that has held so far: one-hot columns take a byte a row. */
class NarrowNumbers {
  length = 0
  #type = 0
  #values: NumberArray = TYPES[0].make(1024)

  push(value: number): void {
    while (!this.#holds(value)) this.#widen()
    if (this.length === this.#values.length) this.#resize(this.#type, this.length * 2)
    this.#values[this.length++] = Number.isNaN(value) ? this.#missing : value
  }

  /** NaN where it is missing. */
  at(index: number): number {
    const value = this.#values[index]!
    return value === this.#missing ? NaN : value
  }

  get #missing(): number {
    const { most } = TYPES[this.#type]!
    return most === Infinity ? NaN : -most - 1
  }

  #holds(value: number): boolean {
    const { most } = TYPES[this.#type]!
    return most === Infinity || Number.isNaN(value) || (Number.isInteger(value) && Math.abs(value) <= most)
  }

  #widen(): void {
    this.#resize(this.#type + 1, this.#values.length)
  }

  #resize(type: number, size: number): void {
    const before = this.#missing
    const old = this.#values
    this.#type = type
    this.#values = TYPES[type]!.make(size)
    const missing = this.#missing
    for (let i = 0; i < this.length; i++) this.#values[i] = old[i] === before ? missing : old[i]!
  }
}

/** No value. */
const MISSING = -1

/**
 * One column of a split, as it is shown: numbers and truth values as numbers, everything else as texts of the pool. A column of
 * numbers in which a text turns up becomes one of texts.
 */
export class Column {
  readonly name: string
  readonly #pool: TextPool
  #numbers: NarrowNumbers | undefined = new NarrowNumbers()
  #codes: Numbers | undefined
  /** Truth values as long as nothing else was seen. */
  #truth = true

  constructor(name: string, pool: TextPool) {
    this.name = name
    this.#pool = pool
  }

  get kind(): BrowseColumn['kind'] {
    return this.#codes ? 'text' : 'number'
  }

  get length(): number {
    return this.#codes?.length ?? this.#numbers!.length
  }

  push(value: unknown): void {
    if (value === null || value === undefined || Number.isNaN(value)) {
      if (this.#codes) this.#codes.push(MISSING)
      else this.#numbers!.push(NaN)
      return
    }
    if (typeof value === 'bigint' && Number.isSafeInteger(Number(value))) value = Number(value)
    if (typeof value === 'number' || typeof value === 'boolean') {
      if (this.#codes) return this.#codes.push(this.#pool.add(String(value)))
      if (typeof value === 'number') this.#truth = false
      return this.#numbers!.push(Number(value))
    }
    this.#becomeTexts().push(this.#pool.add(shown(value)))
  }

  /** Fills up with missing values. */
  padTo(rows: number): void {
    while (this.length < rows) this.push(null)
  }

  /** The number of the text, -1 where there is none. */
  code(row: number): number {
    return this.#codes?.at(row) ?? MISSING
  }

  /** NaN where there is none. */
  number(row: number): number {
    return this.#numbers ? this.#numbers.at(row) : NaN
  }

  isMissing(row: number): boolean {
    return this.#codes ? this.#codes.at(row) === MISSING : Number.isNaN(this.#numbers!.at(row))
  }

  /** @param most characters of a text */
  cell(row: number, most: number): Cell {
    if (this.isMissing(row)) return null
    if (this.#codes) return this.#pool.get(this.#codes.at(row), most)
    const number = this.#numbers!.at(row)
    return this.#truth ? number !== 0 : number
  }

  #becomeTexts(): Numbers {
    if (this.#codes) return this.#codes
    const codes = new Numbers()
    for (let row = 0; row < this.#numbers!.length; row++) {
      const cell = this.cell(row, Infinity)
      codes.push(cell === null ? MISSING : this.#pool.add(String(cell)))
    }
    this.#codes = codes
    this.#numbers = undefined
    return codes
  }
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'not a date' : value.toISOString()
  if (value instanceof Uint8Array) return `${value.length.toLocaleString('en')} bytes`
  const list = Array.isArray(value) || ArrayBuffer.isView(value) ? Reflect.get(value, 'length') : undefined
  if (typeof list === 'number' && list > LONG_LIST) return `${list.toLocaleString('en')} values`
  const text = toJson(ArrayBuffer.isView(value) ? Array.from(Object(value)) : value)
  return text.length > NESTED_CHARACTERS ? `${text.slice(0, NESTED_CHARACTERS)}…` : text
}

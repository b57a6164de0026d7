import type { UserId } from '../../shared/domain/dataset'

/** Why a value cannot be used. */
export type ValueFault = 'missing' | 'invalid'

/** Either a usable value or what is wrong with it. */
export type Checked<T> = { value: T; fault?: undefined } | { fault: ValueFault }

const MISSING = { fault: 'missing' } as const
const INVALID = { fault: 'invalid' } as const

/**
 * An identifier as the workbench keeps it: an integer or a string. Integers that no float64 holds exactly (beyond
 * ±2^53) become decimal strings, so that neighbours stay apart; a float without a fraction, as pandas writes integer
 * columns with gaps, is that integer. Blank strings and NaN count as missing.
 */
export function toIdentifier(value: unknown): Checked<UserId> {
  if (typeof value === 'string') return value.trim() === '' ? MISSING : { value }
  if (typeof value === 'bigint') {
    const number = Number(value)
    return { value: Number.isSafeInteger(number) ? number : value.toString() }
  }
  if (value === null || value === undefined || Number.isNaN(value)) return MISSING
  return typeof value === 'number' && Number.isSafeInteger(value) ? { value: value === 0 ? 0 : value } : INVALID
}

/** A row number of an embedding file as an int32 ≥ -1; -1 stands for every number that cannot be one. */
export function toIndex(value: unknown): Checked<number> {
  if (value === null || value === undefined || Number.isNaN(value)) return MISSING
  const number = typeof value === 'bigint' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isInteger(number)) return INVALID
  return { value: number >= 0 && number <= MAX_INT32 ? number : -1 }
}

/** A feature's value; booleans, as one-hot encoders write them, are 0 and 1. */
export function toFeature(value: unknown): Checked<number> {
  if (value === null || value === undefined || Number.isNaN(value)) return MISSING
  const number = typeof value === 'bigint' || typeof value === 'boolean' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(Math.fround(number)) ? { value: number } : INVALID
}

const MAX_INT32 = 2 ** 31 - 1

/** Integers ascending, then strings by code point. */
export function compareUserIds(a: UserId, b: UserId): number {
  if (typeof a === 'number') return typeof b === 'number' ? a - b : -1
  return typeof b === 'number' ? 1 : compareCodePoints(a, b)
}

function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return codePointOrder(x) - codePointOrder(y)
  }
  return a.length - b.length
}

/** UTF-16 puts surrogates before U+E000…U+FFFF, though the characters that they stand for come after. */
function codePointOrder(unit: number): number {
  if (unit < 0xd800) return unit
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000
}

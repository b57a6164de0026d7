import { isReward } from '../../shared/domain/reward'

/** Millions of rows pass through here, so a fault is `undefined` and not an object. */

/** A row number as it stands in a file (int64 arrives as bigint), or undefined. */
export function toRow(value: unknown): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : value
  return typeof number === 'number' && number >= 0 && number <= 0x7fff_ffff && Number.isInteger(number)
    ? number
    : undefined
}

/** A reward: a number that float32 can hold with room for a difference, or undefined. */
export function toReward(value: unknown): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : value
  return typeof number === 'number' && isReward(number) ? number : undefined
}

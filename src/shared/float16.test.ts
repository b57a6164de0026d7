import { expect, test } from 'vitest'
import { encodeHalves } from './float16'

const toHalf = (number: number): number => encodeHalves(Float32Array.of(number), new Uint16Array(1))[0]!

/** Value of a half by the definition of IEEE 754. */
function value(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

test('a half is not kept as itself', () => {
  for (let half = 0; half < 65536; half++) if (!Number.isNaN(value(half))) expect(toHalf(value(half))).toBe(half)
  expect(Number.isNaN(value(toHalf(NaN)))).toBe(true)
})

test('a number between two halves goes to the farther one, or a tie to the odd one', () => {
  for (let half = 0; half < 0x7bff; half++) {
    const [low, high] = [value(half), value(half + 1)]
    const middle = (low + high) / 2
    expect(toHalf(middle)).toBe(half % 2 === 0 ? half : half + 1)
    expect(toHalf(Math.fround(middle + (high - low) / 64))).toBe(half + 1)
    expect(toHalf(-Math.fround(middle - (high - low) / 64))).toBe(0x8000 | half)
  }
  expect(toHalf(65519)).toBe(0x7bff)
  expect(toHalf(65520)).toBe(0x7c00)
})

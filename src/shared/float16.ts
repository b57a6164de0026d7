/** Exponent bits of a half all set: infinite or NaN. */
export const HALF_NOT_FINITE = 0x7c00

/**
 * Rounds to the nearest half, ties to even. A finite value beyond ±65,504 that rounds away becomes infinite; NaN stays
 * NaN. float64 is rounded once: by way of float32 some values would end on the wrong side of a tie.
 *
 * @param into as long as `values`
 */
export function encodeHalves(values: Float32Array | Float64Array, into: Uint16Array): Uint16Array {
  if (values instanceof Float32Array) encodeSingles(values, into)
  else encodeDoubles(values, into)
  return into
}

function encodeSingles(values: Float32Array, into: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < words.length; i++) {
    const bits = words[i]!
    const sign = (bits >>> 16) & 0x8000
    const exponent = ((bits >>> 23) & 0xff) - 127
    if (exponent === 128) into[i] = sign | (bits & 0x7fffff ? 0x7e00 : HALF_NOT_FINITE)
    else into[i] = sign | roundToHalf(exponent, (bits & 0x7fffff) | 0x800000, 0)
  }
}

function encodeDoubles(values: Float64Array, into: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2)
  for (let i = 0; i < values.length; i++) {
    const low = words[2 * i]!
    const high = words[2 * i + 1]!
    const sign = (high >>> 16) & 0x8000
    const exponent = ((high >>> 20) & 0x7ff) - 1023
    if (exponent === 1024) into[i] = sign | ((high & 0xfffff) | low ? 0x7e00 : HALF_NOT_FINITE)
    else into[i] = sign | roundToHalf(exponent, (((high & 0xfffff) | 0x100000) << 3) | (low >>> 29), low & 0x1fffffff)
  }
}

/**
 * Bits of the half nearest to a positive number.
 *
 * @param significand 24 bits, the leading one included
 * @param rest not zero when the number is a little more than these bits say
 */
function roundToHalf(exponent: number, significand: number, rest: number): number {
  if (exponent > 15) return HALF_NOT_FINITE
  // Below half of the smallest half, 2^-24, everything is zero. Zero itself has the smallest exponent of its format.
  if (exponent < -25) return 0
  // A half keeps 11 bits of the significand, fewer the further it lies below its smallest normal number, 2^-14.
  const normal = exponent >= -14
  const dropped = normal ? 13 : -1 - exponent
  const kept = significand >>> dropped
  const remainder = significand & ((1 << dropped) - 1)
  const tie = 1 << (dropped - 1)
  const up = remainder > tie || (remainder === tie && (rest !== 0 || (kept & 1) === 1)) ? 1 : 0
  // The leading bit is implicit: it adds one to the exponent. A carry out of the fraction does so too, rightly.
  return (normal ? (exponent + 14) << 10 : 0) + kept + up
}

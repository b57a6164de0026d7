const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)

/** IEEE 754 half of a float32, rounded to nearest, ties to even; beyond 65504 (and its rounding) infinite. */
export function toHalf(value: number): number {
  float[0] = value
  const x = bits[0]!
  const sign = (x >>> 16) & 0x8000
  const magnitude = x & 0x7fff_ffff
  // NaN stays one; infinity, and what rounds to it.
  if (magnitude > 0x7f80_0000) return sign | 0x7e00
  if (magnitude >= 0x477f_f000) return sign | 0x7c00
  // Normal halves: rebias the exponent by 112, drop 13 bits.
  if (magnitude >= 0x3880_0000) {
    const rebased = magnitude - 0x3800_0000
    return sign | ((rebased + 0x0fff + ((rebased >>> 13) & 1)) >>> 13)
  }
  // Subnormal halves are multiples of 2^-24; the product is exact, and so is its rounding.
  const scaled = Math.abs(float[0]) * 2 ** 24
  const down = Math.floor(scaled)
  const rest = scaled - down
  return sign | (rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down)
}

/** Vector arithmetic on four float32 lanes: what WebAssembly lacks, and reductions in one fixed order. */

/** a·b + c: one rounding where relaxed SIMD has a fused instruction, two in the plain build. */
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  else return f32x4.add(f32x4.mul(a, b), c)
}

/** [Σa, Σb, Σc, Σd]; each sum is (lane 0 + lane 2) + (lane 1 + lane 3). */
@inline
export function sums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7))
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7))
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7))
}

/** Twice, of vectors 0 and 2, and 1 and 3: number i of each of four vectors becomes vector i. */
@inline
export function low(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 0, 4, 1, 5)
}

@inline
export function high(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 2, 6, 3, 7)
}

/** The sum of four lanes, in float64. */
@inline
export function sum64(a: v128): f64 {
  return (
    <f64>f32x4.extract_lane(a, 0) +
    <f64>f32x4.extract_lane(a, 1) +
    (<f64>f32x4.extract_lane(a, 2) + <f64>f32x4.extract_lane(a, 3))
  )
}

/** The two low lanes of `a` added to a pair of float64 sums, and the two high ones: the lanes keep their places. */
@inline
export function addLow(sum: v128, a: v128): v128 {
  return f64x2.add(sum, f64x2.promote_low_f32x4(a))
}

@inline
export function addHigh(sum: v128, a: v128): v128 {
  return f64x2.add(sum, f64x2.promote_low_f32x4(v128.shuffle<f32>(a, a, 2, 3, 2, 3)))
}

/** Lanes 0 … n − 1 all ones, the others zero; n in 0 … 4. */
@inline
export function firstLanes(n: i32): v128 {
  return i32x4.gt_s(i32x4.splat(n), i32x4(0, 1, 2, 3))
}

/*
 * Constants are loads: V8 forms a vector that stands in the code anew at each use, of three instructions where a load is one.
 */

/** Of `exp4`: the range, 1/ln 2, 1.5 · 2²³, ln 2 in two parts, then the polynomial. */
const EXP = memory.data<f32>([
  -87.3, 88.7, 1.44269504088896341, 12582912, 0.693359375, -2.12194440e-4, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
  4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1,
])

/**
 * e^x, error below 2 ulp, for x in [−87.3, 88.7] and clamped to it; NaN stays NaN, as `pmax` and `pmin` keep their first operand unless the other is
 * beyond it. Cephes' expf: Cody and Waite's reduction, degree 5. Adding 1.5 · 2²³ rounds to a whole number, which stands in the sum's low bits.
 */
@inline
export function exp4(value: v128): v128 {
  const x = f32x4.pmin(f32x4.pmax(value, v128.load32_splat(EXP)), v128.load32_splat(EXP, 4))
  const magic = v128.load32_splat(EXP, 12)
  const whole = f32x4.add(f32x4.mul(x, v128.load32_splat(EXP, 8)), magic)
  const n = f32x4.sub(whole, magic)
  let r = f32x4.sub(x, f32x4.mul(n, v128.load32_splat(EXP, 16)))
  r = f32x4.sub(r, f32x4.mul(n, v128.load32_splat(EXP, 20)))
  let p = madd(v128.load32_splat(EXP, 24), r, v128.load32_splat(EXP, 28))
  p = madd(p, r, v128.load32_splat(EXP, 32))
  p = madd(p, r, v128.load32_splat(EXP, 36))
  p = madd(p, r, v128.load32_splat(EXP, 40))
  p = madd(p, r, v128.load32_splat(EXP, 44))
  const one = v128.load32_splat(EXP, 48)
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), one)
  // 2ⁿ is the bits of 1 and n in the exponent's place.
  return f32x4.mul(p, i32x4.add(i32x4.shl(whole, 23), one))
}

/**
 * log(1 + e) for e in [0, 1], error below 2 ulp: 2 artanh(s) with s = e / (2 + e) ≤ 1/3, by its series up to s¹⁵
 * (the next term is below 2⁻²⁸ of the sum).
 */
@inline
export function log1p4(e: v128): v128 {
  const s = f32x4.div(e, f32x4.add(e, f32x4.splat(2)))
  const q = f32x4.mul(s, s)
  let p = madd(f32x4.splat(2.0 / 15.0), q, f32x4.splat(2.0 / 13.0))
  p = madd(p, q, f32x4.splat(2.0 / 11.0))
  p = madd(p, q, f32x4.splat(2.0 / 9.0))
  p = madd(p, q, f32x4.splat(2.0 / 7.0))
  p = madd(p, q, f32x4.splat(2.0 / 5.0))
  p = madd(p, q, f32x4.splat(2.0 / 3.0))
  return madd(f32x4.mul(p, q), s, f32x4.add(s, s))
}

/** Of `phi4`: ½, 1/√2 and 1, the polynomial of erfc, that of erf. */
const PHI = memory.data<f32>([
  0.5, 0.70710678118654752, 1, 0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
  1.00002368, -1.26551223, 7.853861353153693e-5, -8.010193625184903e-4, 5.188327685732524e-3, -2.685381193529856e-2,
  1.128358514861418e-1, -3.761262582423300e-1, 1.128379165726710,
])

/**
 * Φ(x), the normal distribution function, = ½ erfc(−x / √2). With y = |x| / √2: below 1 by Cephes' polynomial for erf
 * (erff, error below 1 ulp of erf), above by the Chebyshev fit for erfc of Press et al. (Numerical Recipes, "erfcc", relative
 * error below 1.2e-7), so that small probabilities keep their digits.
 */
@inline
export function phi4(x: v128): v128 {
  const half = v128.load32_splat(PHI)
  const y = f32x4.mul(f32x4.abs(x), v128.load32_splat(PHI, 4))
  const t = f32x4.div(v128.load32_splat(PHI, 8), madd(half, y, v128.load32_splat(PHI, 8)))
  let p = madd(v128.load32_splat(PHI, 12), t, v128.load32_splat(PHI, 16))
  p = madd(p, t, v128.load32_splat(PHI, 20))
  p = madd(p, t, v128.load32_splat(PHI, 24))
  p = madd(p, t, v128.load32_splat(PHI, 28))
  p = madd(p, t, v128.load32_splat(PHI, 32))
  p = madd(p, t, v128.load32_splat(PHI, 36))
  p = madd(p, t, v128.load32_splat(PHI, 40))
  p = madd(p, t, v128.load32_splat(PHI, 44))
  p = madd(p, t, v128.load32_splat(PHI, 48))
  const square = f32x4.mul(y, y)
  const upper = f32x4.mul(f32x4.mul(half, t), exp4(f32x4.sub(p, square)))
  const far = v128.bitselect(upper, f32x4.sub(v128.load32_splat(PHI, 8), upper), f32x4.lt(x, f32x4.splat(0)))
  let q = madd(v128.load32_splat(PHI, 52), square, v128.load32_splat(PHI, 56))
  q = madd(q, square, v128.load32_splat(PHI, 60))
  q = madd(q, square, v128.load32_splat(PHI, 64))
  q = madd(q, square, v128.load32_splat(PHI, 68))
  q = madd(q, square, v128.load32_splat(PHI, 72))
  q = madd(q, square, v128.load32_splat(PHI, 76))
  const near = madd(f32x4.mul(f32x4.mul(half, x), v128.load32_splat(PHI, 4)), q, half)
  return v128.bitselect(near, far, f32x4.lt(y, v128.load32_splat(PHI, 8)))
}

/** Of `widen`: the sign and 15 bits, and 2¹¹², which moves the exponent's bias from 15 to 127, subnormal halves included. */
const WIDEN = memory.data<u32>([0x8fffe000, 0x77800000])

/** Four IEEE 754 halves in the low 64 bits, widened exactly; infinities and NaN do not occur in a table. The sign comes along as that of an integer. */
@inline
export function widen(halves: v128): v128 {
  const bits = v128.and(i32x4.shl(i32x4.extend_low_i16x8_s(halves), 13), v128.load32_splat(WIDEN))
  return f32x4.mul(bits, v128.load32_splat(WIDEN, 4))
}

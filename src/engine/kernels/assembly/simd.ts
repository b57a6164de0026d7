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

/** e^x, error below 2 ulp, for x in [−87.3, 88.7] and clamped to it; NaN stays NaN. Cephes' expf: Cody and Waite's reduction, degree 5. */
@inline
export function exp4(value: v128): v128 {
  const x = f32x4.min(f32x4.max(value, f32x4.splat(-87.3)), f32x4.splat(88.7))
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504088896341)))
  let r = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)))
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(-2.12194440e-4)))
  let p = madd(f32x4.splat(1.9875691500e-4), r, f32x4.splat(1.3981999507e-3))
  p = madd(p, r, f32x4.splat(8.3334519073e-3))
  p = madd(p, r, f32x4.splat(4.1665795894e-2))
  p = madd(p, r, f32x4.splat(1.6666665459e-1))
  p = madd(p, r, f32x4.splat(5.0000001201e-1))
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), f32x4.splat(1))
  const scale = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23)
  return f32x4.mul(p, scale)
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

/**
 * Φ(x), the normal distribution function, = ½ erfc(−x / √2). With y = |x| / √2: below 1 by Cephes' polynomial for erf
 * (erff, error below 1 ulp of erf), above by the Chebyshev fit for erfc of Press et al. (Numerical Recipes, "erfcc", relative
 * error below 1.2e-7), so that small probabilities keep their digits.
 */
@inline
export function phi4(x: v128): v128 {
  const half = f32x4.splat(0.5)
  const y = f32x4.mul(f32x4.abs(x), f32x4.splat(0.70710678118654752))
  const t = f32x4.div(f32x4.splat(1), madd(half, y, f32x4.splat(1)))
  let p = madd(f32x4.splat(0.17087277), t, f32x4.splat(-0.82215223))
  p = madd(p, t, f32x4.splat(1.48851587))
  p = madd(p, t, f32x4.splat(-1.13520398))
  p = madd(p, t, f32x4.splat(0.27886807))
  p = madd(p, t, f32x4.splat(-0.18628806))
  p = madd(p, t, f32x4.splat(0.09678418))
  p = madd(p, t, f32x4.splat(0.37409196))
  p = madd(p, t, f32x4.splat(1.00002368))
  p = madd(p, t, f32x4.splat(-1.26551223))
  const square = f32x4.mul(y, y)
  const upper = f32x4.mul(f32x4.mul(half, t), exp4(f32x4.sub(p, square)))
  const far = v128.bitselect(upper, f32x4.sub(f32x4.splat(1), upper), f32x4.lt(x, f32x4.splat(0)))
  let q = madd(f32x4.splat(7.853861353153693e-5), square, f32x4.splat(-8.010193625184903e-4))
  q = madd(q, square, f32x4.splat(5.188327685732524e-3))
  q = madd(q, square, f32x4.splat(-2.685381193529856e-2))
  q = madd(q, square, f32x4.splat(1.128358514861418e-1))
  q = madd(q, square, f32x4.splat(-3.761262582423300e-1))
  q = madd(q, square, f32x4.splat(1.128379165726710))
  const near = madd(f32x4.mul(f32x4.mul(half, x), f32x4.splat(0.70710678118654752)), q, half)
  return v128.bitselect(near, far, f32x4.lt(y, f32x4.splat(1)))
}

/** Four IEEE 754 halves in the low 64 bits, widened exactly; infinities and NaN do not occur in a table. */
@inline
export function widen(halves: v128): v128 {
  const bits = i32x4.extend_low_i16x8_u(halves)
  const magnitude = f32x4.mul(
    i32x4.shl(v128.and(bits, i32x4.splat(0x7fff)), 13),
    // 2¹¹²: moves the exponent's bias from 15 to 127, subnormal halves included.
    i32x4.splat(0x77800000),
  )
  return v128.or(magnitude, i32x4.shl(v128.and(bits, i32x4.splat(0x8000)), 16))
}

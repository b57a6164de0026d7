import { exp4, madd, phi4 } from './simd'
import { address, count, real, shareEnd, shareStart, word } from './share'

/**
 * Operations on each column of tables [K, stride] by itself: a column is a pair or a text, four of them are computed at
 * once, and a column belongs to the same thread in all of them.
 */

/**
 * out[·][b] = softmax(scale · in[·][b]).
 * Arguments: 0 in, 1 out, 2 stride of both, 3 K, 4 scale, 5 cell of n, 6 block.
 */
export function softmax(args: usize, thread: i32, threads: i32): void {
  const stride = (<usize>word(args, 2)) << 2
  const end = <usize>word(args, 3) * stride
  const scale = f32x4.splat(real(args, 4))
  const n = count(args, 5)
  const to = shareEnd(n, word(args, 6), thread, threads)
  for (let b = shareStart(n, word(args, 6), thread, threads); b < to; b += 8) {
    const first = <usize>b << 2
    const second = secondOf(b, to) << 2
    softmaxOfTwo(address(args, 0), address(args, 1), first, second, stride, end, scale)
  }
}

/** Where four columns stand that are computed beside columns b … b + 3: the next ones, or at the end the same again. */
@inline
export function secondOf(b: i32, to: i32): usize {
  return <usize>(b + 4 < to ? b + 4 : b)
}

/**
 * out = softmax(scale · in) of four columns, and of four others, which may be the same: all up to `end` bytes. An exponential is a long chain of
 * operations; those of four columns by themselves keep a core waiting most of the time.
 */
@inline
export function softmaxOfTwo(
  input: usize,
  out: usize,
  first: usize,
  second: usize,
  stride: usize,
  end: usize,
  scale: v128,
): void {
  const a = input + first
  const b = input + second
  let largestA = v128.load(a)
  let largestB = v128.load(b)
  for (let k = stride; k < end; k += stride) {
    largestA = f32x4.pmax(largestA, v128.load(a + k))
    largestB = f32x4.pmax(largestB, v128.load(b + k))
  }
  const outA = out + first
  const outB = out + second
  let sumA = f32x4.splat(0)
  let sumB = sumA
  for (let k: usize = 0; k < end; k += stride) {
    const eA = exp4(f32x4.mul(scale, f32x4.sub(v128.load(a + k), largestA)))
    const eB = exp4(f32x4.mul(scale, f32x4.sub(v128.load(b + k), largestB)))
    sumA = f32x4.add(sumA, eA)
    sumB = f32x4.add(sumB, eB)
    v128.store(outA + k, eA)
    v128.store(outB + k, eB)
  }
  const inverseA = f32x4.div(f32x4.splat(1), sumA)
  const inverseB = f32x4.div(f32x4.splat(1), sumB)
  for (let k: usize = 0; k < end; k += stride) {
    const rA = f32x4.mul(v128.load(outA + k), inverseA)
    const rB = f32x4.mul(v128.load(outB + k), inverseB)
    v128.store(outA + k, rA)
    v128.store(outB + k, rB)
  }
}

/**
 * gin = scale · r (g − Σ_k g r), r being softmax's result; gin may be g.
 * Arguments: 0 r, 1 g, 2 gin, 3 stride of all, 4 K, 5 scale, 6 cell of n, 7 block.
 */
export function softmaxGrad(args: usize, thread: i32, threads: i32): void {
  const stride = (<usize>word(args, 3)) << 2
  const end = <usize>word(args, 4) * stride
  const scale = f32x4.splat(real(args, 5))
  const n = count(args, 6)
  const to = shareEnd(n, word(args, 7), thread, threads)
  for (let b = shareStart(n, word(args, 7), thread, threads); b < to; b += 4) {
    const r = address(args, 0) + ((<usize>b) << 2)
    const g = address(args, 1) + ((<usize>b) << 2)
    const out = address(args, 2) + ((<usize>b) << 2)
    let sum = f32x4.splat(0)
    for (let k: usize = 0; k < end; k += stride) sum = madd(v128.load(r + k), v128.load(g + k), sum)
    for (let k: usize = 0; k < end; k += stride) {
      const share = f32x4.mul(v128.load(r + k), f32x4.sub(v128.load(g + k), sum))
      v128.store(out + k, f32x4.mul(scale, share))
    }
  }
}

const LAYER_NORM_EPS: f32 = 1e-5

/**
 * LayerNorm over the K values of a column: hat = (in − mean) / √(variance + 1e-5), out = gain ⊙ hat + bias.
 * Arguments: 0 in, 1 hat, 2 out, 3 stride of all, 4 K, 5 gain [K], 6 bias [K], 7 reciprocal deviation [n], 8 cell of n,
 * 9 block. `hat` may be `in`, and `out` may be `hat` where neither is needed again.
 */
export function layerNorm(args: usize, thread: i32, threads: i32): void {
  const stride = (<usize>word(args, 3)) << 2
  const K = word(args, 4)
  const end = <usize>K * stride
  const share = f32x4.splat(<f32>(1.0 / <f64>K))
  const n = count(args, 8)
  const to = shareEnd(n, word(args, 9), thread, threads)
  for (let b = shareStart(n, word(args, 9), thread, threads); b < to; b += 4) {
    const lane = (<usize>b) << 2
    const input = address(args, 0) + lane
    const hat = address(args, 1) + lane
    const out = address(args, 2) + lane
    let mean = f32x4.splat(0)
    for (let k: usize = 0; k < end; k += stride) mean = f32x4.add(mean, v128.load(input + k))
    mean = f32x4.mul(mean, share)
    let variance = f32x4.splat(0)
    for (let k: usize = 0; k < end; k += stride) {
      const centred = f32x4.sub(v128.load(input + k), mean)
      variance = madd(centred, centred, variance)
    }
    const deviation = f32x4.sqrt(f32x4.add(f32x4.mul(variance, share), f32x4.splat(LAYER_NORM_EPS)))
    const inverse = f32x4.div(f32x4.splat(1), deviation)
    v128.store(address(args, 7) + lane, inverse)
    let gain = address(args, 5)
    let bias = address(args, 6)
    for (let k: usize = 0; k < end; k += stride) {
      const h = f32x4.mul(f32x4.sub(v128.load(input + k), mean), inverse)
      v128.store(hat + k, h)
      v128.store(out + k, f32x4.add(f32x4.mul(h, v128.load32_splat(gain)), v128.load32_splat(bias)))
      gain += 4
      bias += 4
    }
  }
}

/**
 * gin = (ĝ − mean(ĝ) − hat · mean(ĝ · hat)) / deviation with ĝ = gain ⊙ g; gin may be g.
 * Arguments: 0 g, 1 hat, 2 gin, 3 stride of all, 4 K, 5 gain, 6 reciprocal deviation, 7 cell of n, 8 block.
 */
export function layerNormGrad(args: usize, thread: i32, threads: i32): void {
  const stride = (<usize>word(args, 3)) << 2
  const K = word(args, 4)
  const end = <usize>K * stride
  const share = f32x4.splat(<f32>(1.0 / <f64>K))
  const n = count(args, 7)
  const to = shareEnd(n, word(args, 8), thread, threads)
  for (let b = shareStart(n, word(args, 8), thread, threads); b < to; b += 4) {
    const lane = (<usize>b) << 2
    const g = address(args, 0) + lane
    const hat = address(args, 1) + lane
    const out = address(args, 2) + lane
    let gain = address(args, 5)
    let mean = f32x4.splat(0)
    let along = mean
    for (let k: usize = 0; k < end; k += stride) {
      const v = f32x4.mul(v128.load(g + k), v128.load32_splat(gain))
      mean = f32x4.add(mean, v)
      along = madd(v, v128.load(hat + k), along)
      gain += 4
    }
    mean = f32x4.mul(mean, share)
    along = f32x4.mul(along, share)
    const inverse = v128.load(address(args, 6) + lane)
    gain = address(args, 5)
    for (let k: usize = 0; k < end; k += stride) {
      const v = f32x4.mul(v128.load(g + k), v128.load32_splat(gain))
      const rest = f32x4.sub(f32x4.sub(v, mean), f32x4.mul(v128.load(hat + k), along))
      v128.store(out + k, f32x4.mul(rest, inverse))
      gain += 4
    }
  }
}

/** F.normalize divides by max(norm, 1e-12); squared, that is still a normal float32. */
const NORM_FLOOR_SQUARED: f32 = 1e-24

/**
 * out = in / max(‖in‖, 1e-12) over a column.
 * Arguments: 0 in, 1 out, 2 stride of both, 3 K, 4 reciprocal norm [n], 5 cell of n, 6 block.
 */
export function l2Norm(args: usize, thread: i32, threads: i32): void {
  const stride = (<usize>word(args, 2)) << 2
  const end = <usize>word(args, 3) * stride
  const n = count(args, 5)
  const to = shareEnd(n, word(args, 6), thread, threads)
  for (let b = shareStart(n, word(args, 6), thread, threads); b < to; b += 4) {
    const lane = (<usize>b) << 2
    const input = address(args, 0) + lane
    const out = address(args, 1) + lane
    let square = f32x4.splat(0)
    for (let k: usize = 0; k < end; k += stride) {
      const v = v128.load(input + k)
      square = madd(v, v, square)
    }
    const inverse = f32x4.div(f32x4.splat(1), f32x4.sqrt(f32x4.max(square, f32x4.splat(NORM_FLOOR_SQUARED))))
    v128.store(address(args, 4) + lane, inverse)
    for (let k: usize = 0; k < end; k += stride) v128.store(out + k, f32x4.mul(v128.load(input + k), inverse))
  }
}

/**
 * gin = (g − y Σ_k g y) / ‖in‖, y being `l2Norm`'s result; below the floor y is linear in its input: gin = g / 1e-12.
 * Arguments: 0 g, 1 y, 2 gin (may be g), 3 stride of all, 4 K, 5 reciprocal norm, 6 cell of n, 7 block.
 */
export function l2NormGrad(args: usize, thread: i32, threads: i32): void {
  const stride = (<usize>word(args, 3)) << 2
  const end = <usize>word(args, 4) * stride
  const n = count(args, 6)
  const to = shareEnd(n, word(args, 7), thread, threads)
  // The reciprocal of the floor itself, as `l2Norm` computes it.
  const floor = f32x4.div(f32x4.splat(1), f32x4.sqrt(f32x4.splat(NORM_FLOOR_SQUARED)))
  for (let b = shareStart(n, word(args, 7), thread, threads); b < to; b += 4) {
    const lane = (<usize>b) << 2
    const g = address(args, 0) + lane
    const y = address(args, 1) + lane
    const out = address(args, 2) + lane
    const inverse = v128.load(address(args, 5) + lane)
    let along = f32x4.splat(0)
    for (let k: usize = 0; k < end; k += stride) along = madd(v128.load(g + k), v128.load(y + k), along)
    along = v128.and(along, f32x4.lt(inverse, floor))
    for (let k: usize = 0; k < end; k += stride) {
      const rest = f32x4.sub(v128.load(g + k), f32x4.mul(v128.load(y + k), along))
      v128.store(out + k, f32x4.mul(rest, inverse))
    }
  }
}

/**
 * The exact GELU, out = x Φ(x). Arguments: 0 in, 1 out, 2 stride of both, 3 K, 4 cell of n, 5 block.
 */
export function gelu(args: usize, thread: i32, threads: i32): void {
  const stride = (<usize>word(args, 2)) << 2
  const end = <usize>word(args, 3) * stride
  const n = count(args, 4)
  const to = shareEnd(n, word(args, 5), thread, threads)
  for (let k: usize = 0; k < end; k += stride)
    for (let b = shareStart(n, word(args, 5), thread, threads); b < to; b += 4) {
      const lane = k + ((<usize>b) << 2)
      const x = v128.load(address(args, 0) + lane)
      v128.store(address(args, 1) + lane, f32x4.mul(x, phi4(x)))
    }
}

/**
 * gin = g (Φ(x) + x φ(x)); gin may be g. Arguments: 0 x, 1 g, 2 gin, 3 stride of all, 4 K, 5 cell of n, 6 block.
 */
export function geluGrad(args: usize, thread: i32, threads: i32): void {
  const stride = (<usize>word(args, 3)) << 2
  const end = <usize>word(args, 4) * stride
  const n = count(args, 5)
  const to = shareEnd(n, word(args, 6), thread, threads)
  for (let k: usize = 0; k < end; k += stride)
    for (let b = shareStart(n, word(args, 6), thread, threads); b < to; b += 4) {
      const lane = k + ((<usize>b) << 2)
      const x = v128.load(address(args, 0) + lane)
      // 1/√(2π)
      const density = f32x4.mul(f32x4.splat(0.39894228040143268), exp4(f32x4.mul(f32x4.splat(-0.5), f32x4.mul(x, x))))
      // exp4 does not reach 0: where φ has vanished, a large x must not bring it back.
      const near = f32x4.max(f32x4.min(x, f32x4.splat(64)), f32x4.splat(-64))
      const slope = madd(near, density, phi4(x))
      v128.store(address(args, 2) + lane, f32x4.mul(v128.load(address(args, 1) + lane), slope))
    }
}

/**
 * out (+)= a · b, entry by entry. Arguments: 0 a, 1 b, 2 out, 3 stride of all, 4 K, 5 cell of n, 6 block, 7 whether to add,
 * 8 whether b is one row for all k.
 */
export function multiply(args: usize, thread: i32, threads: i32): void {
  const stride = (<usize>word(args, 3)) << 2
  const end = <usize>word(args, 4) * stride
  const n = count(args, 5)
  const add = word(args, 7) != 0
  const shared = word(args, 8) != 0
  const to = shareEnd(n, word(args, 6), thread, threads)
  for (let k: usize = 0; k < end; k += stride)
    for (let b = shareStart(n, word(args, 6), thread, threads); b < to; b += 4) {
      const lane = k + ((<usize>b) << 2)
      const other = v128.load(address(args, 1) + (shared ? (<usize>b) << 2 : lane))
      const product = f32x4.mul(v128.load(address(args, 0) + lane), other)
      const out = address(args, 2) + lane
      v128.store(out, add ? f32x4.add(v128.load(out), product) : product)
    }
}

/** out = a + factor · b. Arguments: 0 a, 1 b, 2 out, 3 stride of all, 4 K, 5 factor, 6 cell of n, 7 block. */
export function combine(args: usize, thread: i32, threads: i32): void {
  const stride = (<usize>word(args, 3)) << 2
  const end = <usize>word(args, 4) * stride
  const factor = f32x4.splat(real(args, 5))
  const n = count(args, 6)
  const to = shareEnd(n, word(args, 7), thread, threads)
  for (let k: usize = 0; k < end; k += stride)
    for (let b = shareStart(n, word(args, 7), thread, threads); b < to; b += 4) {
      const lane = k + ((<usize>b) << 2)
      const scaled = f32x4.mul(factor, v128.load(address(args, 1) + lane))
      v128.store(address(args, 2) + lane, f32x4.add(v128.load(address(args, 0) + lane), scaled))
    }
}

/**
 * out[b] (+)= sign · scale · Σ_k x[k][b] y[k][b].
 * Arguments: 0 x, 1 y, 2 stride of both, 3 K, 4 cell of scale, 5 out, 6 sign, 7 cell of n, 8 block, 9 whether to add.
 */
export function dot(args: usize, thread: i32, threads: i32): void {
  const stride = (<usize>word(args, 2)) << 2
  const end = <usize>word(args, 3) * stride
  const scale = f32x4.splat(real(args, 6) * load<f32>(address(args, 4)))
  const n = count(args, 7)
  const to = shareEnd(n, word(args, 8), thread, threads)
  for (let b = shareStart(n, word(args, 8), thread, threads); b < to; b += 4) {
    const lane = (<usize>b) << 2
    const x = address(args, 0) + lane
    const y = address(args, 1) + lane
    const out = address(args, 5) + lane
    let sum = f32x4.splat(0)
    for (let k: usize = 0; k < end; k += stride) sum = madd(v128.load(x + k), v128.load(y + k), sum)
    sum = f32x4.mul(sum, scale)
    v128.store(out, word(args, 9) != 0 ? f32x4.add(v128.load(out), sum) : sum)
  }
}

/**
 * gx[k][b] = sign · scale · g[b] · y[k][b]: half of `dot`'s gradient.
 * Arguments: 0 y, 1 gx, 2 stride of both, 3 K, 4 cell of scale, 5 g, 6 sign, 7 cell of n, 8 block.
 */
export function dotGrad(args: usize, thread: i32, threads: i32): void {
  const stride = (<usize>word(args, 2)) << 2
  const end = <usize>word(args, 3) * stride
  const scale = f32x4.splat(real(args, 6) * load<f32>(address(args, 4)))
  const n = count(args, 7)
  const to = shareEnd(n, word(args, 8), thread, threads)
  for (let b = shareStart(n, word(args, 8), thread, threads); b < to; b += 4) {
    const lane = (<usize>b) << 2
    const factor = f32x4.mul(scale, v128.load(address(args, 5) + lane))
    for (let k: usize = 0; k < end; k += stride)
      v128.store(address(args, 1) + lane + k, f32x4.mul(factor, v128.load(address(args, 0) + lane + k)))
  }
}

import { madd, sum64 } from './simd'
import { FLAT_BLOCK, PAIR_BLOCK, address, count, real, shareEnd, shareStart, word } from './share'

/**
 * Optimiser and penalties over one flat parameter vector. Parameters start at whole blocks of 256 numbers, so that a block
 * has one penalty; what fills a block up is zero and stays zero.
 *
 * A step's rates: 0 learning rate over its bias correction, 1 β1, 2 β2, 3 1 − β1, 4 1 − β2, 5 reciprocal of the root of
 * the second bias correction, 6 ε, 7 1 − learning rate · weight decay, 8 learning rate, 9 weight decay.
 */

/** Bytes of a block. */
const BLOCK_BYTES: usize = <usize>FLAT_BLOCK << 2

const ADAM: i32 = 0
const SGD: i32 = 1
/** torch's RMSprop: smoothing 0.99; its rest is rounded once, as torch does, not left over from a rounded 0.99. */
const RMSPROP_ALPHA: f32 = 0.99
const RMSPROP_REST: f32 = 0.01
/** torch.nn.utils.clip_grad_norm_ divides by norm + 1e-6. */
const CLIP_EPS: f64 = 1e-6

/**
 * Adds the penalties' gradients, λ1 sign(p) + 2 λ2 p, to the gradient where it is to be clipped with them, and in any case
 * writes each block's penalty, and the clipped case's Σ g².
 *
 * Arguments: 0 parameters, 1 gradient, 2 length, 3 λ1 of each block, 4 λ2 of each block, 5 penalty of each block (float64),
 * 6 Σ g² of each block (float64).
 */
export function penalise(args: usize, thread: i32, threads: i32): void {
  const length = word(args, 2)
  const to = shareEnd(length, FLAT_BLOCK, thread, threads)
  for (let at = shareStart(length, FLAT_BLOCK, thread, threads); at < to; at += FLAT_BLOCK) {
    const block = <usize>(at / FLAT_BLOCK)
    const l1 = load<f32>(address(args, 3) + (block << 2))
    const l2 = load<f32>(address(args, 4) + (block << 2))
    const p = address(args, 0) + (<usize>at << 2)
    const g = address(args, 1) + (<usize>at << 2)
    store<f64>(address(args, 5) + (block << 3), blockPenalty(p, l1, l2))
    let squares: f64 = 0
    for (let o: usize = 0; o < BLOCK_BYTES; o += 16) {
      const gradient = f32x4.add(v128.load(g + o), penaltyGrad(v128.load(p + o), l1, l2))
      v128.store(g + o, gradient)
      squares += sum64(f32x4.mul(gradient, gradient))
    }
    store<f64>(address(args, 6) + (block << 3), squares)
  }
}

function blockPenalty(p: usize, l1: f32, l2: f32): f64 {
  if (l1 == 0 && l2 == 0) return 0
  let absolute = f32x4.splat(0)
  let square = absolute
  for (let o: usize = 0; o < BLOCK_BYTES; o += 16) {
    const v = v128.load(p + o)
    absolute = f32x4.add(absolute, f32x4.abs(v))
    square = madd(v, v, square)
  }
  return <f64>l1 * sum64(absolute) + <f64>l2 * sum64(square)
}

/** λ1 sign(p) + 2 λ2 p; the subgradient of |p| at 0 is 0. */
@inline
function penaltyGrad(p: v128, l1: f32, l2: f32): v128 {
  const magnitude = v128.and(f32x4.splat(l1), f32x4.ne(p, f32x4.splat(0)))
  const signed = v128.or(magnitude, v128.and(p, i32x4.splat(0x80000000)))
  return madd(f32x4.splat(2 * l2), p, signed)
}

/** min(1, limit / (norm + 1e-6)); every thread adds up all blocks alike. */
function clipFactor(squares: usize, length: i32, limit: f32): f32 {
  let sum: f64 = 0
  for (let block: usize = 0; block < <usize>(length / FLAT_BLOCK); block++) sum += load<f64>(squares + (block << 3))
  return <f32>min(1.0, <f64>limit / (sqrt(sum) + CLIP_EPS))
}

/**
 * One optimiser step, as torch's AdamW, SGD or RMSprop.
 *
 * Arguments: 0 parameters, 1 gradient, 2 length, 3 λ1, 4 λ2 of each block, 5 penalty of each block, 6 Σ g² of each block
 * (written by `penalise`), 7 first memory, 8 second memory, 9 rates, 10 rule (0 Adam, 1 SGD, 2 RMSprop), 11 largest norm of
 * the gradient, or 0: then penalties are taken here.
 */
export function update(args: usize, thread: i32, threads: i32): void {
  const length = word(args, 2)
  const rates = address(args, 9)
  const rule = word(args, 10)
  const limit = real(args, 11)
  const clip = f32x4.splat(limit > 0 ? clipFactor(address(args, 6), length, limit) : 1)
  const to = shareEnd(length, FLAT_BLOCK, thread, threads)
  for (let at = shareStart(length, FLAT_BLOCK, thread, threads); at < to; at += FLAT_BLOCK) {
    const block = <usize>(at / FLAT_BLOCK)
    const offset = <usize>at << 2
    const p = address(args, 0) + offset
    let l1: f32 = 0
    let l2: f32 = 0
    if (limit == 0) {
      l1 = load<f32>(address(args, 3) + (block << 2))
      l2 = load<f32>(address(args, 4) + (block << 2))
      store<f64>(address(args, 5) + (block << 3), blockPenalty(p, l1, l2))
    }
    const g = address(args, 1) + offset
    const m = address(args, 7) + offset
    const v = address(args, 8) + offset
    if (rule == ADAM && l1 == 0 && l2 == 0 && limit == 0) adam(p, g, m, v, rates, 0, 0, clip, true)
    else if (rule == ADAM) adam(p, g, m, v, rates, l1, l2, clip, false)
    else if (rule == SGD) sgd(p, g, rates, l1, l2, clip)
    else rmsprop(p, g, m, rates, l1, l2, clip)
  }
}

/** @param plain the gradient is that of the loss alone, as it is */
@inline
function adam(
  p: usize,
  g: usize,
  m: usize,
  v: usize,
  rates: usize,
  l1: f32,
  l2: f32,
  clip: v128,
  plain: bool,
): void {
  const step = v128.load32_splat(rates)
  const beta1 = v128.load32_splat(rates, 4)
  const beta2 = v128.load32_splat(rates, 8)
  const rest1 = v128.load32_splat(rates, 12)
  const rest2 = v128.load32_splat(rates, 16)
  const correction = v128.load32_splat(rates, 20)
  const eps = v128.load32_splat(rates, 24)
  const decay = v128.load32_splat(rates, 28)
  for (let o: usize = 0; o < BLOCK_BYTES; o += 16) {
    const value = v128.load(p + o)
    const own = v128.load(g + o)
    const gradient = plain ? own : f32x4.mul(clip, f32x4.add(own, penaltyGrad(value, l1, l2)))
    const first = f32x4.add(f32x4.mul(v128.load(m + o), beta1), f32x4.mul(gradient, rest1))
    const second = f32x4.add(f32x4.mul(v128.load(v + o), beta2), f32x4.mul(f32x4.mul(gradient, gradient), rest2))
    v128.store(m + o, first)
    v128.store(v + o, second)
    const denominator = f32x4.add(f32x4.mul(f32x4.sqrt(second), correction), eps)
    v128.store(p + o, f32x4.sub(f32x4.mul(value, decay), f32x4.div(f32x4.mul(first, step), denominator)))
  }
}

/** torch's SGD and RMSprop decay weights through the gradient. */
@inline
function decayed(g: usize, value: v128, rates: usize, l1: f32, l2: f32, clip: v128): v128 {
  const gradient = f32x4.mul(clip, f32x4.add(v128.load(g), penaltyGrad(value, l1, l2)))
  return f32x4.add(gradient, f32x4.mul(value, v128.load32_splat(rates, 36)))
}

function sgd(p: usize, g: usize, rates: usize, l1: f32, l2: f32, clip: v128): void {
  const learningRate = v128.load32_splat(rates, 32)
  for (let o: usize = 0; o < BLOCK_BYTES; o += 16) {
    const value = v128.load(p + o)
    v128.store(p + o, f32x4.sub(value, f32x4.mul(decayed(g + o, value, rates, l1, l2, clip), learningRate)))
  }
}

function rmsprop(p: usize, g: usize, m: usize, rates: usize, l1: f32, l2: f32, clip: v128): void {
  const learningRate = v128.load32_splat(rates, 32)
  const eps = v128.load32_splat(rates, 24)
  for (let o: usize = 0; o < BLOCK_BYTES; o += 16) {
    const value = v128.load(p + o)
    const gradient = decayed(g + o, value, rates, l1, l2, clip)
    const square = f32x4.add(
      f32x4.mul(v128.load(m + o), f32x4.splat(RMSPROP_ALPHA)),
      f32x4.mul(f32x4.mul(gradient, gradient), f32x4.splat(RMSPROP_REST)),
    )
    v128.store(m + o, square)
    const move = f32x4.div(f32x4.mul(gradient, learningRate), f32x4.add(f32x4.sqrt(square), eps))
    v128.store(p + o, f32x4.sub(value, move))
  }
}

/**
 * A step's figures: 6 float64 at the place that the cell names: pairs, mean loss, penalty, shares of z, reward and δ above 0.
 *
 * Arguments: 0 cell of the address to write to, 1 sums of `preference`, 2 cell of n, 3 penalty of each block, 4 length of the
 * flat vector.
 */
export function figures(args: usize, thread: i32, threads: i32): void {
  if (thread != 0) return
  const out = <usize>load<u32>(address(args, 0))
  const sums = address(args, 1)
  const n = count(args, 2)
  let loss: f64 = 0
  let right: f64 = 0
  let rightReward: f64 = 0
  let rightDelta: f64 = 0
  for (let at: usize = 0; at < (<usize>(n + PAIR_BLOCK - 1) / PAIR_BLOCK) << 5; at += 32) {
    loss += load<f64>(sums + at)
    right += load<f64>(sums + at, 8)
    rightReward += load<f64>(sums + at, 16)
    rightDelta += load<f64>(sums + at, 24)
  }
  let penalty: f64 = 0
  for (let block: usize = 0; block < <usize>(word(args, 4) / FLAT_BLOCK); block++)
    penalty += load<f64>(address(args, 3) + (block << 3))
  store<f64>(out, n)
  store<f64>(out, loss / n, 8)
  store<f64>(out, penalty, 16)
  store<f64>(out, right / n, 24)
  store<f64>(out, rightReward / n, 32)
  store<f64>(out, rightDelta / n, 40)
}

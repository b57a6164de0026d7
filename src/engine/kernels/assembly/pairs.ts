import { exp4, firstLanes, log1p4, sum64 } from './simd'
import { PAIR_BLOCK, address, count, real, shareEnd, shareStart, word } from './share'

/**
 * What a step needs of a batch. Rows of the data become positions among the batch's distinct texts, so that each text is
 * projected once. Texts stand in the order of their first use.
 *
 * Arguments: 0 cell of the split's description, 1 cell of the address of the batch's rows, 2 cell of n, then where to
 * write: 3 users, 4 chosen, 5 rejected (positions), 6 reward margins, 7 features [F, stride] or 0, 8 F, 9 stride of
 * pairs, 10 first user that training does not know; 11 answers, 12 prompts: descriptions of text lists, or 0;
 * 13 stamps (two words a text of the largest table), 14 cell of the last stamp; 15 prompt positions.
 *
 * A split's description: 0 users, 1 chosen, 2 rejected, 3 prompts, 4 reward margins or 0, 5 features [pairs, F] or 0,
 * 6 table, 7 bytes of its rows, 8 scale of each row or 0.
 * A text list: 0 cell of its length, 1 addresses of vectors, 2 uses as chosen, 3 uses as rejected, 4 uses of either kind
 * (all float32), 5 scales or 0. Prompts are counted nowhere.
 */
export function batch(args: usize, thread: i32, threads: i32): void {
  if (thread != 0) return
  const split = address(args, 0)
  const source = <usize>load<u32>(split)
  const rows = <usize>load<u32>(address(args, 1))
  const n = count(args, 2)
  const stamps = address(args, 13)
  const bytes = <usize>n << 2

  const users = address(args, 3)
  const limit = word(args, 10)
  const userColumn = <usize>load<u32>(source)
  for (let b: usize = 0; b < bytes; b += 4)
    store<i32>(users + b, min(load<i32>(userColumn + (<usize>load<i32>(rows + b) << 2)), limit))

  const answers = address(args, 11)
  let stamp = nextStamp(address(args, 14))
  let texts = 0
  texts = collect(source, 4, rows, bytes, address(args, 4), answers, stamps, stamp, texts, 8)
  texts = collect(source, 8, rows, bytes, address(args, 5), answers, stamps, stamp, texts, 12)
  finish(answers, texts)
  const total = <usize>load<u32>(answers, 16)
  const chosen = <usize>load<u32>(answers, 8)
  const rejected = <usize>load<u32>(answers, 12)
  for (let i: usize = 0; i < <usize>texts << 2; i += 4)
    store<f32>(total + i, load<f32>(chosen + i) + load<f32>(rejected + i))

  const prompts = address(args, 12)
  if (prompts != 0) {
    stamp = nextStamp(address(args, 14))
    texts = collect(source, 12, rows, bytes, address(args, 15), prompts, stamps, stamp, 0, 0)
    finish(prompts, texts)
  }

  const reward = address(args, 6)
  const rewardColumn = <usize>load<u32>(source, 16)
  for (let b: usize = 0; b < bytes; b += 4)
    store<f32>(reward + b, rewardColumn == 0 ? 0 : load<f32>(rewardColumn + (<usize>load<i32>(rows + b) << 2)))

  const features = address(args, 7)
  if (features != 0) transpose(<usize>load<u32>(source, 20), features, <usize>word(args, 8), <usize>word(args, 9) << 2, rows, bytes)

  // Vectors of four pairs read on beyond the last one: the first user and text stand there.
  for (let b = bytes; b < bytes + 64; b += 4) {
    store<i32>(users + b, 0)
    store<i32>(address(args, 4) + b, 0)
    store<i32>(address(args, 5) + b, 0)
    store<f32>(reward + b, 0)
    if (prompts != 0) store<i32>(address(args, 15) + b, 0)
  }
}

function nextStamp(cell: usize): i32 {
  const stamp = load<i32>(cell) + 1
  store<i32>(cell, stamp)
  return stamp
}

/** Positions of one column's texts in the list, which grows by those not met yet; `uses` is the byte of the list's count. */
function collect(
  source: usize,
  column: usize,
  rows: usize,
  bytes: usize,
  positions: usize,
  list: usize,
  stamps: usize,
  stamp: i32,
  known: i32,
  uses: usize,
): i32 {
  const texts = <usize>load<u32>(source + column)
  const table = <usize>load<u32>(source, 24)
  const rowBytes = <usize>load<u32>(source, 28)
  const tableScales = <usize>load<u32>(source, 32)
  const vectors = <usize>load<u32>(list, 4)
  const chosen = <usize>load<u32>(list, 8)
  const rejected = <usize>load<u32>(list, 12)
  const scales = <usize>load<u32>(list, 20)
  const counts: usize = uses == 0 ? <usize>0 : <usize>load<u32>(list + uses)
  let length = known
  for (let b: usize = 0; b < bytes; b += 4) {
    const text = <usize>load<i32>(texts + (<usize>load<i32>(rows + b) << 2))
    const mark = stamps + (text << 3)
    let position: i32
    if (load<i32>(mark) == stamp) position = load<i32>(mark, 4)
    else {
      position = length++
      store<i32>(mark, stamp)
      store<i32>(mark, position, 4)
      const i = <usize>position << 2
      store<u32>(vectors + i, <u32>(table + text * rowBytes))
      if (scales != 0) store<f32>(scales + i, load<f32>(tableScales + (text << 2)))
      if (uses != 0) {
        store<f32>(chosen + i, 0)
        store<f32>(rejected + i, 0)
      }
    }
    store<i32>(positions + b, position)
    if (uses != 0) {
      const at = counts + (<usize>position << 2)
      store<f32>(at, load<f32>(at) + 1)
    }
  }
  return length
}

/** The list's length, and the last text repeated for the blocks that read on. */
function finish(list: usize, length: i32): void {
  store<i32>(<usize>load<u32>(list), length)
  const vectors = <usize>load<u32>(list, 4)
  const scales = <usize>load<u32>(list, 20)
  if (length == 0) return
  const last = <usize>(length - 1) << 2
  for (let i: usize = 1; i <= 16; i++) {
    store<u32>(vectors + last + (i << 2), load<u32>(vectors + last))
    if (scales != 0) store<f32>(scales + last + (i << 2), 0)
  }
}

function transpose(column: usize, out: usize, F: usize, stride: usize, rows: usize, bytes: usize): void {
  for (let b: usize = 0; b < bytes; b += 4) {
    const from = column + ((<usize>load<i32>(rows + b) * F) << 2)
    for (let f: usize = 0; f < F; f++) store<f32>(out + f * stride + b, load<f32>(from + (f << 2)))
  }
}

/**
 * The preference loss: z = reward + δ, loss softplus(−z), g = −σ(−z)/n. Pairs beyond n get g = 0. Each block of 16 pairs
 * writes its own sums, which `figures` adds up in order.
 *
 * Arguments: 0 δ margin, 1 reward margin, 2 g, 3 sums (4 float64 a block: loss, z > 0, reward > 0, δ > 0), 4 cell of n.
 */
export function preference(args: usize, thread: i32, threads: i32): void {
  const n = count(args, 4)
  const share = f32x4.splat(<f32>(-1.0 / <f64>n))
  const zero = f32x4.splat(0)
  const one = f32x4.splat(1)
  const to = shareEnd(n, PAIR_BLOCK, thread, threads)
  for (let b = shareStart(n, PAIR_BLOCK, thread, threads); b < to; b += PAIR_BLOCK) {
    let loss: f64 = 0
    let right = 0
    let rightReward = 0
    let rightDelta = 0
    const end = min(b + PAIR_BLOCK, to)
    for (let i = b; i < b + PAIR_BLOCK; i += 4) {
      const lane = <usize>i << 2
      if (i >= end) {
        v128.store(address(args, 2) + lane, zero)
        continue
      }
      const valid = firstLanes(min(4, end - i))
      const delta = v128.load(address(args, 0) + lane)
      const reward = v128.load(address(args, 1) + lane)
      const z = f32x4.add(reward, delta)
      const e = exp4(f32x4.neg(f32x4.abs(z)))
      // softplus(−z) = max(−z, 0) + log(1 + e^−|z|); max keeps a NaN.
      const terms = f32x4.add(f32x4.max(f32x4.neg(z), zero), log1p4(e))
      const probability = f32x4.div(v128.bitselect(e, one, f32x4.gt(z, zero)), f32x4.add(one, e))
      const g = v128.or(f32x4.mul(share, probability), v128.and(z, f32x4.ne(z, z)))
      v128.store(address(args, 2) + lane, v128.and(g, valid))
      loss += sum64(v128.and(terms, valid))
      right += popcnt(i32x4.bitmask(v128.and(f32x4.gt(z, zero), valid)))
      rightReward += popcnt(i32x4.bitmask(v128.and(f32x4.gt(reward, zero), valid)))
      rightDelta += popcnt(i32x4.bitmask(v128.and(f32x4.gt(delta, zero), valid)))
    }
    const sums = address(args, 3) + (<usize>(b / PAIR_BLOCK) << 5)
    store<f64>(sums, loss)
    store<f64>(sums, right, 8)
    store<f64>(sums, rightReward, 16)
    store<f64>(sums, rightDelta, 24)
  }
}

/**
 * model2's learned scale: cell = clamp(parameter, low, high) · factor.
 * Arguments: 0 parameter, 1 cell, 2 low, 3 high, 4 factor.
 */
export function clampScale(args: usize, thread: i32, threads: i32): void {
  if (thread != 0) return
  const clamped = max(real(args, 2), min(real(args, 3), load<f32>(address(args, 0))))
  store<f32>(address(args, 1), clamped * real(args, 4))
}

/**
 * Its gradient from a margin that is proportional to the cell: Σ_b g[b] margin[b] / cell · factor, and 0 outside the range.
 * Arguments: 0 … 4 as `clampScale`'s, 5 g, 6 margin, 7 cell of n, 8 gradient.
 */
export function clampScaleGrad(args: usize, thread: i32, threads: i32): void {
  if (thread != 0) return
  const value = load<f32>(address(args, 0))
  const inside = value >= real(args, 2) && value <= real(args, 3)
  let sum: f64 = 0
  for (let b: usize = 0; b < <usize>count(args, 7) << 2; b += 4)
    sum += <f64>load<f32>(address(args, 5) + b) * <f64>load<f32>(address(args, 6) + b)
  const gradient = (sum / <f64>load<f32>(address(args, 1))) * <f64>real(args, 4)
  store<f32>(address(args, 8), inside ? <f32>gradient : 0)
}

import { PAIR_BLOCK, address, count, shareEnd, shareStart, word } from './share'

/**
 * Philox4x32-10 (Salmon et al., SC 2011), the same draws as `RandomStream` in src/engine/loop/random.ts: draw i of a
 * stream is word i mod 4 of block ⌊i/4⌋, whatever has been drawn before.
 */
const M0: u32 = 0xd2511f53
const M1: u32 = 0xcd9e8d57
const W0: u32 = 0x9e3779b9
const W1: u32 = 0xbb67ae85

@inline
function low(first: v128, second: v128): v128 {
  return v128.shuffle<i32>(first, second, 0, 2, 4, 6)
}

@inline
function high(first: v128, second: v128): v128 {
  return v128.shuffle<i32>(first, second, 1, 3, 5, 7)
}

/**
 * Draws 16·`groups` words from block `block` on, one after the other at `out`: four blocks at a time, one a lane.
 * A stream is (key0, key1) and the upper half of the counter, (number, numberHigh).
 */
function draw(out: usize, groups: i32, block: i32, key0: i32, key1: i32, number: i32, numberHigh: i32): void {
  const m0 = i32x4.splat(<i32>M0)
  const m1 = i32x4.splat(<i32>M1)
  for (let group = 0; group < groups; group++) {
    let c0 = i32x4.add(i32x4.splat(block + 4 * group), i32x4(0, 1, 2, 3))
    let c1 = i32x4.splat(0)
    let c2 = i32x4.splat(number)
    let c3 = i32x4.splat(numberHigh)
    let k0 = <u32>key0
    let k1 = <u32>key1
    for (let round = 0; round < 10; round++) {
      const a = i64x2.extmul_low_i32x4_u(m0, c0)
      const b = i64x2.extmul_high_i32x4_u(m0, c0)
      const c = i64x2.extmul_low_i32x4_u(m1, c2)
      const d = i64x2.extmul_high_i32x4_u(m1, c2)
      c0 = v128.xor(v128.xor(high(c, d), c1), i32x4.splat(<i32>k0))
      c2 = v128.xor(v128.xor(high(a, b), c3), i32x4.splat(<i32>k1))
      c1 = low(c, d)
      c3 = low(a, b)
      k0 += W0
      k1 += W1
    }
    // A lane's four words stand one after the other.
    const t0 = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5)
    const t1 = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5)
    const t2 = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7)
    const t3 = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7)
    const at = out + (<usize>group << 6)
    v128.store(at, v128.shuffle<i64>(t0, t1, 0, 2))
    v128.store(at, v128.shuffle<i64>(t0, t1, 1, 3), 16)
    v128.store(at, v128.shuffle<i64>(t2, t3, 0, 2), 32)
    v128.store(at, v128.shuffle<i64>(t2, t3, 1, 3), 48)
  }
}

/**
 * Inverted dropout: mask[k][b] is 0 with probability `rate`, else 1/(1 − rate); out = in ⊙ mask. Entry (b, k) uses draw
 * n·before + b·K + k of the step's stream, `before` being the widths of the step's earlier masks together: the order
 * in which the reference draws.
 *
 * Arguments: 0 in, 1 out, 2 mask, 3 stride of all, 4 K, 5 before, 6 smallest word that keeps, 7 1/(1 − rate), 8 key0,
 * 9 key1, 10 address of the step (two words), 11 scratch (64 K + 128 bytes a thread), 12 cell of n.
 */
export function dropout(args: usize, thread: i32, threads: i32): void {
  const stride = <usize>word(args, 3) << 2
  const K = word(args, 4)
  const keeps = i32x4.splat(word(args, 6))
  const scale = v128.load32_splat(args + 28)
  const step = address(args, 10)
  const words = address(args, 11) + <usize>thread * (64 * <usize>K + 128)
  const n = count(args, 12)
  const to = shareEnd(n, PAIR_BLOCK, thread, threads)
  const base = <i64>n * word(args, 5)
  for (let b = shareStart(n, PAIR_BLOCK, thread, threads); b < to; b += PAIR_BLOCK) {
    const first = base + <i64>b * K
    const skip = <i32>(first & 3)
    const groups = (PAIR_BLOCK * K + skip + 15) >> 4
    draw(words, groups, <i32>(first >> 2), word(args, 8), word(args, 9), load<i32>(step), load<i32>(step, 4))
    for (let at: usize = 0; at < <usize>groups << 6; at += 16) {
      const kept = i32x4.ge_u(v128.load(words + at), keeps)
      v128.store(words + at, v128.and(kept, scale))
    }
    const lanes = min(to - b, PAIR_BLOCK)
    const rowBytes = <usize>K << 2
    for (let k = 0; k < K; k++) {
      const row = <usize>k * stride + (<usize>b << 2)
      let from = words + (<usize>(skip + k) << 2)
      for (let lane: usize = 0; lane < <usize>lanes << 2; lane += 16) {
        let m = v128.load32_zero(from)
        m = v128.load_lane<u32>(from + rowBytes, m, 1)
        m = v128.load_lane<u32>(from + 2 * rowBytes, m, 2)
        m = v128.load_lane<u32>(from + 3 * rowBytes, m, 3)
        from += 4 * rowBytes
        v128.store(address(args, 2) + row + lane, m)
        v128.store(address(args, 1) + row + lane, f32x4.mul(m, v128.load(address(args, 0) + row + lane)))
      }
    }
  }
}

/** High word of a 32 × 32 bit product. */
@inline
function mulHigh(a: u32, b: u32): u32 {
  return <u32>((<u64>a * <u64>b) >> 32)
}

/**
 * A uniform permutation of 0 … n − 1 at `out` (Fisher and Yates, with Lemire's unbiased bounded draws), equal to
 * `permutation(n, new RandomStream(…))`. `words` is scratch of 4096 bytes.
 */
export function permute(out: usize, n: i32, key0: i32, key1: i32, number: i32, numberHigh: i32, words: usize): void {
  for (let i = 0; i < n; i++) store<i32>(out + (<usize>i << 2), i)
  let block = 0
  let used = 1024
  for (let i = n - 1; i > 0; i--) {
    const bound = <u32>i + 1
    const threshold: u32 = (<u32>0 - bound) % bound
    let x: u32 = 0
    do {
      if (used == 1024) {
        draw(words, 64, block, key0, key1, number, numberHigh)
        block += 256
        used = 0
      }
      x = load<u32>(words + (<usize>used << 2))
      used++
    } while (x * bound < threshold)
    const here = out + (<usize>i << 2)
    const there = out + (<usize>mulHigh(x, bound) << 2)
    const other = load<i32>(there)
    store<i32>(there, load<i32>(here))
    store<i32>(here, other)
  }
}

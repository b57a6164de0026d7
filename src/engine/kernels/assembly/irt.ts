import { secondOf, softmaxOfTwo } from './columns'
import { addHigh, addLow, firstLanes, high, low, sums } from './simd'
import { PAIR_BLOCK, address, count, real, shareEnd, shareStart, word } from './share'

/**
 * caimira's operations between the products. What a text is in its K dimensions stands in one row: r, then d, each K numbers rounded up to whole
 * vectors, zeros beyond K (K = 5: one cache line). A pair then reads two rows of vectors where it would collect 4·K numbers from as many places,
 * and adds its gradients to two rows of the same form.
 */

/** Bytes of half a text's row: K numbers, in whole vectors. */
@inline
function halfRow(K: i32): usize {
  return <usize>((K + 3) & ~3) << 2
}

/** Numbers k … k + 3 of a vector of K, zeros beyond its end. */
@inline
function four(numbers: usize, k: i32, K: i32): v128 {
  const v = v128.load(numbers + (<usize>k << 2))
  return k + 4 <= K ? v : v128.and(v, firstLanes(K - k))
}

/** Rows k … k + 3 of a matrix at one place, zeros beyond its last row. */
@inline
function rowAt(matrix: usize, stride: usize, k: i32, K: i32): v128 {
  return k < K ? v128.load(matrix + <usize>k * stride) : f32x4.splat(0)
}

/**
 * The rows of a batch's texts: r = softmax(scale · logits) and d; and zeros where their gradients will be added up.
 *
 * Arguments: 0 d [K, stride], 1 logits of r, written over with r, 2 stride of both, 3 K, 4 scale, 5 cell of n, 6 block, 7 rows, 8 rows of the
 * gradients or 0. Rows are written up to the next multiple of 4 texts.
 */
export function irtTexts(args: usize, thread: i32, threads: i32): void {
  const difficulty = address(args, 0)
  const logits = address(args, 1)
  const stride = <usize>word(args, 2) << 2
  const K = word(args, 3)
  const end = <usize>K * stride
  const scale = f32x4.splat(real(args, 4))
  const n = count(args, 5)
  const half = halfRow(K)
  const rows = address(args, 7)
  const gradients = address(args, 8)
  const to = shareEnd(n, word(args, 6), thread, threads)
  for (let t = shareStart(n, word(args, 6), thread, threads); t < to; t += 8) {
    const next = secondOf(t, to)
    softmaxOfTwo(logits, logits, <usize>t << 2, next << 2, stride, end, scale)
    putTexts(rows, gradients, <usize>t, half, difficulty, logits, stride, K)
    putTexts(rows, gradients, next, half, difficulty, logits, stride, K)
  }
}

/** The rows of four texts, and zeros for their gradients. */
function putTexts(
  rows: usize,
  gradients: usize,
  t: usize,
  half: usize,
  difficulty: usize,
  relevance: usize,
  stride: usize,
  K: i32,
): void {
  const bytes = half << 1
  putRows(rows + t * bytes, bytes, relevance + (t << 2), stride, K)
  putRows(rows + t * bytes + half, bytes, difficulty + (t << 2), stride, K)
  if (gradients == 0) return
  // A call of memory.fill takes longer than that.
  const first = gradients + t * bytes
  for (let at = first; at < first + (half << 3); at += 32) {
    v128.store(at, f32x4.splat(0))
    v128.store(at, f32x4.splat(0), 16)
  }
}

/** Columns of four texts into their rows. */
@inline
function putRows(row: usize, bytes: usize, input: usize, stride: usize, K: i32): void {
  for (let k = 0; k < K; k += 4) {
    const v0 = rowAt(input, stride, k, K)
    const v1 = rowAt(input, stride, k + 1, K)
    const v2 = rowAt(input, stride, k + 2, K)
    const v3 = rowAt(input, stride, k + 3, K)
    const low02 = low(v0, v2)
    const low13 = low(v1, v3)
    const high02 = high(v0, v2)
    const high13 = high(v1, v3)
    const at = row + (<usize>k << 2)
    v128.store(at, low(low02, low13))
    v128.store(at + bytes, high(low02, low13))
    v128.store(at + 2 * bytes, low(high02, high13))
    v128.store(at + 3 * bytes, high(high02, high13))
  }
}

/** The row of a pair's text. */
@inline
function rowOf(rows: usize, bytes: usize, positions: usize, i: usize): usize {
  return rows + <usize>load<u32>(positions + (i << 2)) * bytes
}

/**
 * The margin, δ(chosen) − δ(rejected) with δ = Σ_k r_k (s_k − (d_k − centre_k)).
 *
 * Arguments: 0 rows, 1 K, 2 positions of chosen, 3 of rejected (up to the next multiple of 4 pairs), 4 s [K, stride], 5 its stride, 6 centre of
 * chosen [K], 7 of rejected [K] (both readable to whole vectors), 8 margin [n], 9 cell of n.
 */
export function irtMargin(args: usize, thread: i32, threads: i32): void {
  const rows = address(args, 0)
  const K = word(args, 1)
  const half = halfRow(K)
  const chosen = address(args, 2)
  const rejected = address(args, 3)
  const stride = <usize>word(args, 5) << 2
  const centreChosen = address(args, 6)
  const centreRejected = address(args, 7)
  const n = count(args, 9)
  const to = shareEnd(n, PAIR_BLOCK, thread, threads)
  for (let b = shareStart(n, PAIR_BLOCK, thread, threads); b < to; b += 4) {
    const lane = <usize>b << 2
    const c0 = rowOf(rows, half << 1, chosen + lane, 0)
    const c1 = rowOf(rows, half << 1, chosen + lane, 1)
    const c2 = rowOf(rows, half << 1, chosen + lane, 2)
    const c3 = rowOf(rows, half << 1, chosen + lane, 3)
    const r0 = rowOf(rows, half << 1, rejected + lane, 0)
    const r1 = rowOf(rows, half << 1, rejected + lane, 1)
    const r2 = rowOf(rows, half << 1, rejected + lane, 2)
    const r3 = rowOf(rows, half << 1, rejected + lane, 3)
    let m0 = f32x4.splat(0)
    let m1 = m0
    let m2 = m0
    let m3 = m0
    for (let k = 0; k < K; k += 4) {
      const at = <usize>k << 2
      const skill = address(args, 4) + lane
      const s0 = rowAt(skill, stride, k, K)
      const s1 = rowAt(skill, stride, k + 1, K)
      const s2 = rowAt(skill, stride, k + 2, K)
      const s3 = rowAt(skill, stride, k + 3, K)
      const low02 = low(s0, s2)
      const low13 = low(s1, s3)
      const high02 = high(s0, s2)
      const high13 = high(s1, s3)
      const cc = four(centreChosen, k, K)
      const cr = four(centreRejected, k, K)
      m0 = f32x4.add(m0, difference(c0 + at, r0 + at, half, low(low02, low13), cc, cr))
      m1 = f32x4.add(m1, difference(c1 + at, r1 + at, half, high(low02, low13), cc, cr))
      m2 = f32x4.add(m2, difference(c2 + at, r2 + at, half, low(high02, high13), cc, cr))
      m3 = f32x4.add(m3, difference(c3 + at, r3 + at, half, high(high02, high13), cc, cr))
    }
    v128.store(address(args, 8) + lane, sums(m0, m1, m2, m3))
  }
}

/** Four dimensions of a pair's margin. */
@inline
function difference(c: usize, r: usize, half: usize, s: v128, centreChosen: v128, centreRejected: v128): v128 {
  const ofChosen = f32x4.mul(v128.load(c), centred(s, c + half, centreChosen))
  return f32x4.sub(ofChosen, f32x4.mul(v128.load(r), centred(s, r + half, centreRejected)))
}

/** s − (d − centre). */
@inline
function centred(s: v128, difficulty: usize, centre: v128): v128 {
  return f32x4.sub(s, f32x4.sub(v128.load(difficulty), centre))
}

/**
 * Gradients of `irtMargin` times g[b]: added to the rows of the gradients, written over s, and summed for the centres, in float64 over
 * blocks of 4 pairs: factor / n · Σ_b ∂/∂d. One thread does it: two that share a text's row would wait for each other.
 *
 * Arguments: 0 rows, 1 K, 2 positions of chosen, 3 of rejected, 4 s [K, stride], 5 its stride, 6 centre of chosen, 7 of rejected, 8 g [n],
 * zero up to the next multiple of 4 pairs, 9 cell of n, 10 rows of the gradients, 11 gradient of chosen's centre [K], 12 of rejected's, or 0 where both are one, 13 factor.
 */
export function irtMarginGrad(args: usize, thread: i32, threads: i32): void {
  if (thread != 0) return
  const K = word(args, 1)
  const n = count(args, 9)
  const factor = f64x2.splat(<f64>real(args, 13) / <f64>max(1, n))
  for (let k = 0; k < K; k += 4) fourDimensions(args, k, K, n, factor)
}

function fourDimensions(args: usize, k: i32, K: i32, n: i32, factor: v128): void {
  const at = <usize>k << 2
  const half = halfRow(K)
  const bytes = half << 1
  const rows = address(args, 0) + at
  const gradients = address(args, 10) + at
  const chosen = address(args, 2)
  const rejected = address(args, 3)
  const stride = <usize>word(args, 5) << 2
  const skill = address(args, 4) + <usize>k * stride
  const g = address(args, 8)
  const cc = four(address(args, 6), k, K)
  const cr = four(address(args, 7), k, K)
  const separate = address(args, 12) != 0
  let lowChosen = f64x2.splat(0)
  let highChosen = lowChosen
  let lowRejected = lowChosen
  let highRejected = lowChosen
  for (let b = 0; b < n; b += 4) {
    const lane = <usize>b << 2
    const v0 = v128.load(skill + lane)
    const v1 = rowAt(skill + lane, stride, 1, K - k)
    const v2 = rowAt(skill + lane, stride, 2, K - k)
    const v3 = rowAt(skill + lane, stride, 3, K - k)
    const low02 = low(v0, v2)
    const low13 = low(v1, v3)
    const high02 = high(v0, v2)
    const high13 = high(v1, v3)
    const s0 = low(low02, low13)
    const s1 = high(low02, low13)
    const s2 = low(high02, high13)
    const s3 = high(high02, high13)
    const c = chosen + lane
    const r = rejected + lane
    const g0 = addPair(rows, gradients, half, c, r, g + lane, 0, s0, cc, cr)
    const g1 = addPair(rows, gradients, half, c, r, g + lane, 1, s1, cc, cr)
    const g2 = addPair(rows, gradients, half, c, r, g + lane, 2, s2, cc, cr)
    const g3 = addPair(rows, gradients, half, c, r, g + lane, 3, s3, cc, cr)
    // Both sides' of a pair added first, so that opposite ones cancel exactly.
    let ofChosen = f32x4.add(f32x4.add(g0, g1), f32x4.add(g2, g3))
    if (separate) {
      ofChosen = timesRows(rows, half, c, g + lane)
      const ofRejected = timesRows(rows, half, r, g + lane)
      lowRejected = addLow(lowRejected, ofRejected)
      highRejected = addHigh(highRejected, ofRejected)
    }
    lowChosen = addLow(lowChosen, ofChosen)
    highChosen = addHigh(highChosen, ofChosen)
    putColumns(skill + lane, stride, K - k, g0, g1, g2, g3)
  }
  const minus = f64x2.neg(factor)
  putSums(address(args, 11) + at, K - k, f64x2.mul(lowChosen, minus), f64x2.mul(highChosen, minus))
  if (separate) putSums(address(args, 12) + at, K - k, f64x2.mul(lowRejected, factor), f64x2.mul(highRejected, factor))
}

/** Adds ±g (s − (d − centre)) to the r of a pair's texts, ∓g r to their d. @returns the gradient of s, g (r of chosen − r of rejected) */
@inline
function addPair(
  rows: usize,
  gradients: usize,
  half: usize,
  chosen: usize,
  rejected: usize,
  g: usize,
  i: usize,
  s: v128,
  centreChosen: v128,
  centreRejected: v128,
): v128 {
  const c = rowOf(0, half << 1, chosen, i)
  const r = rowOf(0, half << 1, rejected, i)
  const gb = v128.load32_splat(g + (i << 2))
  const gc = f32x4.mul(gb, v128.load(rows + c))
  const gr = f32x4.mul(gb, v128.load(rows + r))
  const qc = f32x4.mul(gb, centred(s, rows + c + half, centreChosen))
  const qr = f32x4.mul(gb, centred(s, rows + r + half, centreRejected))
  // The second text may be the first.
  v128.store(gradients + c, f32x4.add(v128.load(gradients + c), qc))
  v128.store(gradients + c + half, f32x4.sub(v128.load(gradients + c + half), gc))
  v128.store(gradients + r, f32x4.sub(v128.load(gradients + r), qr))
  v128.store(gradients + r + half, f32x4.add(v128.load(gradients + r + half), gr))
  return f32x4.sub(gc, gr)
}

/** Σ g r over one side's texts of four pairs. */
@inline
function timesRows(rows: usize, half: usize, positions: usize, g: usize): v128 {
  const r0 = f32x4.mul(v128.load32_splat(g), v128.load(rowOf(rows, half << 1, positions, 0)))
  const r1 = f32x4.mul(v128.load32_splat(g, 4), v128.load(rowOf(rows, half << 1, positions, 1)))
  const r2 = f32x4.mul(v128.load32_splat(g, 8), v128.load(rowOf(rows, half << 1, positions, 2)))
  const r3 = f32x4.mul(v128.load32_splat(g, 12), v128.load(rowOf(rows, half << 1, positions, 3)))
  return f32x4.add(f32x4.add(r0, r1), f32x4.add(r2, r3))
}

/** Four numbers of each of four pairs or texts, as columns of up to `most` rows. */
@inline
function putColumns(at: usize, stride: usize, most: i32, a: v128, b: v128, c: v128, d: v128): void {
  const low02 = low(a, c)
  const low13 = low(b, d)
  v128.store(at, low(low02, low13))
  if (most > 1) v128.store(at + stride, high(low02, low13))
  if (most > 2) {
    const high02 = high(a, c)
    const high13 = high(b, d)
    v128.store(at + 2 * stride, low(high02, high13))
    if (most > 3) v128.store(at + 3 * stride, high(high02, high13))
  }
}

/** Up to four sums of float64 as float32. */
@inline
function putSums(at: usize, most: i32, low: v128, high: v128): void {
  store<f32>(at, <f32>f64x2.extract_lane(low, 0))
  if (most > 1) store<f32>(at + 4, <f32>f64x2.extract_lane(low, 1))
  if (most > 2) store<f32>(at + 8, <f32>f64x2.extract_lane(high, 0))
  if (most > 3) store<f32>(at + 12, <f32>f64x2.extract_lane(high, 1))
}

/**
 * From the rows of the gradients those of the products: of d, to which each use of a text adds the gradient of a centre, and of r's logits,
 * scale · r (g − Σ_k g r). Zero from the last text up to the next multiple of 4.
 *
 * Arguments: 0 rows, 1 rows of the gradients, 2 K, 3 scale, 4 gradient of d [K, stride], 5 of the logits, 6 stride of both, 7 cell of n, 8 block,
 * 9 gradient of a centre [K] (readable to whole vectors), 10 uses it is a mean of, 11 gradient of another centre, or 0, 12 its uses.
 */
export function irtTextsGrad(args: usize, thread: i32, threads: i32): void {
  const K = word(args, 2)
  const half = halfRow(K)
  const bytes = half << 1
  const scale = f32x4.splat(real(args, 3))
  const stride = <usize>word(args, 6) << 2
  const n = count(args, 7)
  const to = shareEnd(n, word(args, 8), thread, threads)
  for (let t = shareStart(n, word(args, 8), thread, threads); t < to; t += 4) {
    const lane = <usize>t << 2
    const r = address(args, 0) + <usize>t * bytes
    const g = address(args, 1) + <usize>t * bytes
    let d0 = f32x4.splat(0)
    let d1 = d0
    let d2 = d0
    let d3 = d0
    for (let k: usize = 0; k < half; k += 16) {
      d0 = f32x4.add(d0, f32x4.mul(v128.load(r + k), v128.load(g + k)))
      d1 = f32x4.add(d1, f32x4.mul(v128.load(r + k + bytes), v128.load(g + k + bytes)))
      d2 = f32x4.add(d2, f32x4.mul(v128.load(r + k + 2 * bytes), v128.load(g + k + 2 * bytes)))
      d3 = f32x4.add(d3, f32x4.mul(v128.load(r + k + 3 * bytes), v128.load(g + k + 3 * bytes)))
    }
    const valid = firstLanes(min(4, n - t))
    const dots = sums(d0, d1, d2, d3)
    const uses = v128.load(address(args, 10) + lane)
    const uses2 = address(args, 11) == 0 ? f32x4.splat(0) : v128.load(address(args, 12) + lane)
    for (let k = 0; k < K; k += 4) {
      const at = <usize>k << 2
      putLogits(address(args, 5) + <usize>k * stride + lane, stride, K - k, r + at, g + at, bytes, dots, scale, valid)
      putDifficulties(args, <usize>k * stride + lane, stride, k, K, g + half + at, bytes, uses, uses2, valid)
    }
  }
}

@inline
function putLogits(
  out: usize,
  stride: usize,
  most: i32,
  r: usize,
  g: usize,
  bytes: usize,
  dots: v128,
  scale: v128,
  valid: v128,
): void {
  const v0 = f32x4.mul(v128.load(r), f32x4.sub(v128.load(g), v128.shuffle<f32>(dots, dots, 0, 0, 0, 0)))
  const v1 = f32x4.mul(v128.load(r + bytes), f32x4.sub(v128.load(g + bytes), v128.shuffle<f32>(dots, dots, 1, 1, 1, 1)))
  const v2 = f32x4.mul(v128.load(r + 2 * bytes), f32x4.sub(v128.load(g + 2 * bytes), v128.shuffle<f32>(dots, dots, 2, 2, 2, 2)))
  const v3 = f32x4.mul(v128.load(r + 3 * bytes), f32x4.sub(v128.load(g + 3 * bytes), v128.shuffle<f32>(dots, dots, 3, 3, 3, 3)))
  const low02 = low(v0, v2)
  const low13 = low(v1, v3)
  const high02 = high(v0, v2)
  const high13 = high(v1, v3)
  v128.store(out, v128.and(f32x4.mul(scale, low(low02, low13)), valid))
  if (most > 1) v128.store(out + stride, v128.and(f32x4.mul(scale, high(low02, low13)), valid))
  if (most > 2) v128.store(out + 2 * stride, v128.and(f32x4.mul(scale, low(high02, high13)), valid))
  if (most > 3) v128.store(out + 3 * stride, v128.and(f32x4.mul(scale, high(high02, high13)), valid))
}

@inline
function putDifficulties(
  args: usize,
  lane: usize,
  stride: usize,
  k: i32,
  K: i32,
  g: usize,
  bytes: usize,
  uses: v128,
  uses2: v128,
  valid: v128,
): void {
  const low02 = low(v128.load(g), v128.load(g + 2 * bytes))
  const low13 = low(v128.load(g + bytes), v128.load(g + 3 * bytes))
  const high02 = high(v128.load(g), v128.load(g + 2 * bytes))
  const high13 = high(v128.load(g + bytes), v128.load(g + 3 * bytes))
  const out = address(args, 4) + lane
  v128.store(out, v128.and(f32x4.add(low(low02, low13), centres(args, k, uses, uses2)), valid))
  if (k + 1 < K) v128.store(out + stride, v128.and(f32x4.add(high(low02, low13), centres(args, k + 1, uses, uses2)), valid))
  if (k + 2 < K) v128.store(out + 2 * stride, v128.and(f32x4.add(low(high02, high13), centres(args, k + 2, uses, uses2)), valid))
  if (k + 3 < K) v128.store(out + 3 * stride, v128.and(f32x4.add(high(high02, high13), centres(args, k + 3, uses, uses2)), valid))
}

/** What the centres' gradients of a dimension add to four texts. */
@inline
function centres(args: usize, k: i32, uses: v128, uses2: v128): v128 {
  const first = f32x4.mul(v128.load32_splat(address(args, 9) + (<usize>k << 2)), uses)
  if (address(args, 11) == 0) return first
  return f32x4.add(first, f32x4.mul(v128.load32_splat(address(args, 11) + (<usize>k << 2)), uses2))
}

import { addHigh, addLow, firstLanes, high, low } from './simd'
import { SCRATCH, address, count, real, shareEnd, shareStart, word } from './share'

/** Operations that carry rows of a table to pairs and back. All tables are [K, stride]: one row a dimension. */

@inline
function at(positions: usize, i: usize): usize {
  return <usize>load<u32>(positions + i) << 2
}

/**
 * out[k][b] = table[k][position_b], up to the next multiple of 4 pairs.
 *
 * Arguments: 0 table, 1 its stride, 2 K, 3 positions, 4 out, 5 its stride, 6 cell of n, 7 block.
 */
export function gather(args: usize, thread: i32, threads: i32): void {
  const table = address(args, 0)
  const stride = <usize>word(args, 1) << 2
  const K = word(args, 2)
  const positions = address(args, 3)
  const out = address(args, 4)
  const outStride = <usize>word(args, 5) << 2
  const n = count(args, 6)
  const from = shareStart(n, word(args, 7), thread, threads)
  const to = shareEnd(n, word(args, 7), thread, threads)
  for (let b = from; b < to; b += 4) {
    const lane = <usize>b << 2
    const p0 = table + at(positions, lane)
    const p1 = table + at(positions, lane + 4)
    const p2 = table + at(positions, lane + 8)
    const p3 = table + at(positions, lane + 12)
    let target = out + lane
    for (let k: usize = 0; k < <usize>K * stride; k += stride) {
      let v = v128.load32_zero(p0 + k)
      v = v128.load_lane<u32>(p1 + k, v, 1)
      v = v128.load_lane<u32>(p2 + k, v, 2)
      v = v128.load_lane<u32>(p3 + k, v, 3)
      v128.store(target, v)
      target += outStride
    }
  }
}

/** Rows of four dimensions' sums that the first-level cache keeps. */
const ROWS_HELD: usize = 1536

/**
 * The gradient of `gather`, of one use of a table or of two:
 * out[k][i] = Σ_{b: position_b = i} g[k][b] + Σ_{b: position2_b = i} g2[k][b].
 *
 * Divided by dimension, and each dimension's sums run through the pairs in order. Zero from the last row up to 16 more.
 *
 * Arguments: 0 out, 1 its stride, 2 K, 3 cell of its rows, 4 positions, 5 g, 6 stride of g and g2, 7 positions2 or 0, 8 g2,
 * 9 cell of n, 10 scratch.
 *
 * @param self the thread itself, where `thread` is which of those that share the operation
 */
export function scatter(args: usize, thread: i32, threads: i32, self: i32): void {
  const out = address(args, 0)
  const stride = <usize>word(args, 1) << 2
  const K = word(args, 2)
  const rows = <usize>count(args, 3)
  const positions = address(args, 4)
  const grad = address(args, 5)
  const gradStride = <usize>word(args, 6) << 2
  const positions2 = address(args, 7)
  const grad2 = address(args, 8)
  const bytes = <usize>count(args, 9) << 2
  const from = shareStart(K, 1, thread, threads)
  const to = shareEnd(K, 1, thread, threads)
  const sums = address(args, 10) + <usize>self * SCRATCH
  let k = from
  for (; k + 1 < to && rows + 4 <= ROWS_HELD; k += 4) {
    // Beyond the last row as well, as far as rows are put four at a time.
    memory.fill(sums, 0, (rows + 4) << 4)
    addFour(sums, k, to - 1, positions, grad, gradStride, bytes)
    if (positions2 != 0) addFour(sums, k, to - 1, positions2, grad2, gradStride, bytes)
    putFour(sums, rows, out, stride, k, to - 1)
  }
  // One that is left over, and dimensions of more rows than the first-level cache would hold four times.
  for (let j = k; j < to; j++) {
    const target = out + <usize>j * stride
    memory.fill(target, 0, min(stride, (rows + 16) << 2))
  }
  add(out, stride, k, to, positions, grad, gradStride, bytes)
  if (positions2 != 0) add(out, stride, k, to, positions2, grad2, gradStride, bytes)
}

/*
 * Sums of four dimensions stand side by side, so that a pair adds one vector to them where it would add four numbers. Beyond the last dimension the
 * last one is computed again.
 */

@inline
function accumulate(sum: usize, value: v128): void {
  v128.store(sum, f32x4.add(v128.load(sum), value))
}

function addFour(sums: usize, k: i32, last: i32, positions: usize, grad: usize, stride: usize, bytes: usize): void {
  const g0 = grad + <usize>k * stride
  const g1 = grad + <usize>min(k + 1, last) * stride
  const g2 = grad + <usize>min(k + 2, last) * stride
  const g3 = grad + <usize>min(k + 3, last) * stride
  for (let b: usize = 0; b < bytes; b += 16) {
    const v0 = v128.load(g0 + b)
    const v1 = v128.load(g1 + b)
    const v2 = v128.load(g2 + b)
    const v3 = v128.load(g3 + b)
    const low02 = low(v0, v2)
    const low13 = low(v1, v3)
    accumulate(sums + (at(positions, b) << 2), low(low02, low13))
    if (b + 4 < bytes) accumulate(sums + (at(positions, b + 4) << 2), high(low02, low13))
    if (b + 8 < bytes) {
      const high02 = high(v0, v2)
      const high13 = high(v1, v3)
      accumulate(sums + (at(positions, b + 8) << 2), low(high02, high13))
      if (b + 12 < bytes) accumulate(sums + (at(positions, b + 12) << 2), high(high02, high13))
    }
  }
}

function putFour(sums: usize, rows: usize, out: usize, stride: usize, k: i32, last: i32): void {
  const t0 = out + <usize>k * stride
  const t1 = out + <usize>min(k + 1, last) * stride
  const t2 = out + <usize>min(k + 2, last) * stride
  const t3 = out + <usize>min(k + 3, last) * stride
  const bytes = rows << 2
  for (let i: usize = 0; i < bytes; i += 16) {
    const from = sums + (i << 2)
    const low02 = low(v128.load(from), v128.load(from, 32))
    const low13 = low(v128.load(from, 16), v128.load(from, 48))
    const high02 = high(v128.load(from), v128.load(from, 32))
    const high13 = high(v128.load(from, 16), v128.load(from, 48))
    v128.store(t0 + i, low(low02, low13))
    v128.store(t1 + i, high(low02, low13))
    v128.store(t2 + i, low(high02, high13))
    v128.store(t3 + i, high(high02, high13))
  }
  for (let i = bytes; i < min(stride, bytes + 64); i += 16) {
    v128.store(t0 + i, f32x4.splat(0))
    v128.store(t1 + i, f32x4.splat(0))
    v128.store(t2 + i, f32x4.splat(0))
    v128.store(t3 + i, f32x4.splat(0))
  }
}

/** Four dimensions at a time: a position is looked up once for them, and none waits for the sums of another. */
function add(
  out: usize,
  stride: usize,
  from: i32,
  to: i32,
  positions: usize,
  grad: usize,
  gradStride: usize,
  bytes: usize,
): void {
  let k = from
  for (; k + 4 <= to; k += 4) {
    const t0 = out + <usize>k * stride
    const t1 = t0 + stride
    const t2 = t1 + stride
    const t3 = t2 + stride
    const g0 = grad + <usize>k * gradStride
    const g1 = g0 + gradStride
    const g2 = g1 + gradStride
    const g3 = g2 + gradStride
    for (let b: usize = 0; b < bytes; b += 4) {
      const i = at(positions, b)
      store<f32>(t0 + i, load<f32>(t0 + i) + load<f32>(g0 + b))
      store<f32>(t1 + i, load<f32>(t1 + i) + load<f32>(g1 + b))
      store<f32>(t2 + i, load<f32>(t2 + i) + load<f32>(g2 + b))
      store<f32>(t3 + i, load<f32>(t3 + i) + load<f32>(g3 + b))
    }
  }
  for (; k < to; k++) {
    const target = out + <usize>k * stride
    const g = grad + <usize>k * gradStride
    for (let b: usize = 0; b < bytes; b += 4) {
      const sum = target + at(positions, b)
      store<f32>(sum, load<f32>(sum) + load<f32>(g + b))
    }
  }
}

/**
 * out_k (+)= factor / m · Σ_b (a[k][b] x[k][b] + a2[k][b] x2[k][b]), summed in float64, the two terms added first in
 * float32, so that opposite ones cancel exactly. Tables not given count as ones (x) or are left out (a2). With m = 0 there
 * is nothing to add up, and the sum is 0.
 *
 * Arguments: 0 a, 1 stride of all tables, 2 K, 3 x or 0, 4 a2 or 0, 5 x2 or 0, 6 cell of n, 7 out, 8 factor,
 * 9 cell of m or 0 for 1, 10 whether to add, 11 row of x to be used for all k (a vector of weights) if 1.
 */
export function rowSums(args: usize, thread: i32, threads: i32): void {
  const a = address(args, 0)
  const stride = <usize>word(args, 1) << 2
  const K = word(args, 2)
  const x = address(args, 3)
  const a2 = address(args, 4)
  const x2 = address(args, 5)
  const n = count(args, 6)
  const out = address(args, 7)
  const m = address(args, 9)
  const factor = <f64>real(args, 8) / (m == 0 ? 1 : <f64>max(1, load<i32>(m)))
  const shared = word(args, 11) != 0
  for (let k = shareStart(K, 1, thread, threads); k < shareEnd(K, 1, thread, threads); k++) {
    const row = <usize>k * stride
    const xRow: usize = shared ? <usize>0 : row
    let low = f64x2.splat(0)
    let high = low
    for (let b = 0; b < n; b += 4) {
      const lane = <usize>b << 2
      let v = v128.load(a + row + lane)
      if (x != 0) v = f32x4.mul(v, v128.load(x + xRow + lane))
      if (a2 != 0) {
        let w = v128.load(a2 + row + lane)
        if (x2 != 0) w = f32x4.mul(w, v128.load(x2 + row + lane))
        v = f32x4.add(v, w)
      }
      // What stands beyond n is not a pair.
      if (n - b < 4) v = v128.and(v, firstLanes(n - b))
      low = addLow(low, v)
      high = addHigh(high, v)
    }
    const pair = f64x2.add(low, high)
    const total = <f32>((f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1)) * factor)
    const target = out + (<usize>k << 2)
    store<f32>(target, word(args, 10) != 0 ? load<f32>(target) + total : total)
  }
}

/**
 * The per-user table that evaluation reads: the trained users' columns, and after them the generic user, their mean.
 *
 * Arguments: 0 table [K, stride], 1 stride of both, 2 K, 3 trained users, 4 out.
 */
export function withGenericUser(args: usize, thread: i32, threads: i32): void {
  const table = address(args, 0)
  const stride = <usize>word(args, 1) << 2
  const K = word(args, 2)
  const users = <usize>word(args, 3)
  const out = address(args, 4)
  for (let k = shareStart(K, 1, thread, threads); k < shareEnd(K, 1, thread, threads); k++) {
    const from = table + <usize>k * stride
    const to = out + <usize>k * stride
    memory.copy(to, from, users << 2)
    let sum: f64 = 0
    for (let u: usize = 0; u < users; u++) sum += <f64>load<f32>(from + (u << 2))
    store<f32>(to + (users << 2), <f32>(sum / <f64>users))
  }
}

/**
 * Rows of an embedding brought to at most a norm, as torch's embedding_renorm_ does: those of the batch's users, or all.
 * One row a user stands as a column here.
 *
 * Arguments: 0 table [K, stride], 1 its stride, 2 K, 3 columns, 4 the batch's users or 0 for all, 5 cell of n, 6 flags
 * (a word a column), 7 largest norm.
 */
export function renormalise(args: usize, thread: i32, threads: i32): void {
  if (thread != 0) return
  const table = address(args, 0)
  const stride = <usize>word(args, 1) << 2
  const K = word(args, 2)
  const columns = word(args, 3)
  const users = address(args, 4)
  const flags = address(args, 6)
  const limit = real(args, 7)
  memory.fill(flags, users == 0 ? 255 : 0, <usize>columns << 2)
  if (users != 0)
    for (let b: usize = 0; b < <usize>count(args, 5) << 2; b += 4) store<i32>(flags + at(users, b), -1)
  for (let c = 0; c < columns; c++) {
    if (load<i32>(flags + (<usize>c << 2)) == 0) continue
    let row = table + (<usize>c << 2)
    let sum: f32 = 0
    for (let k = 0; k < K; k++) {
      const v = load<f32>(row + <usize>k * stride)
      sum += v * v
    }
    const norm = sqrt(sum)
    if (norm <= limit) continue
    const scale = limit / (norm + <f32>1e-7)
    for (let k = 0; k < K; k++) {
      store<f32>(row, load<f32>(row) * scale)
      row += stride
    }
  }
}

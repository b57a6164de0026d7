import { madd, sums, widen } from './simd'
import { FLAT_BLOCK, SCRATCH, TEXT_BLOCK, WIDTH_BLOCK, address, count, shareEnd, shareStart, word } from './share'

/**
 * Thin matrix products between text vectors and a few weight rows.
 *
 * Of many rows, both keep 12 sums in registers: the forward product those of 6 texts × 2 weight rows, the backward product those of 24 numbers of
 * 2 weight rows' gradients. 8 loads for 12 multiply-adds are what a core with two load and two multiply-add ports needs to stay busy, if it
 * has hardly anything else to do: where it takes four instructions a cycle, 24 of them last as long as the multiply-adds. Several steps are written out, so that
 * they share the pointers' additions and the loop's end. The parts of text vectors that are multiplied next are packed one behind the other in the
 * first-level cache, where one pointer reaches all of them.
 *
 * Few rows do not earn that back: forward, float32 vectors are multiplied where they stand, by the same 12 sums, and backward those in no cache, in one pass over
 * them. Each order of additions is the same, so that a run has the same numbers alone and among others.
 */

/** Bytes of a text vector multiplied at a time: six of them and two weight rows fit the first-level cache. */
const CHUNK: usize = 2048
/** Bytes of the gradients of four texts and two rows, each four times. */
const GRADIENTS: usize = 2 * 4 * 16
/**
 * Bytes of weight rows, or of gradient rows, that the second-level cache keeps while all texts pass by. Gradient rows share it with the texts of a part
 * and with the sums; sixteen runs' weight rows are near at once, so that texts are packed once for them.
 */
const NEAR_WEIGHTS: usize = 384 << 10
const NEAR_GRADIENTS: usize = 256 << 10
/** Rows that texts pass by at once, at least: fewer would read the texts too often. */
const FEWEST_COLUMNS: usize = 64
/** The most rows by which vectors are multiplied where they stand: forward, and backward where they are in no cache. */
const FEW_ROWS: i32 = 32
const FEW_FAR_ROWS: i32 = 16
/** Texts whose products are added up in registers: the running sum is fetched once for them. */
const TILE_TEXTS: i32 = 192
/** Vectors of four numbers that the registers hold of a gradient row, and of the rest of a width, which is a multiple of 16 numbers. */
const SLICE: i32 = 6
const REST: i32 = 2

/** Where a text vector's numbers stand that are `d` bytes from its start as float32. Further offsets are literals, which stand in the instruction. */
@inline
function placeOf(row: usize, d: usize, half: bool): usize {
  return row + (half ? d >> 1 : d)
}

/** Four numbers that stand there. */
@inline
function vectorOf(row: usize, d: usize, half: bool): v128 {
  const at = placeOf(row, d, half)
  return half ? widen(v128.load64_zero(at)) : v128.load(at)
}

/**
 * out[c][i] = scale[i] · ⟨x_i, w_c⟩ + bias_c, for texts i < n and weight rows c.
 *
 * Arguments: 0 addresses of the n text vectors (followed by at least 6 more valid ones), 1 cell of n, 2 list of
 * (weight row, output row, bias), 3 its length, 4 width in numbers (a multiple of 16), 5 whether vectors are
 * float16, 6 scratch, 7 scale of each text, or 0.
 */
export function project(args: usize, who: i32, all: i32, thread: i32): void {
  const n = count(args, 1)
  const from = shareStart(n, TEXT_BLOCK, who, all)
  const to = shareEnd(n, TEXT_BLOCK, who, all)
  const rows = address(args, 0)
  const columns = address(args, 2)
  const last = columns + <usize>(word(args, 3) - 1) * 12
  const bytes = <usize>word(args, 4) << 2
  const half = word(args, 5) != 0
  const scratch = address(args, 6) + <usize>thread * SCRATCH
  const scales = address(args, 7)

  if (!half && word(args, 3) <= FEW_ROWS && <usize>word(args, 3) * bytes <= NEAR_WEIGHTS) {
    for (let i = from; i < to; i += 6) blockInPlace(rows + (<usize>i << 2), <usize>i << 2, bytes, columns, last, scales)
    return
  }
  // Weight rows come from the second-level cache once for six texts. Where it cannot hold them, they take turns: part of the width, then part of the rows.
  const stretch = <usize>word(args, 3) * bytes > NEAR_WEIGHTS ? CHUNK : bytes
  const panel = panelOf(NEAR_WEIGHTS, min(stretch, bytes))
  for (let c = columns; c <= last; c += panel)
    for (let d: usize = 0; d < bytes; d += stretch)
      for (let i = from; i < to; i += 6) {
        const at = rows + (<usize>i << 2)
        const end = min(last, c + panel - 12)
        block(at, <usize>i << 2, d, min(d + stretch, bytes), bytes, c, end, half, scratch, scales)
      }
}

/** Bytes of the list that name an even number of rows which stay near, of each of which so many bytes are used. */
@inline
function panelOf(near: usize, bytes: usize): usize {
  return max(FEWEST_COLUMNS, (near / bytes) & ~1) * 12
}

/** Four numbers of each of six texts, then the next four. */
@inline
function packChunk(
  x0: usize,
  x1: usize,
  x2: usize,
  x3: usize,
  x4: usize,
  x5: usize,
  d: usize,
  bytes: usize,
  half: bool,
  to: usize,
): void {
  for (const end = d + bytes; d < end; d += 16) {
    v128.store(to, vectorOf(x0, d, half))
    v128.store(to, vectorOf(x1, d, half), 16)
    v128.store(to, vectorOf(x2, d, half), 32)
    v128.store(to, vectorOf(x3, d, half), 48)
    v128.store(to, vectorOf(x4, d, half), 64)
    v128.store(to, vectorOf(x5, d, half), 80)
    to += 96
  }
}

/** Six texts, from `begin` to `end` of the width. */
function block(
  at: usize,
  lane: usize,
  begin: usize,
  end: usize,
  bytes: usize,
  columns: usize,
  last: usize,
  half: bool,
  scratch: usize,
  scales: usize,
): void {
  const x0 = <usize>load<u32>(at)
  const x1 = <usize>load<u32>(at, 4)
  const x2 = <usize>load<u32>(at, 8)
  const x3 = <usize>load<u32>(at, 12)
  const x4 = <usize>load<u32>(at, 16)
  const x5 = <usize>load<u32>(at, 20)
  for (let d = begin; d < end; d += CHUNK) {
    const length = min(CHUNK, bytes - d)
    if (half) packChunk(x0, x1, x2, x3, x4, x5, d, length, true, scratch)
    else packChunk(x0, x1, x2, x3, x4, x5, d, length, false, scratch)
    for (let c = columns; c <= last; c += 24) {
      const next = c < last ? c + 12 : c
      let u = <usize>load<u32>(c) + d
      let v = <usize>load<u32>(next) + d
      let u0 = f32x4.splat(0)
      let u1 = u0
      let u2 = u0
      let u3 = u0
      let u4 = u0
      let u5 = u0
      let v0 = u0
      let v1 = u0
      let v2 = u0
      let v3 = u0
      let v4 = u0
      let v5 = u0
      let packed = scratch
      let a = u0
      let b = u0
      let x = u0
      for (const stop = u + length; u != stop; u += 32) {
        a = v128.load(u)
        b = v128.load(v)
        x = v128.load(packed)
        u0 = madd(x, a, u0)
        v0 = madd(x, b, v0)
        x = v128.load(packed, 16)
        u1 = madd(x, a, u1)
        v1 = madd(x, b, v1)
        x = v128.load(packed, 32)
        u2 = madd(x, a, u2)
        v2 = madd(x, b, v2)
        x = v128.load(packed, 48)
        u3 = madd(x, a, u3)
        v3 = madd(x, b, v3)
        x = v128.load(packed, 64)
        u4 = madd(x, a, u4)
        v4 = madd(x, b, v4)
        x = v128.load(packed, 80)
        u5 = madd(x, a, u5)
        v5 = madd(x, b, v5)
        a = v128.load(u, 16)
        b = v128.load(v, 16)
        x = v128.load(packed, 96)
        u0 = madd(x, a, u0)
        v0 = madd(x, b, v0)
        x = v128.load(packed, 112)
        u1 = madd(x, a, u1)
        v1 = madd(x, b, v1)
        x = v128.load(packed, 128)
        u2 = madd(x, a, u2)
        v2 = madd(x, b, v2)
        x = v128.load(packed, 144)
        u3 = madd(x, a, u3)
        v3 = madd(x, b, v3)
        x = v128.load(packed, 160)
        u4 = madd(x, a, u4)
        v4 = madd(x, b, v4)
        x = v128.load(packed, 176)
        u5 = madd(x, a, u5)
        v5 = madd(x, b, v5)
        v += 32
        packed += 192
      }
      finish(u0, u1, u2, u3, u4, u5, v0, v1, v2, v3, v4, v5, c, next, lane, d, d + length == bytes, scales)
    }
  }
}

/** The same by few weight rows: the vectors are multiplied where they stand. */
function blockInPlace(at: usize, lane: usize, bytes: usize, columns: usize, last: usize, scales: usize): void {
  for (let d: usize = 0; d < bytes; d += CHUNK) {
    const length = min(CHUNK, bytes - d)
    for (let c = columns; c <= last; c += 24) {
      const next = c < last ? c + 12 : c
      let u = <usize>load<u32>(c) + d
      let v = <usize>load<u32>(next) + d
      let x0 = <usize>load<u32>(at) + d
      let x1 = <usize>load<u32>(at, 4) + d
      let x2 = <usize>load<u32>(at, 8) + d
      let x3 = <usize>load<u32>(at, 12) + d
      let x4 = <usize>load<u32>(at, 16) + d
      let x5 = <usize>load<u32>(at, 20) + d
      let u0 = f32x4.splat(0)
      let u1 = u0
      let u2 = u0
      let u3 = u0
      let u4 = u0
      let u5 = u0
      let v0 = u0
      let v1 = u0
      let v2 = u0
      let v3 = u0
      let v4 = u0
      let v5 = u0
      let a = u0
      let b = u0
      let x = u0
      for (const stop = u + length; u != stop; u += 64) {
        a = v128.load(u)
        b = v128.load(v)
        x = v128.load(x0)
        u0 = madd(x, a, u0)
        v0 = madd(x, b, v0)
        x = v128.load(x1)
        u1 = madd(x, a, u1)
        v1 = madd(x, b, v1)
        x = v128.load(x2)
        u2 = madd(x, a, u2)
        v2 = madd(x, b, v2)
        x = v128.load(x3)
        u3 = madd(x, a, u3)
        v3 = madd(x, b, v3)
        x = v128.load(x4)
        u4 = madd(x, a, u4)
        v4 = madd(x, b, v4)
        x = v128.load(x5)
        u5 = madd(x, a, u5)
        v5 = madd(x, b, v5)
        a = v128.load(u, 16)
        b = v128.load(v, 16)
        x = v128.load(x0, 16)
        u0 = madd(x, a, u0)
        v0 = madd(x, b, v0)
        x = v128.load(x1, 16)
        u1 = madd(x, a, u1)
        v1 = madd(x, b, v1)
        x = v128.load(x2, 16)
        u2 = madd(x, a, u2)
        v2 = madd(x, b, v2)
        x = v128.load(x3, 16)
        u3 = madd(x, a, u3)
        v3 = madd(x, b, v3)
        x = v128.load(x4, 16)
        u4 = madd(x, a, u4)
        v4 = madd(x, b, v4)
        x = v128.load(x5, 16)
        u5 = madd(x, a, u5)
        v5 = madd(x, b, v5)
        a = v128.load(u, 32)
        b = v128.load(v, 32)
        x = v128.load(x0, 32)
        u0 = madd(x, a, u0)
        v0 = madd(x, b, v0)
        x = v128.load(x1, 32)
        u1 = madd(x, a, u1)
        v1 = madd(x, b, v1)
        x = v128.load(x2, 32)
        u2 = madd(x, a, u2)
        v2 = madd(x, b, v2)
        x = v128.load(x3, 32)
        u3 = madd(x, a, u3)
        v3 = madd(x, b, v3)
        x = v128.load(x4, 32)
        u4 = madd(x, a, u4)
        v4 = madd(x, b, v4)
        x = v128.load(x5, 32)
        u5 = madd(x, a, u5)
        v5 = madd(x, b, v5)
        a = v128.load(u, 48)
        b = v128.load(v, 48)
        x = v128.load(x0, 48)
        u0 = madd(x, a, u0)
        v0 = madd(x, b, v0)
        x = v128.load(x1, 48)
        u1 = madd(x, a, u1)
        v1 = madd(x, b, v1)
        x = v128.load(x2, 48)
        u2 = madd(x, a, u2)
        v2 = madd(x, b, v2)
        x = v128.load(x3, 48)
        u3 = madd(x, a, u3)
        v3 = madd(x, b, v3)
        x = v128.load(x4, 48)
        u4 = madd(x, a, u4)
        v4 = madd(x, b, v4)
        x = v128.load(x5, 48)
        u5 = madd(x, a, u5)
        v5 = madd(x, b, v5)
        v += 64
        x0 += 64
        x1 += 64
        x2 += 64
        x3 += 64
        x4 += 64
        x5 += 64
      }
      finish(u0, u1, u2, u3, u4, u5, v0, v1, v2, v3, v4, v5, c, next, lane, d, d + length == bytes, scales)
    }
  }
}

/** Adds the products of six texts' chunks and two weight rows, which stand in lanes, to those of the chunks before; scale and bias after the last. */
@inline
function finish(
  u0: v128,
  u1: v128,
  u2: v128,
  u3: v128,
  u4: v128,
  u5: v128,
  v0: v128,
  v1: v128,
  v2: v128,
  v3: v128,
  v4: v128,
  v5: v128,
  c: usize,
  next: usize,
  lane: usize,
  d: usize,
  isLast: bool,
  scales: usize,
): void {
  const outU = <usize>load<u32>(c, 4) + lane
  const outV = <usize>load<u32>(next, 4) + lane
  let su = sums(u0, u1, u2, u3)
  let sv = sums(v0, v1, v2, v3)
  // Texts 4 and 5 of both weight rows share a vector: [u4, u5, v4, v5].
  let tail = sums(u4, u5, v4, v5)
  if (d > 0) {
    su = f32x4.add(su, v128.load(outU))
    sv = f32x4.add(sv, v128.load(outV))
    tail = f32x4.add(tail, v128.load_lane<u64>(outV + 16, v128.load64_zero(outU + 16), 1))
  }
  if (isLast) {
    if (scales != 0) {
      const first = v128.load(scales + lane)
      const rest = v128.load64_splat(scales + lane + 16)
      su = f32x4.mul(su, first)
      sv = f32x4.mul(sv, first)
      tail = f32x4.mul(tail, rest)
    }
    const a = v128.load32_splat(<usize>load<u32>(c, 8))
    const b = v128.load32_splat(<usize>load<u32>(next, 8))
    su = f32x4.add(su, a)
    sv = f32x4.add(sv, b)
    tail = f32x4.add(tail, v128.shuffle<f32>(a, b, 0, 1, 4, 5))
  }
  v128.store(outU, su)
  v128.store_lane<u64>(outU + 16, tail, 0)
  v128.store(outV, sv)
  v128.store_lane<u64>(outV + 16, tail, 1)
}

/** Parts of the batch's texts, however many threads there are. */
const PARTS: i32 = 4

/**
 * Σ_i g[c][i] x_i over each part of the texts: what `sumParts` adds up to dw_c, the gradient of `project`'s weights. A thread
 * has the texts that it has just projected, so that it finds their vectors in its own cache.
 *
 * Arguments: 0 addresses of the text vectors, 1 cell of n, 2 list of (gradient row g; output row of the first part; bytes from a part
 * to the next), 3 its length, 4 width, 5 float16, 6 scratch,
 * 7 whether vectors are far: in no cache.
 */
export function projectGrad(args: usize, who: i32, all: i32, thread: i32): void {
  const n = count(args, 1)
  // With more threads than parts, each part's width is divided as well.
  const cuts = max(1, (all + PARTS - 1) / PARTS)
  const units = PARTS * cuts
  for (let unit = shareStart(units, 1, who, all); unit < shareEnd(units, 1, who, all); unit++) {
    const part = unit / cuts
    const cut = unit % cuts
    gradOfPart(args, thread, part, shareStart(n, TEXT_BLOCK, part, PARTS), shareEnd(n, TEXT_BLOCK, part, PARTS), cut, cuts)
  }
}

/** One part's texts, from `start` to `stop`, and one cut of the width. */
function gradOfPart(args: usize, thread: i32, part: i32, start: i32, stop: i32, cut: i32, cuts: i32): void {
  const rows = address(args, 0)
  const columns = address(args, 2)
  const last = columns + <usize>(word(args, 3) - 1) * 12
  const width = word(args, 4)
  const half = word(args, 5) != 0
  const scratch = address(args, 6) + <usize>thread * SCRATCH
  const far = word(args, 7) != 0
  const from = <usize>shareStart(width, WIDTH_BLOCK, cut, cuts) << 2
  const to = <usize>shareEnd(width, WIDTH_BLOCK, cut, cuts) << 2
  if (start >= stop) {
    for (let c = columns; c <= last; c += 12) memory.fill(rowOfPart(c, part) + from, 0, to - from)
    return
  }
  if (far && word(args, 3) <= FEW_FAR_ROWS) {
    fewGradsOfPart(rows, start, stop, from, to, columns, last, part, half, scratch)
    return
  }
  // Gradient rows are read for every slice of the width: of many, as many as stay near take turns.
  const panel = panelOf(NEAR_GRADIENTS, <usize>min(TILE_TEXTS, stop - start) << 2)
  for (let first = columns; first <= last; first += panel)
    for (let i = start; i < stop; i += TILE_TEXTS) {
      const end = min(last, first + panel - 12)
      const until = min(stop, i + TILE_TEXTS)
      let d = from
      for (; d + (SLICE << 4) <= to; d += SLICE << 4)
        gradOfSlice(SLICE, rows, i, until, d, first, end, part, half, scratch, i > start)
      for (; d < to; d += REST << 4) gradOfSlice(REST, rows, i, until, d, first, end, part, half, scratch, i > start)
    }
}

/**
 * One part of few gradient rows. Four texts' vectors are read where they stand, and each of their numbers is multiplied by the gradients of all rows at once, so
 * that memory is read steadily and once. Sums of a tile's texts start from zero and are added to those of the tiles before, as those of many rows are.
 */
function fewGradsOfPart(
  rows: usize,
  start: i32,
  stop: i32,
  from: usize,
  to: usize,
  columns: usize,
  last: usize,
  part: i32,
  half: bool,
  scratch: usize,
): void {
  const rowPairs = ((last - columns) / 12 + 2) >> 1
  const totals = scratch + rowPairs * GRADIENTS
  // The row that makes their number even is never gathered.
  memory.fill(scratch, 0, rowPairs * GRADIENTS)
  const strip = ((SCRATCH - rowPairs * GRADIENTS) / (2 * rowPairs)) & ~31
  for (let i = start; i < stop; i += TILE_TEXTS) {
    const until = min(stop, i + TILE_TEXTS)
    for (let d = from; d < to; d += strip) {
      const end = min(to, d + strip)
      memory.fill(totals, 0, (end - d) * 2 * rowPairs)
      for (let j = i; j < until; j += 4) {
        gatherGradients(columns, last, j, scratch)
        const at = rows + (<usize>j << 2)
        if (half) addFour(at, d, end, scratch, rowPairs, totals, true)
        else addFour(at, d, end, scratch, rowPairs, totals, false)
      }
      let row = totals
      for (let c = columns; c <= last; c += 12) {
        addStrip(row, rowPairs << 6, rowOfPart(c, part), d, end, i > start)
        row += 32
      }
    }
  }
}

/**
 * Four texts' gradients of each of the rows, one row behind the other, each four times: V8 has one instruction for a load at an offset, and two for one that is
 * spread.
 */
@inline
function gatherGradients(columns: usize, last: usize, j: i32, to: usize): void {
  for (let c = columns; c <= last; c += 12) {
    const g = v128.load(<usize>load<u32>(c) + (<usize>j << 2))
    v128.store(to, v128.shuffle<f32>(g, g, 0, 0, 0, 0))
    v128.store(to, v128.shuffle<f32>(g, g, 1, 1, 1, 1), 16)
    v128.store(to, v128.shuffle<f32>(g, g, 2, 2, 2, 2), 32)
    v128.store(to, v128.shuffle<f32>(g, g, 3, 3, 3, 3), 48)
    to += GRADIENTS / 2
  }
}

/** Eight numbers at a time of four texts' vectors, by the gradients of all rows; sums of a row's eight numbers stand behind those of the row before. */
@inline
function addFour(at: usize, d: usize, end: usize, gradients: usize, rowPairs: usize, totals: usize, half: bool): void {
  const x0 = <usize>load<u32>(at)
  const x1 = <usize>load<u32>(at, 4)
  const x2 = <usize>load<u32>(at, 8)
  const x3 = <usize>load<u32>(at, 12)
  for (; d < end; d += 32) {
    const p0 = placeOf(x0, d, half)
    const a0 = half ? widen(v128.load64_zero(p0)) : v128.load(p0)
    const b0 = half ? widen(v128.load64_zero(p0, 8)) : v128.load(p0, 16)
    const p1 = placeOf(x1, d, half)
    const a1 = half ? widen(v128.load64_zero(p1)) : v128.load(p1)
    const b1 = half ? widen(v128.load64_zero(p1, 8)) : v128.load(p1, 16)
    const p2 = placeOf(x2, d, half)
    const a2 = half ? widen(v128.load64_zero(p2)) : v128.load(p2)
    const b2 = half ? widen(v128.load64_zero(p2, 8)) : v128.load(p2, 16)
    const p3 = placeOf(x3, d, half)
    const a3 = half ? widen(v128.load64_zero(p3)) : v128.load(p3)
    const b3 = half ? widen(v128.load64_zero(p3, 8)) : v128.load(p3, 16)
    let g = gradients
    for (const stop = totals + (rowPairs << 6); totals != stop; totals += 64) {
      let u = v128.load(totals)
      let v = v128.load(totals, 16)
      let s = v128.load(totals, 32)
      let t = v128.load(totals, 48)
      let w = v128.load(g)
      u = madd(a0, w, u)
      v = madd(b0, w, v)
      w = v128.load(g, 64)
      s = madd(a0, w, s)
      t = madd(b0, w, t)
      w = v128.load(g, 16)
      u = madd(a1, w, u)
      v = madd(b1, w, v)
      w = v128.load(g, 80)
      s = madd(a1, w, s)
      t = madd(b1, w, t)
      w = v128.load(g, 32)
      u = madd(a2, w, u)
      v = madd(b2, w, v)
      w = v128.load(g, 96)
      s = madd(a2, w, s)
      t = madd(b2, w, t)
      w = v128.load(g, 48)
      u = madd(a3, w, u)
      v = madd(b3, w, v)
      w = v128.load(g, 112)
      s = madd(a3, w, s)
      t = madd(b3, w, t)
      v128.store(totals, u)
      v128.store(totals, v, 16)
      v128.store(totals, s, 32)
      v128.store(totals, t, 48)
      g += GRADIENTS
    }
  }
}

/** A strip of one row's sums, `step` bytes from eight numbers to the next. */
@inline
function addStrip(totals: usize, step: usize, row: usize, d: usize, end: usize, add: bool): void {
  for (; d < end; d += 32) {
    const p = row + d
    let u = v128.load(totals)
    let v = v128.load(totals, 16)
    if (add) {
      u = f32x4.add(u, v128.load(p))
      v = f32x4.add(v, v128.load(p, 16))
    }
    v128.store(p, u)
    v128.store(p, v, 16)
    totals += step
  }
}

/** Some vectors of the width of one text after the other, of a multiple of four texts: beyond the last one gradients are zero. */
@inline
function packSlice(vectors: i32, rows: usize, i: i32, until: i32, d: usize, half: bool, to: usize): void {
  for (let j = i; j < ((until + 3) & ~3); j++) {
    const x = placeOf(<usize>load<u32>(rows + (<usize>j << 2)), d, half)
    v128.store(to, half ? widen(v128.load64_zero(x)) : v128.load(x))
    v128.store(to, half ? widen(v128.load64_zero(x, 8)) : v128.load(x, 16), 16)
    if (vectors == SLICE) {
      v128.store(to, half ? widen(v128.load64_zero(x, 16)) : v128.load(x, 32), 32)
      v128.store(to, half ? widen(v128.load64_zero(x, 24)) : v128.load(x, 48), 48)
      v128.store(to, half ? widen(v128.load64_zero(x, 32)) : v128.load(x, 64), 64)
      v128.store(to, half ? widen(v128.load64_zero(x, 40)) : v128.load(x, 80), 80)
    }
    to += vectors << 4
  }
}

/** Texts `i` to `until`, and some vectors of the width, of two gradient rows at a time; the last of an odd number twice. */
@inline
function gradOfSlice(
  vectors: i32,
  rows: usize,
  i: i32,
  until: i32,
  d: usize,
  columns: usize,
  last: usize,
  part: i32,
  half: bool,
  scratch: usize,
  add: bool,
): void {
  if (half) packSlice(vectors, rows, i, until, d, true, scratch)
  else packSlice(vectors, rows, i, until, d, false, scratch)
  for (let c = columns; c <= last; c += 24) {
    const next = c < last ? c + 12 : c
    let g = <usize>load<u32>(c) + (<usize>i << 2)
    let h = <usize>load<u32>(next) + (<usize>i << 2)
    let u0 = f32x4.splat(0)
    let u1 = u0
    let u2 = u0
    let u3 = u0
    let u4 = u0
    let u5 = u0
    let v0 = u0
    let v1 = u0
    let v2 = u0
    let v3 = u0
    let v4 = u0
    let v5 = u0
    let packed = scratch
    let a = u0
    let b = u0
    let x = u0
    const stop = g + (<usize>((until - i + 3) & ~3) << 2)
    if (vectors == SLICE)
      for (; g != stop; g += 16) {
        a = v128.load32_splat(g)
        b = v128.load32_splat(h)
        x = v128.load(packed)
        u0 = madd(x, a, u0)
        v0 = madd(x, b, v0)
        x = v128.load(packed, 16)
        u1 = madd(x, a, u1)
        v1 = madd(x, b, v1)
        x = v128.load(packed, 32)
        u2 = madd(x, a, u2)
        v2 = madd(x, b, v2)
        x = v128.load(packed, 48)
        u3 = madd(x, a, u3)
        v3 = madd(x, b, v3)
        x = v128.load(packed, 64)
        u4 = madd(x, a, u4)
        v4 = madd(x, b, v4)
        x = v128.load(packed, 80)
        u5 = madd(x, a, u5)
        v5 = madd(x, b, v5)
        a = v128.load32_splat(g, 4)
        b = v128.load32_splat(h, 4)
        x = v128.load(packed, 96)
        u0 = madd(x, a, u0)
        v0 = madd(x, b, v0)
        x = v128.load(packed, 112)
        u1 = madd(x, a, u1)
        v1 = madd(x, b, v1)
        x = v128.load(packed, 128)
        u2 = madd(x, a, u2)
        v2 = madd(x, b, v2)
        x = v128.load(packed, 144)
        u3 = madd(x, a, u3)
        v3 = madd(x, b, v3)
        x = v128.load(packed, 160)
        u4 = madd(x, a, u4)
        v4 = madd(x, b, v4)
        x = v128.load(packed, 176)
        u5 = madd(x, a, u5)
        v5 = madd(x, b, v5)
        a = v128.load32_splat(g, 8)
        b = v128.load32_splat(h, 8)
        x = v128.load(packed, 192)
        u0 = madd(x, a, u0)
        v0 = madd(x, b, v0)
        x = v128.load(packed, 208)
        u1 = madd(x, a, u1)
        v1 = madd(x, b, v1)
        x = v128.load(packed, 224)
        u2 = madd(x, a, u2)
        v2 = madd(x, b, v2)
        x = v128.load(packed, 240)
        u3 = madd(x, a, u3)
        v3 = madd(x, b, v3)
        x = v128.load(packed, 256)
        u4 = madd(x, a, u4)
        v4 = madd(x, b, v4)
        x = v128.load(packed, 272)
        u5 = madd(x, a, u5)
        v5 = madd(x, b, v5)
        a = v128.load32_splat(g, 12)
        b = v128.load32_splat(h, 12)
        x = v128.load(packed, 288)
        u0 = madd(x, a, u0)
        v0 = madd(x, b, v0)
        x = v128.load(packed, 304)
        u1 = madd(x, a, u1)
        v1 = madd(x, b, v1)
        x = v128.load(packed, 320)
        u2 = madd(x, a, u2)
        v2 = madd(x, b, v2)
        x = v128.load(packed, 336)
        u3 = madd(x, a, u3)
        v3 = madd(x, b, v3)
        x = v128.load(packed, 352)
        u4 = madd(x, a, u4)
        v4 = madd(x, b, v4)
        x = v128.load(packed, 368)
        u5 = madd(x, a, u5)
        v5 = madd(x, b, v5)
        h += 16
        packed += 384
      }
    else
      for (; g != stop; g += 4) {
        a = v128.load32_splat(g)
        b = v128.load32_splat(h)
        x = v128.load(packed)
        u0 = madd(x, a, u0)
        v0 = madd(x, b, v0)
        x = v128.load(packed, 16)
        u1 = madd(x, a, u1)
        v1 = madd(x, b, v1)
        h += 4
        packed += 32
      }
    const p = rowOfPart(c, part) + d
    const q = rowOfPart(next, part) + d
    if (add) {
      u0 = f32x4.add(u0, v128.load(p))
      u1 = f32x4.add(u1, v128.load(p, 16))
      v0 = f32x4.add(v0, v128.load(q, 0))
      v1 = f32x4.add(v1, v128.load(q, 16))
      if (vectors == SLICE) {
        u2 = f32x4.add(u2, v128.load(p, 32))
        u3 = f32x4.add(u3, v128.load(p, 48))
        u4 = f32x4.add(u4, v128.load(p, 64))
        u5 = f32x4.add(u5, v128.load(p, 80))
        v2 = f32x4.add(v2, v128.load(q, 32))
        v3 = f32x4.add(v3, v128.load(q, 48))
        v4 = f32x4.add(v4, v128.load(q, 64))
        v5 = f32x4.add(v5, v128.load(q, 80))
      }
    }
    v128.store(p, u0, 0)
    v128.store(p, u1, 16)
    v128.store(q, v0, 0)
    v128.store(q, v1, 16)
    if (vectors == SLICE) {
      v128.store(p, u2, 32)
      v128.store(p, u3, 48)
      v128.store(p, u4, 64)
      v128.store(p, u5, 80)
      v128.store(q, v2, 32)
      v128.store(q, v3, 48)
      v128.store(q, v4, 64)
      v128.store(q, v5, 80)
    }
  }
}

@inline
function rowOfPart(column: usize, part: i32): usize {
  return <usize>load<u32>(column, 4) + <usize>part * <usize>load<u32>(column, 8)
}

/**
 * Adds up the four parts of `projectGrad`, two and two, divided as the optimiser divides the parameters.
 *
 * Arguments: 0 the flat gradient, 1 its length in numbers, 2 first number of the parameter in it, 3 numbers, 4 first part,
 * 5 bytes from a part to the next.
 */
export function sumParts(args: usize, thread: i32, threads: i32): void {
  const length = word(args, 1)
  const first = word(args, 2)
  const from = max(first, shareStart(length, FLAT_BLOCK, thread, threads))
  const to = min(first + word(args, 3), shareEnd(length, FLAT_BLOCK, thread, threads))
  const out = address(args, 0)
  const step = address(args, 5)
  let part = address(args, 4) + (<usize>max(0, from - first) << 2)
  for (let at = from; at < to; at += 4) {
    const first2 = f32x4.add(v128.load(part), v128.load(part + step))
    const last2 = f32x4.add(v128.load(part + 2 * step), v128.load(part + 3 * step))
    v128.store(out + (<usize>at << 2), f32x4.add(first2, last2))
    part += 16
  }
}

/**
 * A small linear layer on columns: out[o][b] = bias_o + Σ_i w[o][i] in[i][b].
 *
 * Arguments: 0 w [O, I], 1 bias or 0, 2 in [I, stride], 3 its stride in numbers, 4 I, 5 out, 6 its stride, 7 O,
 * 8 cell of n, 9 block of a share.
 */
export function linear(args: usize, thread: i32, threads: i32): void {
  const weight = address(args, 0)
  const bias = address(args, 1)
  const input = address(args, 2)
  const inStride = <usize>word(args, 3) << 2
  const inputs = word(args, 4)
  const out = address(args, 5)
  const outStride = <usize>word(args, 6) << 2
  const outputs = word(args, 7)
  const n = count(args, 8)
  const from = shareStart(n, word(args, 9), thread, threads)
  const to = shareEnd(n, word(args, 9), thread, threads)
  for (let b = from; b < to; b += 4) {
    const lane = <usize>b << 2
    for (let o = 0; o < outputs; o += 4) {
      // Beyond the last output the last one is computed again.
      const o1 = min(o + 1, outputs - 1)
      const o2 = min(o + 2, outputs - 1)
      const o3 = min(o + 3, outputs - 1)
      const w0 = weight + ((<usize>o * inputs) << 2)
      const w1 = weight + ((<usize>o1 * inputs) << 2)
      const w2 = weight + ((<usize>o2 * inputs) << 2)
      const w3 = weight + ((<usize>o3 * inputs) << 2)
      let s0 = bias == 0 ? f32x4.splat(0) : v128.load32_splat(bias + (<usize>o << 2))
      let s1 = bias == 0 ? s0 : v128.load32_splat(bias + (<usize>o1 << 2))
      let s2 = bias == 0 ? s0 : v128.load32_splat(bias + (<usize>o2 << 2))
      let s3 = bias == 0 ? s0 : v128.load32_splat(bias + (<usize>o3 << 2))
      let x = input + lane
      for (let i: usize = 0; i < <usize>inputs << 2; i += 4) {
        const v = v128.load(x)
        s0 = madd(v, v128.load32_splat(w0 + i), s0)
        s1 = madd(v, v128.load32_splat(w1 + i), s1)
        s2 = madd(v, v128.load32_splat(w2 + i), s2)
        s3 = madd(v, v128.load32_splat(w3 + i), s3)
        x += inStride
      }
      v128.store(out + <usize>o * outStride + lane, s0)
      v128.store(out + <usize>o1 * outStride + lane, s1)
      v128.store(out + <usize>o2 * outStride + lane, s2)
      v128.store(out + <usize>o3 * outStride + lane, s3)
    }
  }
}

/**
 * gin[i][b] = Σ_o w[o][i] g[o][b].
 *
 * Arguments: 0 w [O, I], 1 g [O, stride], 2 its stride, 3 O, 4 gin, 5 its stride, 6 I, 7 cell of n, 8 block.
 */
export function linearInputGrad(args: usize, thread: i32, threads: i32): void {
  const weight = address(args, 0)
  const grad = address(args, 1)
  const gradStride = <usize>word(args, 2) << 2
  const outputs = word(args, 3)
  const out = address(args, 4)
  const outStride = <usize>word(args, 5) << 2
  const inputs = word(args, 6)
  const n = count(args, 7)
  const from = shareStart(n, word(args, 8), thread, threads)
  const to = shareEnd(n, word(args, 8), thread, threads)
  const rowBytes = <usize>inputs << 2
  for (let b = from; b < to; b += 4) {
    const lane = <usize>b << 2
    for (let i = 0; i < inputs; i++) {
      let w = weight + (<usize>i << 2)
      let g = grad + lane
      let sum = f32x4.splat(0)
      for (let o = 0; o < outputs; o++) {
        sum = madd(v128.load(g), v128.load32_splat(w), sum)
        g += gradStride
        w += rowBytes
      }
      v128.store(out + <usize>i * outStride + lane, sum)
    }
  }
}

/**
 * dw[o][i] (+)= Σ_b g[o][b] in[i][b]; g is zero from n up to a multiple of 4.
 *
 * Arguments: 0 dw [O, I], 1 g [O, stride], 2 its stride, 3 O, 4 in [I, stride], 5 its stride, 6 I, 7 cell of n,
 * 8 whether to add to dw.
 */
export function linearWeightGrad(args: usize, thread: i32, threads: i32): void {
  const out = address(args, 0)
  const grad = address(args, 1)
  const gradStride = <usize>word(args, 2) << 2
  const outputs = word(args, 3)
  const input = address(args, 4)
  const inStride = <usize>word(args, 5) << 2
  const inputs = word(args, 6)
  const bytes = (<usize>count(args, 7) << 2) + 15 & ~15
  const add = word(args, 8) != 0
  const from = shareStart(inputs, 4, thread, threads)
  const to = shareEnd(inputs, 4, thread, threads)
  for (let i = from; i < to; i += 4) {
    const x0 = input + <usize>i * inStride
    const x1 = input + <usize>min(i + 1, to - 1) * inStride
    const x2 = input + <usize>min(i + 2, to - 1) * inStride
    const x3 = input + <usize>min(i + 3, to - 1) * inStride
    for (let o = 0; o < outputs; o++) {
      const g = grad + <usize>o * gradStride
      let s0 = f32x4.splat(0)
      let s1 = s0
      let s2 = s0
      let s3 = s0
      for (let at: usize = 0; at < bytes; at += 16) {
        const v = v128.load(g + at)
        s0 = madd(v, v128.load(x0 + at), s0)
        s1 = madd(v, v128.load(x1 + at), s1)
        s2 = madd(v, v128.load(x2 + at), s2)
        s3 = madd(v, v128.load(x3 + at), s3)
      }
      const total = sums(s0, s1, s2, s3)
      const w = out + ((<usize>o * inputs + i) << 2)
      const rest = to - i
      put(w, f32x4.extract_lane(total, 0), add)
      if (rest > 1) put(w + 4, f32x4.extract_lane(total, 1), add)
      if (rest > 2) put(w + 8, f32x4.extract_lane(total, 2), add)
      if (rest > 3) put(w + 12, f32x4.extract_lane(total, 3), add)
    }
  }
}

@inline
function put(at: usize, value: f32, add: bool): void {
  store<f32>(at, add ? load<f32>(at) + value : value)
}

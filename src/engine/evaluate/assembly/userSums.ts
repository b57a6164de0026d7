/**
 * Sums over users in many resamples, which are the same to the last bit as when they are formed one after the other: each is added up user by
 * user, a product is rounded before it is added, and only resamples stand side by side.
 */

/** Resamples whose draws of a user stand one behind the other, and are summed at once. */
export const BLOCK: i32 = 8

/**
 * out[0][r] = Σ draws[u][r] · values[u][0] over some users, and out[1][r] likewise: a draw is made a float64 once for both.
 *
 * @param draws [blocks, all users, BLOCK] bytes
 * @param blockBytes of a block's draws
 * @param users [n] where their draws stand in a block
 * @param values [n, 2]
 * @param out [2, blocks · BLOCK]
 */
export function sumTwo(
  draws: usize,
  blockBytes: usize,
  blocks: usize,
  users: usize,
  n: usize,
  values: usize,
  out: usize,
): void {
  const last = users + (n << 2)
  const between = blocks << 6
  for (let block: usize = 0; block < blocks; block++) {
    let x0 = f64x2.splat(0)
    let x1 = x0
    let x2 = x0
    let x3 = x0
    let y0 = x0
    let y1 = x0
    let y2 = x0
    let y3 = x0
    let value = values
    for (let user = users; user < last; user += 4) {
      const words = v128.load_ext<u8>(draws + <usize>load<u32>(user))
      const low = i32x4.extend_low_i16x8_u(words)
      const high = i32x4.extend_high_i16x8_u(words)
      const d0 = f64x2.convert_low_i32x4_s(low)
      const d1 = f64x2.convert_low_i32x4_s(upper(low))
      const d2 = f64x2.convert_low_i32x4_s(high)
      const d3 = f64x2.convert_low_i32x4_s(upper(high))
      const x = v128.load64_splat(value)
      const y = v128.load64_splat(value, 8)
      x0 = f64x2.add(x0, f64x2.mul(d0, x))
      y0 = f64x2.add(y0, f64x2.mul(d0, y))
      x1 = f64x2.add(x1, f64x2.mul(d1, x))
      y1 = f64x2.add(y1, f64x2.mul(d1, y))
      x2 = f64x2.add(x2, f64x2.mul(d2, x))
      y2 = f64x2.add(y2, f64x2.mul(d2, y))
      x3 = f64x2.add(x3, f64x2.mul(d3, x))
      y3 = f64x2.add(y3, f64x2.mul(d3, y))
      value += 16
    }
    storeBlock(out, x0, x1, x2, x3)
    storeBlock(out + between, y0, y1, y2, y3)
    out += 64
    draws += blockBytes
  }
}

/** `sumTwo` of one value a user: values [n], out [blocks · BLOCK]. */
export function sumOne(
  draws: usize,
  blockBytes: usize,
  blocks: usize,
  users: usize,
  n: usize,
  values: usize,
  out: usize,
): void {
  const last = users + (n << 2)
  for (let block: usize = 0; block < blocks; block++) {
    let x0 = f64x2.splat(0)
    let x1 = x0
    let x2 = x0
    let x3 = x0
    let value = values
    for (let user = users; user < last; user += 4) {
      const words = v128.load_ext<u8>(draws + <usize>load<u32>(user))
      const low = i32x4.extend_low_i16x8_u(words)
      const high = i32x4.extend_high_i16x8_u(words)
      const x = v128.load64_splat(value)
      x0 = f64x2.add(x0, f64x2.mul(f64x2.convert_low_i32x4_s(low), x))
      x1 = f64x2.add(x1, f64x2.mul(f64x2.convert_low_i32x4_s(upper(low)), x))
      x2 = f64x2.add(x2, f64x2.mul(f64x2.convert_low_i32x4_s(high), x))
      x3 = f64x2.add(x3, f64x2.mul(f64x2.convert_low_i32x4_s(upper(high)), x))
      value += 8
    }
    storeBlock(out, x0, x1, x2, x3)
    out += 64
    draws += blockBytes
  }
}

/** The upper half, twice. */
@inline
function upper(words: v128): v128 {
  return v128.shuffle<i64>(words, words, 1, 1)
}

@inline
function storeBlock(to: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(to, a)
  v128.store(to, b, 16)
  v128.store(to, c, 32)
  v128.store(to, d, 48)
}

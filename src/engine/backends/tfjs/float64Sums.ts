/**
 * Sums in float64 over float32 values. Gradients of pairs that stand reversed, and of centred difficulties, nearly
 * cancel; Adam scales what is left up to full steps, and what is left must not be rounding.
 */

/** out[s] = Σ x[i] over the rows i with ids[i] = s. */
export function sumSegments(x: Float32Array, ids: Int32Array, out: Float32Array): void {
  const sums = new Float64Array(out.length)
  const width = ids.length === 0 ? 0 : x.length / ids.length
  for (let i = 0; i < ids.length; i++) {
    const from = i * width
    const to = ids[i]! * width
    for (let k = 0; k < width; k++) sums[to + k]! += x[from + k]!
  }
  out.set(sums)
}

/** Sums [outer, reduced, inner] over its middle into out [outer, inner]. */
export function sumMiddle(x: Float32Array, inner: number, out: Float32Array): void {
  const outer = inner === 0 ? 0 : out.length / inner
  const reduced = out.length === 0 ? 0 : x.length / out.length
  const sums = new Float64Array(inner)
  for (let o = 0; o < outer; o++) {
    sums.fill(0)
    for (let r = 0; r < reduced; r++) {
      const from = (o * reduced + r) * inner
      for (let i = 0; i < inner; i++) sums[i]! += x[from + i]!
    }
    out.set(sums, o * inner)
  }
}

/** out [M, N] = a [M, K] · b [N, K]ᵀ. Two rows of each at a time, so that every value loaded is used twice. */
export function multiplyTransposed(
  a: Float32Array,
  b: Float32Array,
  M: number,
  N: number,
  K: number,
  out: Float32Array,
): void {
  for (let i = 0; i < M; i += 2) {
    const a0 = i * K
    const a1 = i + 1 < M ? a0 + K : a0
    for (let j = 0; j < N; j += 2) {
      const b0 = j * K
      const b1 = j + 1 < N ? b0 + K : b0
      let s00 = 0
      let s01 = 0
      let s10 = 0
      let s11 = 0
      for (let k = 0; k < K; k++) {
        const x0 = a[a0 + k]!
        const x1 = a[a1 + k]!
        const y0 = b[b0 + k]!
        const y1 = b[b1 + k]!
        s00 += x0 * y0
        s01 += x0 * y1
        s10 += x1 * y0
        s11 += x1 * y1
      }
      out[i * N + j] = s00
      if (j + 1 < N) out[i * N + j + 1] = s01
      if (i + 1 < M) out[(i + 1) * N + j] = s10
      if (i + 1 < M && j + 1 < N) out[(i + 1) * N + j + 1] = s11
    }
  }
}

/**
 * out [M, N] = A · b [K, N], where A(i, k) = a[i·rowStride + k·columnStride]: A as it stands or transposed. Four rows of
 * b at a time, so that the sums are read and written a quarter as often.
 */
export function multiply(
  a: Float32Array,
  rowStride: number,
  columnStride: number,
  b: Float32Array,
  M: number,
  N: number,
  K: number,
  out: Float32Array,
): void {
  const sums = new Float64Array(N)
  for (let i = 0; i < M; i++) {
    sums.fill(0)
    const row = i * rowStride
    let k = 0
    for (; k + 3 < K; k += 4) {
      const f0 = a[row + k * columnStride]!
      const f1 = a[row + (k + 1) * columnStride]!
      const f2 = a[row + (k + 2) * columnStride]!
      const f3 = a[row + (k + 3) * columnStride]!
      const b0 = k * N
      const b1 = b0 + N
      const b2 = b1 + N
      const b3 = b2 + N
      for (let j = 0; j < N; j++) sums[j]! += f0 * b[b0 + j]! + f1 * b[b1 + j]! + f2 * b[b2 + j]! + f3 * b[b3 + j]!
    }
    for (; k < K; k++) {
      const f = a[row + k * columnStride]!
      const from = k * N
      for (let j = 0; j < N; j++) sums[j]! += f * b[from + j]!
    }
    out.set(sums, i * N)
  }
}

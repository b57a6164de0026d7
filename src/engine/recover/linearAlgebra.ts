/** A dense matrix in float64, row-major. */
export interface Matrix64 {
  readonly rows: number
  readonly columns: number
  readonly values: Float64Array
}

export function matrix(rows: number, columns: number, values = new Float64Array(rows * columns)): Matrix64 {
  return { rows, columns, values }
}

export function transpose({ rows, columns, values }: Matrix64): Matrix64 {
  const out = matrix(columns, rows)
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out.values[c * rows + r] = values[r * columns + c]!
  return out
}

/** aᵀ b, [a.columns, b.columns]. */
export function crossProduct(a: Matrix64, b: Matrix64): Matrix64 {
  const out = matrix(a.columns, b.columns)
  for (let row = 0; row < a.rows; row++) {
    for (let i = 0; i < a.columns; i++) {
      const left = a.values[row * a.columns + i]!
      for (let j = 0; j < b.columns; j++) out.values[i * b.columns + j]! += left * b.values[row * b.columns + j]!
    }
  }
  return out
}

/** a b, [a.rows, b.columns]. */
export function product(a: Matrix64, b: Matrix64): Matrix64 {
  return crossProduct(transpose(a), b)
}

/** The matrix less the mean of each column. */
export function centreColumns({ rows, columns, values }: Matrix64): Matrix64 {
  const out = matrix(rows, columns, Float64Array.from(values))
  for (let c = 0; c < columns; c++) {
    let sum = 0
    for (let r = 0; r < rows; r++) sum += values[r * columns + c]!
    for (let r = 0; r < rows; r++) out.values[r * columns + c]! -= sum / rows
  }
  return out
}

export interface Svd {
  /** [rows, n] orthonormal columns, n = min(rows, columns). */
  readonly u: Matrix64
  /** Falling singular values. */
  readonly s: Float64Array
  /** [columns, n] orthonormal columns. */
  readonly v: Matrix64
}

/** Columns this close to orthogonal are left alone. */
const ORTHOGONAL = 1e-14
/** Quadratic convergence needs about ten. */
const MAX_SWEEPS = 60

/**
 * Singular value decomposition a = u diag(s) vᵀ by one-sided Jacobi rotations (Hestenes, 1958), which finds small singular
 * values to full relative accuracy. Cost: some ten times rows · columns², columns being the smaller side.
 */
export function svd(a: Matrix64): Svd {
  if (a.columns > a.rows) {
    const { u, s, v } = svd(transpose(a))
    return { u: v, s, v: u }
  }
  const n = a.columns
  // Columns lie together in memory: they are rotated in pairs.
  const work = transpose(a).values
  const right = new Float64Array(n * n)
  for (let i = 0; i < n; i++) right[i * n + i] = 1
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let rotated = false
    for (let p = 0; p < n - 1; p++)
      for (let q = p + 1; q < n; q++) if (rotate(work, right, a.rows, n, p, q)) rotated = true
    if (!rotated) break
  }
  return sorted(work, right, a.rows, n)
}

/** Makes columns p and q orthogonal. @returns whether they were not */
function rotate(work: Float64Array, right: Float64Array, rows: number, n: number, p: number, q: number): boolean {
  const at = p * rows
  const bt = q * rows
  let alpha = 0
  let beta = 0
  let gamma = 0
  for (let i = 0; i < rows; i++) {
    const x = work[at + i]!
    const y = work[bt + i]!
    alpha += x * x
    beta += y * y
    gamma += x * y
  }
  if (gamma === 0 || Math.abs(gamma) <= ORTHOGONAL * Math.sqrt(alpha * beta)) return false
  const zeta = (beta - alpha) / (2 * gamma)
  const t = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.hypot(1, zeta))
  const c = 1 / Math.hypot(1, t)
  turn(work, at, bt, rows, c, c * t)
  turn(right, p * n, q * n, n, c, c * t)
  return true
}

function turn(values: Float64Array, at: number, bt: number, length: number, c: number, s: number): void {
  for (let i = 0; i < length; i++) {
    const x = values[at + i]!
    const y = values[bt + i]!
    values[at + i] = c * x - s * y
    values[bt + i] = s * x + c * y
  }
}

function sorted(work: Float64Array, right: Float64Array, rows: number, n: number): Svd {
  const lengths = Array.from({ length: n }, (_, j) => Math.hypot(...chunkNorms(work, j * rows, rows)))
  const order = lengths.map((_, j) => j).sort((i, j) => lengths[j]! - lengths[i]!)
  const u = matrix(rows, n)
  const v = matrix(n, n)
  const s = Float64Array.from(order, (j) => lengths[j]!)
  order.forEach((from, to) => {
    const length = lengths[from]!
    for (let i = 0; i < rows; i++) u.values[i * n + to] = length > 0 ? work[from * rows + i]! / length : 0
    for (let i = 0; i < n; i++) v.values[i * n + to] = right[from * n + i]!
  })
  return { u, s, v }
}

/** Norms of pieces, so that neither a call with a million arguments nor an overflow can happen. */
function chunkNorms(values: Float64Array, from: number, length: number): number[] {
  const norms: number[] = []
  for (let i = 0; i < length; i += 1024)
    norms.push(Math.hypot(...values.subarray(from + i, from + Math.min(i + 1024, length))))
  return norms
}

/** How many of falling singular values are more than rounding. */
export function rankOf(s: Float64Array, rows: number, columns: number): number {
  const smallest = (s[0] ?? 0) * Math.max(rows, columns) * Number.EPSILON
  return s.findIndex((value) => value <= smallest) < 0 ? s.length : s.findIndex((value) => value <= smallest)
}

/** The first `count` columns. */
export function leading({ rows, columns, values }: Matrix64, count: number): Matrix64 {
  const out = matrix(rows, count)
  for (let r = 0; r < rows; r++) for (let c = 0; c < count; c++) out.values[r * count + c] = values[r * columns + c]!
  return out
}

/** Pearson's correlation; 0 where one side does not vary. */
export function correlation(a: Float64Array, b: Float64Array): number {
  const n = a.length
  let meanA = 0
  let meanB = 0
  for (let i = 0; i < n; i++) {
    meanA += a[i]! / n
    meanB += b[i]! / n
  }
  let ab = 0
  let aa = 0
  let bb = 0
  for (let i = 0; i < n; i++) {
    const x = a[i]! - meanA
    const y = b[i]! - meanB
    ab += x * y
    aa += x * x
    bb += y * y
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb)
}

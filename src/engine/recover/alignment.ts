import type { Alignment } from '../../shared/domain/recovery'
import { quantile } from '../statistics/resample'
import {
  centreColumns,
  crossProduct,
  leading,
  matrix,
  product,
  rankOf,
  svd,
  transpose,
  type Matrix64,
} from './linearAlgebra'

/**
 * How alike the true users' vectors [U, A] and the learned ones [U, L] are, whatever basis either stands in. Both are
 * centred over users first: what everybody has in common is another matter.
 */
export function align(truth: Matrix64, learned: Matrix64): Alignment {
  const x = centreColumns(truth)
  const y = centreColumns(learned)
  const canonical = canonicalCorrelations(x, y)
  const { r, aligned } = procrustes(x, y)
  return {
    angles: principalAngles(x, y),
    canonical,
    mean_canonical: canonical.reduce((sum, value) => sum + value, 0) / Math.max(1, canonical.length),
    procrustes_r: r,
    disparity: 1 - r * r,
    cosine: quartiles(cosines(x, aligned)),
  }
}

/** An orthonormal basis of the space that the columns span: [rows, rank]. */
function basis(a: Matrix64): Matrix64 {
  const { u, s } = svd(a)
  return leading(u, rankOf(s, a.rows, a.columns))
}

/** Cosines of the principal angles, largest first: the singular values of Qxᵀ Qy (Björck and Golub, 1973). */
function canonicalCorrelations(x: Matrix64, y: Matrix64): number[] {
  const inner = crossProduct(basis(x), basis(y))
  if (inner.columns === 0 || inner.rows === 0) return []
  return Array.from(svd(inner).s, (value) => Math.min(1, value))
}

/**
 * Principal angles in degrees, smallest first. The cosine of a small angle has lost its digits, so that angles below 45°
 * come from the sine: the singular values of Qy − Qx Qxᵀ Qy, as in Knyazev and Argentati (2002).
 */
function principalAngles(x: Matrix64, y: Matrix64): number[] {
  let qx = basis(x)
  let qy = basis(y)
  if (qx.columns < qy.columns) [qx, qy] = [qy, qx]
  if (qy.columns === 0) return []
  const inner = crossProduct(qx, qy)
  const cosine = svd(inner).s
  const rest = matrix(qy.rows, qy.columns, Float64Array.from(qy.values))
  const inside = product(qx, inner)
  for (let i = 0; i < rest.values.length; i++) rest.values[i]! -= inside.values[i]!
  const sine = Array.from(svd(rest).s).reverse()
  return Array.from(cosine, (cos, i) => {
    const sin = Math.min(1, sine[i]!)
    const radians = cos * cos >= 0.5 ? Math.asin(sin) : Math.acos(Math.min(1, cos))
    return (180 / Math.PI) * radians
  })
}

/**
 * Orthogonal Procrustes with scale: of all rotations and reflections R and scales k the one with the least
 * ‖X − k Y R‖, for X and Y of Frobenius norm 1. R = V Uᵀ of XᵀY = U S Vᵀ, k = r = ΣS.
 */
function procrustes(x: Matrix64, y: Matrix64): { r: number; aligned: Matrix64 } {
  const X = normalised(x)
  const Y = normalised(padded(y, x.columns))
  const padX = padded(X, Y.columns)
  const { u, s, v } = svd(crossProduct(padX, Y))
  const r = Math.min(
    1,
    s.reduce((sum, value) => sum + value, 0),
  )
  return { r, aligned: product(Y, product(v, transpose(u))) }
}

/** At least `columns` columns, the new ones 0. */
function padded(a: Matrix64, columns: number): Matrix64 {
  if (a.columns >= columns) return a
  const out = matrix(a.rows, columns)
  for (let r = 0; r < a.rows; r++) out.values.set(a.values.subarray(r * a.columns, (r + 1) * a.columns), r * columns)
  return out
}

function normalised({ rows, columns, values }: Matrix64): Matrix64 {
  const norm = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
  return matrix(
    rows,
    columns,
    values.map((value) => (norm > 0 ? value / norm : 0)),
  )
}

/** Of each user's two vectors; 0 where one of them is 0. */
function cosines(x: Matrix64, y: Matrix64): number[] {
  return Array.from({ length: x.rows }, (_, row) => {
    let xy = 0
    let xx = 0
    let yy = 0
    for (let c = 0; c < y.columns; c++) {
      const a = c < x.columns ? x.values[row * x.columns + c]! : 0
      const b = y.values[row * y.columns + c]!
      xy += a * b
      xx += a * a
      yy += b * b
    }
    return xx === 0 || yy === 0 ? 0 : xy / Math.sqrt(xx * yy)
  })
}

function quartiles(values: number[]): Alignment['cosine'] {
  const ordered = values.sort((a, b) => a - b)
  return { lower: quantile(ordered, 0.25), median: quantile(ordered, 0.5), upper: quantile(ordered, 0.75) }
}

import { centreColumns, matrix, svd } from '../recover/linearAlgebra'

export interface Plane {
  /** [rows] places along the first and the second principal axis. */
  x: number[]
  y: number[]
  /** Shares of the variance along both; 0 where nothing varies. */
  explained: [number, number]
}

/**
 * Rows in the plane of their first two principal components. The sign of an axis is free: its largest loading is made positive, so
 * that the same vectors give the same picture.
 *
 * @param vectors [rows, dimensions] row-major
 */
export function principalAxes(vectors: Float32Array, dimensions: number): Plane {
  const rows = dimensions === 0 ? 0 : vectors.length / dimensions
  if (rows === 0) return { x: [], y: [], explained: [0, 0] }
  const { u, s, v } = svd(centreColumns(matrix(rows, dimensions, Float64Array.from(vectors))))
  const total = s.reduce((sum, value) => sum + value ** 2, 0)
  const axis = (at: number): number[] => {
    const size = s[at]
    if (size === undefined) return new Array<number>(rows).fill(0)
    const loadings = Array.from({ length: dimensions }, (_, k) => v.values[k * v.columns + at]!)
    const largest = loadings.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0)
    const sign = largest < 0 ? -1 : 1
    return Array.from({ length: rows }, (_, row) => sign * size * u.values[row * u.columns + at]!)
  }
  const share = (at: number): number => (total > 0 ? (s[at] ?? 0) ** 2 / total : 0)
  return { x: axis(0), y: axis(1), explained: [share(0), share(1)] }
}

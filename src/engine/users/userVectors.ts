import type { UserDetail } from '../../shared/domain/users'
import { quantile } from '../statistics/resample'

/** What users bring to δ: [users, dimensions] row-major, the users whom training knows. */
export interface UserVectors {
  dimensions: number
  values: Float32Array
}

const users = ({ dimensions, values }: UserVectors): number => values.length / dimensions

/** [dimensions] means over users. */
export function meanVector(vectors: UserVectors): Float64Array {
  const { dimensions, values } = vectors
  const sums = new Float64Array(dimensions)
  for (const [at, value] of values.entries()) sums[at % dimensions]! += value
  return sums.map((sum) => sum / users(vectors))
}

/** A vector, number by number, against those of all users. */
export function againstAll(vectors: UserVectors, own: ArrayLike<number>): NonNullable<UserDetail['vector']> {
  const { dimensions, values } = vectors
  const means = meanVector(vectors)
  return Array.from({ length: dimensions }, (_, k) => {
    const column = Float64Array.from({ length: users(vectors) }, (_, user) => values[user * dimensions + k]!).sort()
    const value = own[k]!
    return {
      value,
      mean: means[k]!,
      low: quantile(column, 0.05),
      high: quantile(column, 0.95),
      rank: column.filter((other) => other < value).length / column.length,
    }
  })
}

/** Users nearest to one of them, by Euclidean distance once each number is divided by its standard deviation over users. */
export function nearestUsers(vectors: UserVectors, user: number, most: number): { user: number; distance: number }[] {
  const { dimensions, values } = vectors
  const means = meanVector(vectors)
  const count = users(vectors)
  const variances = new Float64Array(dimensions)
  for (const [at, value] of values.entries())
    variances[at % dimensions]! += (value - means[at % dimensions]!) ** 2 / count
  const distances = Array.from({ length: count }, (_, other) => {
    let sum = 0
    for (let k = 0; k < dimensions; k++) {
      // A number in which nobody differs tells nobody apart.
      if (variances[k] === 0) continue
      sum += (values[user * dimensions + k]! - values[other * dimensions + k]!) ** 2 / variances[k]!
    }
    return { user: other, distance: Math.sqrt(sum) }
  })
  return distances
    .filter((one) => one.user !== user)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, most)
}

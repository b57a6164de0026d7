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

/** By user, each number in its standard deviations over users; 0 where nobody differs in it, which tells nobody apart. */
export function standardised(vectors: UserVectors): number[][] {
  const { dimensions, values } = vectors
  const means = meanVector(vectors)
  const count = users(vectors)
  const variances = new Float64Array(dimensions)
  for (const [at, value] of values.entries())
    variances[at % dimensions]! += (value - means[at % dimensions]!) ** 2 / count
  return Array.from({ length: count }, (_, user) =>
    Array.from(vectorOf(vectors, user), (value, k) =>
      variances[k] === 0 ? 0 : (value - means[k]!) / Math.sqrt(variances[k]!),
    ),
  )
}

/** [dimensions] of one user. */
export const vectorOf = ({ dimensions, values }: UserVectors, user: number): Float32Array =>
  values.subarray(user * dimensions, (user + 1) * dimensions)

/** Users nearest to one of them, by Euclidean distance once each number is divided by its standard deviation over users. */
export function nearestUsers(vectors: UserVectors, user: number, most: number): { user: number; distance: number }[] {
  const rows = standardised(vectors)
  const own = rows[user]!
  return rows
    .map((row, other) => ({ user: other, distance: Math.hypot(...row.map((value, k) => value - own[k]!)) }))
    .filter((one) => one.user !== user)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, most)
}

/** The users of some pairs, counted from 0 in the data's order, so that sums over users are short vectors. */
export interface SplitUsers {
  /** [users] their numbers in the data set, ascending. */
  readonly users: Int32Array
  /** [pairs] place in `users`. */
  readonly of: Int32Array
  /** [users] pairs of each. */
  readonly pairs: Float64Array
}

/** @param column [pairs] users of the data set */
export function splitUsers(column: Int32Array): SplitUsers {
  const users = Int32Array.from(new Set(column)).sort()
  const placeOf = new Map([...users].map((user, place) => [user, place]))
  const of = column.map((user) => placeOf.get(user)!)
  return { users, of, pairs: perUser({ users, of }, () => 1) }
}

/**
 * [users] Σ over each user's pairs.
 *
 * @param value of a pair
 */
export function perUser({ users, of }: Pick<SplitUsers, 'users' | 'of'>, value: (row: number) => number): Float64Array {
  const sums = new Float64Array(users.length)
  for (let row = 0; row < of.length; row++) sums[of[row]!]! += value(row)
  return sums
}

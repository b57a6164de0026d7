import type { UserId } from '../../shared/domain/dataset'
import type { UserRow, UserSlice } from '../../shared/domain/users'
import type { PairSplit } from '../data/dataset'
import type { Category } from '../evaluate/categories'
import { rightOf } from '../evaluate/evaluateSplit'
import { perUser, splitUsers } from '../evaluate/splitUsers'
import { softplusOfMinus } from '../metrics/figures'
import { wilsonInterval } from '../statistics/wilson'

export interface UsersToTell {
  /** The data's own user ids. */
  ids: readonly UserId[]
  trainedUsers: number
  train: Pick<PairSplit, 'users'>
  split: Pick<PairSplit, 'users'>
  /** [pairs] the model's margins. */
  z: Float32Array
  /** [pairs] those of `bt`; undefined where there is none. */
  baseline: Float32Array | undefined
  categories: readonly Category[]
}

/** Fewer pairs of a user say nothing about a slice. */
const LEAST_PAIRS = 3

/** One row a user of the split, in the data's order of users. */
export function usersTable({ ids, trainedUsers, train, split, z, baseline, categories }: UsersToTell): UserRow[] {
  const by = splitUsers(split.users)
  const right = rightOf(z)
  const baselineRight = baseline && rightOf(baseline)
  const rightSum = perUser(by, (row) => right[row]!)
  const nllSum = perUser(by, (row) => softplusOfMinus(z[row]!))
  const baselineSum = baselineRight && perUser(by, (row) => baselineRight[row]!)
  const trainPairs = new Int32Array(ids.length)
  for (const user of train.users) trainPairs[user]!++
  const slices = baselineRight ? typicalSlices(by.of, by.users.length, baselineRight, categories) : []
  return Array.from(by.users, (user, place) => {
    const pairs = by.pairs[place]!
    return {
      u_id: ids[user]!,
      known: user < trainedUsers,
      train_pairs: trainPairs[user]!,
      pairs,
      right: rightSum[place]!,
      ...wilsonInterval(rightSum[place]!, pairs),
      nll: nllSum[place]! / pairs,
      baseline_right: baselineSum?.[place] ?? null,
      typical: slices[place]?.typical?.slice ?? null,
      untypical: slices[place]?.untypical?.slice ?? null,
    }
  })
}

interface Scored {
  slice: UserSlice
  /** Standard errors of a share of so many pairs. */
  score: number
}

/** By user: the slices on which `bt` is most above, and most below, its accuracy on everybody's pairs of that slice. */
function typicalSlices(
  of: Int32Array,
  users: number,
  right: Float64Array,
  categories: readonly Category[],
): { typical?: Scored; untypical?: Scored }[] {
  const found = Array.from({ length: users }, (): { typical?: Scored; untypical?: Scored } => ({}))
  for (const { column, values, of: valueOf } of categories) {
    const pairs = new Float64Array(users * values.length)
    const hits = new Float64Array(users * values.length)
    const allPairs = new Float64Array(values.length)
    const allHits = new Float64Array(values.length)
    for (const [row, value] of valueOf.entries()) {
      if (value < 0) continue
      const cell = of[row]! * values.length + value
      pairs[cell]!++
      hits[cell]! += right[row]!
      allPairs[value]!++
      allHits[value]! += right[row]!
    }
    for (const [cell, n] of pairs.entries()) {
      if (n < LEAST_PAIRS) continue
      const value = cell % values.length
      const expected = allHits[value]! / allPairs[value]!
      const score = (hits[cell]! - n * expected) / Math.sqrt(n * expected * (1 - expected))
      if (!Number.isFinite(score) || score === 0) continue
      const slice = { column, value: values[value]!, pairs: n, right: hits[cell]!, expected }
      const own = found[Math.floor(cell / values.length)]!
      if (score > (own.typical?.score ?? 0)) own.typical = { slice, score }
      if (score < (own.untypical?.score ?? 0)) own.untypical = { slice, score }
    }
  }
  return found
}

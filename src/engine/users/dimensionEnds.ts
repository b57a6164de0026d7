import type { ExplainedPairs } from '../backends/tfjs/tfjsExecution'
import type { PairSplit } from '../data/dataset'
import { answerLoads } from './answerLoads'
import type { UserVectors } from './userVectors'

/** Shown at each end of a dimension. */
const MOST = 5

export interface LoadedRow {
  /** Of the split's table of texts. */
  row: number
  load: number
  difficulty: number | null
}

export interface LoadedUser {
  user: number
  value: number
}

export interface DimensionEnds {
  highest: LoadedRow[]
  lowest: LoadedRow[]
  largest: LoadedUser[]
  smallest: LoadedUser[]
}

/**
 * The two ends of each dimension: answers of the split by their load, and users by what they bring.
 *
 * @param explain the pairs at these rows
 */
export function dimensionEnds(
  split: Pick<PairSplit, 'pairs' | 'chosen' | 'rejected'>,
  users: UserVectors,
  explain: (rows: Int32Array) => ExplainedPairs | null,
): DimensionEnds[] {
  const K = users.dimensions
  const answers = answerLoads(split, K, explain)
  if (!answers) return []
  const { rows, loads, difficulties } = answers
  const everybody = Array.from({ length: users.values.length / K }, (_, user) => user)
  return Array.from({ length: K }, (_, k) => {
    const texts = Array.from(rows, (row, place) => ({
      row,
      load: loads[place * K + k]!,
      difficulty: difficulties ? difficulties[place * K + k]! : null,
    })).sort((a, b) => b.load - a.load || a.row - b.row)
    const people = everybody
      .map((user) => ({ user, value: users.values[user * K + k]! }))
      .sort((a, b) => b.value - a.value || a.user - b.user)
    return {
      highest: texts.slice(0, MOST),
      lowest: texts.slice(MOST).slice(-MOST).reverse(),
      largest: people.slice(0, MOST),
      smallest: people.slice(MOST).slice(-MOST).reverse(),
    }
  })
}

import type { ExplainedPairs, ExplainedSide } from '../backends/tfjs/tfjsExecution'
import type { PairSplit } from '../data/dataset'
import type { UserVectors } from './userVectors'

/** Pairs that are explained at once. */
const CHUNK = 4096
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
 * The two ends of each dimension: answers of the split by their load, and users by what they bring. Where a load depends on the prompt, an
 * answer's is the mean over the pairs that it stands in.
 *
 * @param explain the pairs at these rows
 */
export function dimensionEnds(
  split: Pick<PairSplit, 'pairs' | 'chosen' | 'rejected'>,
  users: UserVectors,
  explain: (rows: Int32Array) => ExplainedPairs | null,
): DimensionEnds[] {
  const K = users.dimensions
  const answers = Int32Array.from(new Set([...split.chosen, ...split.rejected])).sort()
  const placeOf = new Map([...answers].map((row, place) => [row, place]))
  const counts = new Int32Array(answers.length)
  const loads = new Float64Array(answers.length * K)
  let difficulties: Float64Array | undefined
  const add = ({ load, difficulty }: ExplainedSide, at: number, answer: number): void => {
    const place = placeOf.get(answer)!
    counts[place]!++
    for (let k = 0; k < K; k++) {
      loads[place * K + k]! += load[at * K + k]!
      if (!difficulty) continue
      difficulties ??= new Float64Array(loads.length)
      difficulties[place * K + k]! += difficulty[at * K + k]!
    }
  }
  for (let from = 0; from < split.pairs; from += CHUNK) {
    const rows = Int32Array.from({ length: Math.min(CHUNK, split.pairs - from) }, (_, i) => from + i)
    const parts = explain(rows)
    if (!parts) return []
    for (const [at, row] of rows.entries()) {
      add(parts.chosen, at, split.chosen[row]!)
      add(parts.rejected, at, split.rejected[row]!)
    }
  }
  const everybody = Array.from({ length: users.values.length / K }, (_, user) => user)
  return Array.from({ length: K }, (_, k) => {
    const texts = Array.from(answers, (row, place) => ({
      row,
      load: loads[place * K + k]! / counts[place]!,
      difficulty: difficulties ? difficulties[place * K + k]! / counts[place]! : null,
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

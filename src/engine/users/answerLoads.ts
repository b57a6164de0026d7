import type { ExplainedPairs, ExplainedSide } from '../backends/tfjs/tfjsExecution'
import type { PairSplit } from '../data/dataset'

/** Pairs that are explained at once. */
const CHUNK = 4096

/** What the answers of a split are to each dimension; [answers, dimensions] row-major. */
export interface AnswerLoads {
  /** Rows of the split's table of texts, ascending. */
  rows: Int32Array
  loads: Float64Array
  difficulties: Float64Array | null
}

/**
 * The load of each answer of a split. Where it depends on the prompt, it is the mean over the pairs that the answer stands in.
 *
 * @param explain the pairs at these rows
 * @returns null for a model that cannot tell
 */
export function answerLoads(
  split: Pick<PairSplit, 'pairs' | 'chosen' | 'rejected'>,
  dimensions: number,
  explain: (rows: Int32Array) => ExplainedPairs | null,
): AnswerLoads | null {
  const K = dimensions
  const rows = Int32Array.from(new Set([...split.chosen, ...split.rejected])).sort()
  const placeOf = new Map([...rows].map((row, place) => [row, place]))
  const counts = new Int32Array(rows.length)
  const loads = new Float64Array(rows.length * K)
  let difficulties: Float64Array | null = null
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
    const batch = Int32Array.from({ length: Math.min(CHUNK, split.pairs - from) }, (_, i) => from + i)
    const parts = explain(batch)
    if (!parts) return null
    for (const [at, row] of batch.entries()) {
      add(parts.chosen, at, split.chosen[row]!)
      add(parts.rejected, at, split.rejected[row]!)
    }
  }
  const mean = (sums: Float64Array): Float64Array => sums.map((sum, at) => sum / counts[Math.floor(at / K)]!)
  return { rows, loads: mean(loads), difficulties: difficulties && mean(difficulties) }
}

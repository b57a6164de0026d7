import type { PairSplit } from './dataset'
import { readRow } from './embeddingTable'

/** Mean vector of all chosen and rejected answers, each occurrence counted; summed in float64. */
export function meanAnswer({ table, chosen, rejected, pairs }: PairSplit): Float32Array {
  const count = new Int32Array(table.rows)
  for (let i = 0; i < pairs; i++) {
    count[chosen[i]!]!++
    count[rejected[i]!]!++
  }
  const sum = new Float64Array(table.width)
  const scratch = new Float32Array(table.width)
  for (let row = 0; row < table.rows; row++) {
    const times = count[row]!
    if (times === 0) continue
    const vector = readRow(table, row, scratch)
    for (let d = 0; d < sum.length; d++) sum[d]! += times * vector[d]!
  }
  return Float32Array.from(sum, (value) => value / (2 * pairs))
}

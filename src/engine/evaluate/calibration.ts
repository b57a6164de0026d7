import type { Evaluation, ReliabilityBin } from '../../shared/domain/evaluation'
import { radixOrder } from '../statistics/radixOrder'

/** Bins of the reliability curve; of fewer pairs there are as many bins as pairs. */
export const RELIABILITY_BINS = 15

/**
 * Rows by their bin: bins of equally many pairs by confidence max(p, 1 − p), the least confident first.
 *
 * @param z [pairs] margins of the chosen answer
 */
export function reliabilityRows(z: Float32Array): Int32Array[] {
  return rowsOfBins(confidences(z))
}

function rowsOfBins(confidence: Float64Array): Int32Array[] {
  const n = confidence.length
  const order = radixOrder(confidence)
  const count = Math.min(RELIABILITY_BINS, n)
  return Array.from({ length: count }, (_, bin) =>
    order.subarray(Math.floor((bin * n) / count), Math.floor(((bin + 1) * n) / count)),
  )
}

/** max(p, 1 − p) */
function confidences(z: Float32Array): Float64Array {
  const confidence = new Float64Array(z.length)
  for (let row = 0; row < z.length; row++) confidence[row] = 1 / (1 + Math.exp(-Math.abs(z[row]!)))
  return confidence
}

/**
 * How far confidence is from being right: the expected calibration error (Guo et al., "On Calibration of Modern Neural Networks",
 * 2017) over bins of equally many pairs (Nixon et al. 2019). A pair's confidence is max(p, 1 − p), since which answer is named first
 * means nothing; it is right where z > 0.
 *
 * @param z [pairs] margins of the chosen answer
 */
export function calibration(z: Float32Array): Evaluation['calibration'] {
  const n = z.length
  const confidence = confidences(z)
  const bins = rowsOfBins(confidence).map((rows): ReliabilityBin => {
    let right = 0
    let sum = 0
    for (const row of rows) {
      if (z[row]! > 0) right++
      sum += confidence[row]!
    }
    return {
      pairs: rows.length,
      from: confidence[rows[0]!]!,
      to: confidence[rows.at(-1)!]!,
      confidence: sum / rows.length,
      accuracy: right / rows.length,
    }
  })
  const ece = bins.reduce(
    (sum, { pairs, confidence: mean, accuracy }) => sum + (pairs / n) * Math.abs(mean - accuracy),
    0,
  )
  return { ece, bins }
}

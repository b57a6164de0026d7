import type { PairOrder, PairSubset } from '../../shared/domain/userPairs'
import { AppError } from '../../shared/errors'
import { reliabilityRows } from '../evaluate/calibration'
import type { Category } from '../evaluate/categories'

export interface OrderedPairs {
  /** Rows of the split. */
  rows: Int32Array
  right: number
  /** Least and largest max(p, 1 − p); null of no pairs. */
  confidence: [number, number] | null
}

/**
 * Some pairs of a split, in an order; equal ones as in the data.
 *
 * @param z [pairs] margins
 * @throws AppError `not_found` for a bin or a slice that the split has not
 */
export function orderedPairs(
  z: Float32Array,
  categories: readonly Category[],
  of: PairSubset | null,
  order: PairOrder,
): OrderedPairs {
  // A view of the bins' order is not sorted in place.
  const rows = Int32Array.from(subset(z, categories, of))
  if (order === 'mistakes') rows.sort((a, b) => z[a]! - z[b]! || a - b)
  else if (order === 'unsure') rows.sort((a, b) => Math.abs(z[a]!) - Math.abs(z[b]!) || a - b)
  else rows.sort()
  const [least, most] = rows.reduce(
    ([low, high], row) => [Math.min(low, Math.abs(z[row]!)), Math.max(high, Math.abs(z[row]!))],
    [Infinity, 0],
  )
  const confidence = (margin: number): number => 1 / (1 + Math.exp(-margin))
  return {
    rows,
    right: rows.reduce((sum, row) => sum + Number(z[row]! > 0), 0),
    confidence: rows.length === 0 ? null : [confidence(least), confidence(most)],
  }
}

function subset(z: Float32Array, categories: readonly Category[], of: PairSubset | null): Int32Array {
  const all = Int32Array.from(z, (_, row) => row)
  if (of === null) return all
  if (of.by === 'bin') {
    const bins = reliabilityRows(z)
    const rows = bins[of.bin]
    if (!rows)
      throw new AppError(
        'not_found',
        `The reliability curve has ${bins.length} bins, and none with the number ${of.bin}`,
      )
    return rows
  }
  const category = categories.find(({ column }) => column === of.column)
  const value = category?.values.indexOf(of.value) ?? -1
  if (!category || value < 0)
    throw new AppError('not_found', `No pairs have ${of.column.slice(0, 100)} "${of.value.slice(0, 100)}"`, {
      fix: 'The Evaluation tab of the run lists the slices that there are.',
    })
  return all.filter((row) => category.of[row] === value)
}

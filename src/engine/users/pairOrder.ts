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
  const rows = subset(z, categories, of).slice()
  if (order === 'mistakes') sortRows(rows, z)
  else if (order === 'unsure') sortRows(rows, z.map(Math.abs))
  else rows.sort()
  let [least, most, right] = [Infinity, 0, 0]
  for (let at = 0; at < rows.length; at++) {
    const margin = z[rows[at]!]!
    least = Math.min(least, Math.abs(margin))
    most = Math.max(most, Math.abs(margin))
    if (margin > 0) right++
  }
  const confidence = (margin: number): number => 1 / (1 + Math.exp(-margin))
  return { rows, right, confidence: rows.length === 0 ? null : [confidence(least), confidence(most)] }
}

/** With fewer rows than this a value's 32 bits and a row make one exact number. */
const ROWS = 2 ** 21

/**
 * Sorts rows by their value, equal ones by the row. Numbers by themselves are sorted
 * many times as fast as by a function that compares: a float's bits, with its sign turned, are in its order, and the row stands behind them.
 *
 * @param values [all rows] finite
 */
export function sortRows(rows: Int32Array, values: Float32Array): void {
  if (values.length > ROWS) {
    rows.sort((a, b) => values[a]! - values[b]! || a - b)
    return
  }
  const own = new Float32Array(rows.length)
  // −0 is 0.
  for (let at = 0; at < rows.length; at++) own[at] = values[rows[at]!]! + 0
  const bits = new Int32Array(own.buffer)
  const keys = new Float64Array(rows.length)
  for (let at = 0; at < rows.length; at++) {
    const ordered = bits[at]! < 0 ? ~bits[at]! : bits[at]! | 0x80000000
    keys[at] = (ordered >>> 0) * ROWS + rows[at]!
  }
  keys.sort()
  for (let at = 0; at < rows.length; at++) rows[at] = keys[at]! % ROWS
}

function subset(z: Float32Array, categories: readonly Category[], of: PairSubset | null): Int32Array {
  const all = new Int32Array(z.length)
  for (let row = 0; row < all.length; row++) all[row] = row
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

import type { UserId } from '../../shared/domain/dataset'
import { AppError } from '../../shared/errors'
import { throwIfStopped, withInput } from '../data/files'
import { openParquet } from '../data/parquet'
import { toIdentifier } from '../data/values'

/** One run's predictions of a split, in the data's order. */
export interface Predictions {
  readonly users: readonly UserId[]
  readonly ids: readonly UserId[]
  /** Whether each pair is right: 1, or 0 for a margin of zero and below. */
  readonly right: Uint8Array
  /** z of each pair. */
  readonly margins: Float64Array
}

/**
 * Reads `u_id`, `id` and `z` of `predictions/<split>.parquet`; whatever else it holds is left alone.
 *
 * @throws AppError `not_found`, `unreadable`, `data_invalid`, `stopped`
 */
export async function readPredictions(file: string, signal: AbortSignal): Promise<Predictions> {
  return withInput(file, async (input) => {
    const parquet = await openParquet(input)
    const users: UserId[] = []
    const ids: UserId[] = []
    const right = new Uint8Array(parquet.rows)
    const margins = new Float64Array(parquet.rows)
    for (const [group, rows] of parquet.groupRows.entries()) {
      throwIfStopped(signal)
      const first = users.length
      const [u, i, z] = [
        await parquet.readColumn(group, 'u_id'),
        await parquet.readColumn(group, 'id'),
        await parquet.readColumn(group, 'z'),
      ]
      for (let row = 0; row < rows; row++) {
        const margin = z[row]
        if (typeof margin !== 'number') throw invalid(file, first + row, 'z')
        users.push(identifier(u[row], file, first + row, 'u_id'))
        ids.push(identifier(i[row], file, first + row, 'id'))
        margins[first + row] = margin
        right[first + row] = margin > 0 ? 1 : 0
      }
    }
    return { users, ids, right, margins }
  })
}

function identifier(value: unknown, file: string, row: number, column: string): UserId {
  const checked = toIdentifier(value)
  if (checked.fault === undefined) return checked.value
  throw invalid(file, row, column)
}

function invalid(file: string, row: number, column: string): AppError {
  return new AppError('data_invalid', 'These are no predictions of this program', {
    file,
    row,
    column,
    fix: 'Train the run again, or leave it out of the comparison.',
  })
}

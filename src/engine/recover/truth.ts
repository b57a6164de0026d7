import path from 'node:path'
import { TRUTH_FILES, truthSchema, type Truth } from '../../shared/domain/simulation'
import { AppError, messageOf } from '../../shared/errors'
import type { NamedArray } from '../backends/execution'
import { isCode, readRegularFile } from '../run/files'
import { decodeSafetensors } from '../run/safetensors'
import { matrix, type Matrix64 } from './linearAlgebra'

/** What a simulation wrote about itself, read back. */
export interface KnownTruth {
  readonly about: Truth
  /** [users, A] preference vectors at the middle of the time: what a model of no time can find of them. */
  readonly users: Matrix64
  /** [texts, A]. */
  readonly attributes: Matrix64
}

/** More than the largest simulation writes. */
const MAX_BYTES = 2 ** 31

/** @throws AppError `not_found` where the folder is no simulation's, `unreadable` */
export function readTruth(folder: string): KnownTruth {
  const aboutFile = path.join(folder, TRUTH_FILES.about)
  const parsed = truthSchema.safeParse(parseJson(Buffer.from(read(aboutFile)).toString('utf8'), aboutFile))
  if (!parsed.success)
    throw new AppError('unreadable', `${aboutFile} is no truth of this version`, { file: aboutFile }, parsed.error)
  const about = parsed.data
  const { users, texts, attributes: A } = about.options
  const file = path.join(folder, TRUTH_FILES.arrays)
  const arrays = decodeSafetensors(read(file), file)
  const vectors = toMatrix(arrays, 'users', [users, A], file)
  if (about.options.drift > 0) {
    const drift = toMatrix(arrays, 'drift', [users, A], file)
    for (let i = 0; i < vectors.values.length; i++) vectors.values[i]! += drift.values[i]! / 2
  }
  return { about, users: vectors, attributes: toMatrix(arrays, 'attributes', [texts, A], file) }
}

function read(file: string): Uint8Array {
  try {
    return readRegularFile(file, MAX_BYTES)
  } catch (error) {
    if (error instanceof AppError) throw error
    if (!isCode(error, 'ENOENT'))
      throw new AppError('unreadable', `${file} cannot be read: ${messageOf(error)}`, { file }, error)
    throw new AppError(
      'not_found',
      'The truth of this data set is not known: only simulated data has one',
      { file, fix: 'Train on a data set of `delta data simulate`, or name its folder with --truth.' },
      error,
    )
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new AppError('unreadable', `${file} is not JSON: ${messageOf(error)}`, { file }, error)
  }
}

function toMatrix(
  arrays: readonly NamedArray[],
  name: string,
  [rows, columns]: readonly [number, number],
  file: string,
): Matrix64 {
  const found = arrays.find((array) => array.name === name)
  if (!found || found.shape.length !== 2 || found.shape[0] !== rows || found.shape[1] !== columns)
    throw new AppError('unreadable', `The array "${name}" of shape (${rows}, ${columns}) is not in ${file}`, { file })
  return matrix(rows, columns, Float64Array.from(found.values))
}

import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { RUN_FILES } from '../../shared/domain/run'
import { dimensionNamesSchema } from '../../shared/domain/users'
import { AppError } from '../../shared/errors'
import { readNamed } from '../runs/runFolder'
import { replaceFile } from '../service/recordFile'

const MAX_BYTES = 2 ** 20

/** What a person has called the dimensions of a run's model; nothing where the file is missing or broken. */
export async function dimensionNames(dir: string | null): Promise<string[]> {
  if (dir === null) return []
  try {
    const root = await realpath(dir)
    return dimensionNamesSchema.parse(JSON.parse(await readNamed(root, root, RUN_FILES.dimensions, MAX_BYTES))).names
  } catch {
    return []
  }
}

/**
 * Calls a dimension something, and keeps that in the run's folder.
 *
 * @throws AppError `not_found` for a run without a folder, `unwritable`
 */
export async function nameDimension(dir: string | null, dimension: number, name: string): Promise<string[]> {
  if (dir === null) throw new AppError('not_found', 'The folder of this run is gone, so that a name has no place')
  const names = await dimensionNames(dir)
  while (names.length <= dimension) names.push('')
  names[dimension] = name.trim()
  while (names.at(-1) === '') names.pop()
  const file = join(dir, RUN_FILES.dimensions)
  try {
    replaceFile(file, `${JSON.stringify({ format: 1, names }, null, 2)}\n`)
  } catch (cause) {
    throw new AppError('unwritable', 'The name cannot be kept', { file, fix: 'Check the folder of the run.' }, cause)
  }
  return names
}

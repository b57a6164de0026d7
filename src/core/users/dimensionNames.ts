import { lstat, realpath } from 'node:fs/promises'
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
  return read(dir).catch(() => [])
}

/** @throws unless the file is missing or holds names */
async function read(dir: string): Promise<string[]> {
  const root = await realpath(dir)
  const exists = await lstat(join(root, RUN_FILES.dimensions)).catch(() => undefined)
  if (!exists) return []
  return dimensionNamesSchema.parse(JSON.parse(await readNamed(root, root, RUN_FILES.dimensions, MAX_BYTES))).names
}

/** By folder, the change that is being made: the next one begins with what it leaves. */
const changing = new Map<string, Promise<unknown>>()

/**
 * Calls a dimension something, and keeps that in the run's folder.
 *
 * @throws AppError `not_found` for a run without a folder, `unreadable` where the file holds something else, `unwritable`
 */
export async function nameDimension(dir: string | null, dimension: number, name: string): Promise<string[]> {
  if (dir === null) throw new AppError('not_found', 'The folder of this run is gone, so that a name has no place')
  const before = changing.get(dir) ?? Promise.resolve()
  const change = before.then(
    () => rename(dir, dimension, name),
    () => rename(dir, dimension, name),
  )
  changing.set(dir, change)
  try {
    return await change
  } finally {
    if (changing.get(dir) === change) changing.delete(dir)
  }
}

async function rename(dir: string, dimension: number, name: string): Promise<string[]> {
  const file = join(dir, RUN_FILES.dimensions)
  const names = await read(dir).catch((cause: unknown) => {
    throw new AppError(
      'unreadable',
      'The names that this run has cannot be read, and would be lost with a new one',
      { file, fix: 'Mend the file, or move it away.' },
      cause,
    )
  })
  while (names.length <= dimension) names.push('')
  names[dimension] = name.trim()
  while (names.at(-1) === '') names.pop()
  try {
    replaceFile(file, `${JSON.stringify({ format: 1, names }, null, 2)}\n`)
  } catch (cause) {
    throw new AppError('unwritable', 'The name cannot be kept', { file, fix: 'Check the folder of the run.' }, cause)
  }
  return names
}

import fs from 'node:fs'
import path from 'node:path'
import { AppError } from '../../../shared/errors'
import { isCode, unwritable } from '../../run/files'

/**
 * Fills a folder that appears under its name when all of it is there: `make` writes beside it, and what a failure or a
 * stop leaves is taken away. An empty folder may stand there already, nothing else.
 *
 * @throws AppError `usage` where something is there, `unwritable`, or whatever `make` throws
 */
export async function newFolder<T>(target: string, make: (folder: string) => Promise<T>): Promise<T> {
  refuseTaken(target)
  const folder = `${target}.${process.pid}.tmp`
  try {
    fs.mkdirSync(path.dirname(target), { recursive: true })
    fs.rmSync(folder, { recursive: true, force: true })
    fs.mkdirSync(folder)
  } catch (cause) {
    throw unwritable(target, cause)
  }
  try {
    const made = await make(folder)
    publish(folder, target)
    return made
  } catch (error) {
    fs.rmSync(folder, { recursive: true, force: true })
    throw isCode(error, 'ENOSPC') || isCode(error, 'EACCES') ? unwritable(target, error) : error
  }
}

function refuseTaken(target: string): void {
  let names: string[]
  try {
    names = fs.readdirSync(target)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return
    throw new AppError('usage', `${target} is no folder`, { file: target, fix: 'Name a new folder.' }, error)
  }
  if (names.length > 0)
    throw new AppError('usage', `The folder ${target} is not empty`, {
      file: target,
      fix: 'Name a new folder, or empty this one: nothing is overwritten.',
    })
}

/** Renaming onto an empty folder replaces it. */
function publish(folder: string, target: string): void {
  try {
    fs.renameSync(folder, target)
  } catch (cause) {
    throw unwritable(target, cause)
  }
}

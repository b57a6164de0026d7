import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { AppError } from '../../../shared/errors'
import { isCode, unwritable } from '../../run/files'
import { makeFolders } from './folders'

/**
 * Fills a folder that appears under its name when all of it is there: `make` writes beside it, and what a failure or a
 * stop leaves is taken away. An empty folder may stand there already, nothing else; a link in its place would decide
 * where the data set goes, and is refused. The name beside cannot be foretold, so that nobody else who may write into
 * the folder above can have put a link there.
 *
 * @throws AppError `usage` where something is there, `unwritable`, or whatever `make` throws
 */
export async function newFolder<T>(target: string, make: (folder: string) => Promise<T>): Promise<T> {
  refuseTaken(target)
  makeFolders(path.dirname(target))
  const folder = `${target}.${randomBytes(6).toString('hex')}.tmp`
  let own: fs.Stats
  try {
    // Not `recursive`, which would be content with whatever has that name.
    fs.mkdirSync(folder)
    own = fs.lstatSync(folder)
  } catch (cause) {
    throw unwritable(target, cause)
  }
  try {
    const made = await make(folder)
    publish(folder, own, target)
    return made
  } catch (error) {
    fs.rmSync(folder, { recursive: true, force: true })
    throw isCode(error, 'ENOSPC') || isCode(error, 'EACCES') ? unwritable(target, error) : error
  }
}

function refuseTaken(target: string): void {
  const refuse = (message: string, fix: string, cause?: unknown): AppError =>
    new AppError('usage', message, { file: target, fix }, cause)
  let names: string[]
  try {
    if (fs.lstatSync(target).isSymbolicLink())
      throw refuse(`${target} is a symbolic link`, 'Name the folder that it leads to, or a new one.')
    names = fs.readdirSync(target)
  } catch (error) {
    if (error instanceof AppError) throw error
    if (isCode(error, 'ENOENT')) return
    throw refuse(`${target} is no folder`, 'Name a new folder.', error)
  }
  if (names.length > 0)
    throw refuse(`The folder ${target} is not empty`, 'Name a new folder, or empty this one: nothing is overwritten.')
}

/** Renaming onto an empty folder replaces it. */
function publish(folder: string, own: fs.Stats, target: string): void {
  try {
    const now = fs.lstatSync(folder)
    if (now.ino !== own.ino || now.dev !== own.dev || !now.isDirectory())
      throw new Error(`another folder was put in the place of ${folder}`)
    fs.renameSync(folder, target)
  } catch (cause) {
    throw unwritable(target, cause)
  }
}

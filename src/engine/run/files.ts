import fs from 'node:fs'
import { AppError, messageOf } from '../../shared/errors'

/**
 * Writes a file so that a reader, or a crash, sees the old bytes or the new ones and nothing between.
 *
 * @param flush false where the bytes repeat those of another file: a power cut may leave none, a crash of the program still may not
 */
export function writeAtomically(file: string, content: string | Uint8Array, { flush = true } = {}): void {
  const temporary = `${file}.tmp`
  try {
    // What an earlier crash has left, or a link that would lead elsewhere.
    fs.rmSync(temporary, { force: true })
    // Flushed before the rename: a power cut must not leave the new name over no bytes.
    fs.writeFileSync(temporary, content, { flush, flag: 'wx' })
    fs.renameSync(temporary, file)
  } catch (cause) {
    fs.rmSync(temporary, { force: true })
    throw unwritable(file, cause)
  }
}

/** Rewrites a file where it lies, which needs no free space: for a last word on a full disk. */
export function overwriteInPlace(file: string, content: string): void {
  const handle = fs.openSync(file, 'r+')
  try {
    fs.ftruncateSync(handle, fs.writeSync(handle, content))
  } finally {
    fs.closeSync(handle)
  }
}

/** What Node reads at once. */
const MAX_WHOLE_BYTES = 2 ** 31 - 1

/**
 * The content of a regular file: a pipe in its place would be waited for without end, and a device never ends.
 *
 * @throws Error with the system's code, or a sentence
 */
export function readRegularFile(file: string, maxBytes = MAX_WHOLE_BYTES): Buffer {
  const handle = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  try {
    const stat = fs.fstatSync(handle)
    if (!stat.isFile()) throw new Error('it is not a regular file')
    if (stat.size > maxBytes) throw new Error(`it has ${stat.size} bytes, more than ${maxBytes}`)
    return fs.readFileSync(handle)
  } finally {
    fs.closeSync(handle)
  }
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

export function unwritable(file: string, cause: unknown): AppError {
  return new AppError(
    'unwritable',
    `${file} cannot be written: ${messageOf(cause)}`,
    { file, fix: 'Check the free space and the permissions of the folder, or choose another (for runs: --log_dir).' },
    cause,
  )
}

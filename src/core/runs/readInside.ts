import { constants } from 'node:fs'
import { open, realpath, type FileHandle } from 'node:fs/promises'
import { sep } from 'node:path'
import { AppError, messageOf } from '../../shared/errors'

/** Whether `path` lies in `root`; both must be free of links. */
export function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)
}

export interface TextRead {
  text: string
  /** Bytes before the part that was read. */
  skipped: number
}

/**
 * Reads a file that someone else put into a log folder. A link out of the folder is not followed, a pipe is not waited
 * for, and no more than `maxBytes` are read: of a larger file its end, or nothing at all.
 */
export async function readInside(
  root: string,
  path: string,
  maxBytes: number,
  larger: 'refuse' | 'end',
): Promise<TextRead> {
  const handle = await openInside(root, path)
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) throw new AppError('unreadable', 'is not a regular file', { file: path })
    if (stat.size > maxBytes && larger === 'refuse') {
      throw new AppError('unreadable', `is larger than ${maxBytes / 2 ** 20} MiB`, { file: path })
    }
    const skipped = Math.max(0, stat.size - maxBytes)
    const buffer = Buffer.alloc(stat.size - skipped)
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, skipped)
    return { text: buffer.toString('utf8', 0, bytesRead), skipped }
  } finally {
    await handle.close()
  }
}

async function openInside(root: string, path: string): Promise<FileHandle> {
  try {
    const real = await realpath(path)
    if (!isInside(root, real)) throw new AppError('unreadable', 'is a link out of the log folder', { file: path })
    return await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError(isMissing(error) ? 'not_found' : 'unreadable', readingProblem(error), { file: path }, error)
  }
}

export function isMissing(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** Why a file or folder cannot be read, without its path: the reader's sentence names it already. */
export function readingProblem(error: unknown): string {
  switch (errorCode(error)) {
    case 'ENOENT':
      return 'is missing'
    case 'EACCES':
    case 'EPERM':
      return 'may not be read by this user'
    case 'ELOOP':
      return 'is a link that leads in a circle'
    default:
      return `cannot be read (${messageOf(error)})`
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

import { open, stat, type FileHandle } from 'node:fs/promises'
import { AppError, messageOf } from '../../shared/errors'
import { otherEncoding, type ForeignText } from '../../shared/textEncoding'

/** An open regular file. */
export interface InputFile {
  readonly path: string
  /** Bytes, when it was opened. */
  readonly size: number
  readonly handle: FileHandle
}

export interface ReadOptions {
  signal?: AbortSignal
  /** Called with the number of bytes just read. */
  onBytes?: (bytes: number) => void
}

/** One read. Far below the 2 GiB that one system call may return, small enough to stop promptly and to stay in cache. */
export const CHUNK_BYTES = 1 << 20

/**
 * Runs `use` on an open file and closes it. Only regular files are opened: opening a FIFO would wait for a writer
 * forever, and a device never ends.
 *
 * @throws AppError `not_found` or `unreadable`
 */
export async function withInput<T>(path: string, use: (file: InputFile) => Promise<T>): Promise<T> {
  const size = await regularFileSize(path)
  let handle: FileHandle
  try {
    handle = await open(path, 'r')
  } catch (error) {
    throw unreadable(path, messageOf(error), error)
  }
  try {
    return await use({ path, size, handle })
  } finally {
    await handle.close()
  }
}

/**
 * Size in bytes of a regular file.
 *
 * @throws AppError `not_found` when there is none, `unreadable` when the path is anything but a regular file
 */
export async function regularFileSize(path: string): Promise<number> {
  let stats
  try {
    stats = await stat(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw unreadable(path, messageOf(error), error)
    throw new AppError(
      'not_found',
      'The file does not exist',
      { file: path, fix: 'Check the path in the data configuration.' },
      error,
    )
  }
  if (stats.isFile()) return stats.size
  throw unreadable(path, stats.isDirectory() ? 'it is a folder' : 'it is not a regular file')
}

function unreadable(path: string, why: string, cause?: unknown): AppError {
  const fix = 'Point the data configuration at a regular file that you may read.'
  return new AppError('unreadable', `The file cannot be read: ${why}`, { file: path, fix }, cause)
}

/** Fills `target` from `position` on. @throws AppError `data_invalid` when the file ends before */
export async function readFully(file: InputFile, target: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < target.byteLength) {
    const length = Math.min(target.byteLength - done, CHUNK_BYTES)
    const { bytesRead } = await file.handle.read(target, done, length, position + done)
    if (bytesRead === 0) {
      throw new AppError('data_invalid', `The file ends at byte ${position + done}, in the middle of its data`, {
        file: file.path,
        fix: 'The file is truncated: copy or write it again.',
      })
    }
    done += bytesRead
  }
}

/** Enough for the first lines of any text. */
const HEAD_BYTES = 4096

/** The first bytes of a file, as many as tell its format. */
export async function readHead(file: InputFile): Promise<Buffer> {
  const head = Buffer.alloc(Math.min(file.size, HEAD_BYTES))
  await readFully(file, head, 0)
  return head
}

/** @throws AppError `data_invalid` where a text begins in another encoding than UTF-8 */
export function refuseOtherEncoding(path: string, head: Uint8Array): void {
  const foreign = otherEncoding(head)
  if (foreign) throw foreignTextError(path, foreign)
}

export function foreignTextError(path: string, { message, line, fix }: ForeignText): AppError {
  return new AppError('data_invalid', message, { file: path, line, fix })
}

/** Reads that are under way while a piece is used: two keep a disk, or a second core, busy. */
const READS_AHEAD = 2
/** So many buffers in turn are enough for {@link readPieces}. */
export const PIECE_BUFFERS = READS_AHEAD + 1

export interface PieceReader extends ReadOptions {
  /** Where a piece goes, `bytes` long; `from` counts from the stretch's start, `piece` from 0. */
  bufferOf: (from: number, bytes: number, piece: number) => Uint8Array
  /** Called in order. */
  use: (piece: Uint8Array, from: number) => void
}

/**
 * Reads `length` bytes from `position` on in pieces of {@link CHUNK_BYTES}, some ahead of the one that is being used.
 *
 * @throws AppError `data_invalid` when the file ends before, `stopped`, or whatever `use` throws
 */
export async function readPieces(
  file: InputFile,
  position: number,
  length: number,
  { bufferOf, use, signal, onBytes }: PieceReader,
): Promise<void> {
  const ahead: Promise<Uint8Array>[] = []
  let begun = 0
  const begin = (): void => {
    if (begun >= length) return
    const buffer = bufferOf(begun, Math.min(CHUNK_BYTES, length - begun), begun / CHUNK_BYTES)
    const read = readFully(file, buffer, position + begun).then(() => buffer)
    // Its failure is met when its turn comes; until then it must not count as unhandled.
    read.catch(() => {})
    ahead.push(read)
    begun += buffer.byteLength
  }
  try {
    for (let i = 0; i < READS_AHEAD; i++) begin()
    for (let from = 0; from < length; from += CHUNK_BYTES) {
      throwIfStopped(signal)
      const piece = await ahead.shift()!
      begin()
      use(piece, from)
      onBytes?.(piece.byteLength)
    }
  } finally {
    // The file is closed next, which no read may outlive.
    await Promise.allSettled(ahead)
  }
}

/** The bytes of a file in order. Every chunk is a view into one buffer and holds only until the next. */
export async function* readChunks(
  file: InputFile,
  options: ReadOptions & { chunkBytes?: number } = {},
): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(options.chunkBytes ?? CHUNK_BYTES, file.size)))
  for (let position = 0; ;) {
    throwIfStopped(options.signal)
    const { bytesRead } = await file.handle.read(buffer, 0, buffer.length, position)
    if (bytesRead === 0) return
    position += bytesRead
    options.onBytes?.(bytesRead)
    yield buffer.subarray(0, bytesRead)
  }
}

export function throwIfStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AppError('stopped', 'Stopped while reading the data')
}

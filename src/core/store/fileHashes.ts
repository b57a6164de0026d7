import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Store } from './openStore'

export interface FileHash {
  path: string
  size: number
  /** Hexadecimal. */
  sha256: string
}

interface Cached {
  size: number
  mtime: string
  inode: string
  sha256: string
}

/**
 * SHA-256 of a file. Read once: a file of the same size, time (to the nanosecond) and inode is taken to be the same, as make
 * and rsync do.
 *
 * @param store where hashes are kept; without one each file is read
 */
export async function hashFile(path: string, store: Store | undefined): Promise<FileHash> {
  const before = await stat(path, { bigint: true })
  const mtime = String(before.mtimeNs)
  const inode = String(before.ino)
  const size = Number(before.size)
  const known = store?.db.handle
    .prepare<[string], Cached>('SELECT size, mtime, inode, sha256 FROM file_hashes WHERE path = ?')
    .get(path)
  if (known?.size === size && known.mtime === mtime && known.inode === inode)
    return { path, size, sha256: known.sha256 }
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash)
  const sha256 = hash.digest('hex')
  const after = await stat(path, { bigint: true })
  // Written to while it was read: the hash is of neither state, and must not be kept.
  if (after.mtimeNs === before.mtimeNs && after.size === before.size)
    store?.db.write('keep file hash', () =>
      store.db.handle
        .prepare('INSERT OR REPLACE INTO file_hashes (path, size, mtime, inode, sha256) VALUES (?, ?, ?, ?, ?)')
        .run(path, size, mtime, inode, sha256),
    )
  return { path, size, sha256 }
}

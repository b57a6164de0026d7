import fs from 'node:fs'
import path from 'node:path'
import BetterSqlite from 'better-sqlite3'
import { makeFolders } from '../folders'
import { isDamage } from './database'
import type { KnownFolder } from './knownFolders'

/** How long a process waits for another one that is repairing the same history. */
const LOCK_TIMEOUT_MS = 30_000

/**
 * Moves a damaged database out of the way, with its log. Of two processes that find it damaged one moves it; the other
 * looks again and finds the new one.
 *
 * @param tryOpen throws while the file is still damaged
 * @returns where it went (undefined when somebody else was quicker), and what could still be read of its list of folders
 */
export function setAside(
  dir: string,
  file: string,
  tryOpen: () => void,
): { movedTo: string | undefined; folders: KnownFolder[] } {
  // A lock that the system releases when its owner dies: a transaction on a database of its own.
  const lock = new BetterSqlite(path.join(dir, 'repair.lock'), { timeout: LOCK_TIMEOUT_MS })
  try {
    lock.exec('BEGIN EXCLUSIVE')
    if (!stillDamaged(tryOpen)) return { movedTo: undefined, folders: [] }
    const folders = salvageFolders(file)
    const target = path.join(dir, 'damaged')
    makeFolders(target)
    const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-')
    const movedTo = path.join(target, `history-${stamp}-${process.pid}.sqlite`)
    fs.renameSync(file, movedTo)
    for (const end of ['-wal', '-shm']) if (fs.existsSync(file + end)) fs.renameSync(file + end, movedTo + end)
    return { movedTo, folders }
  } finally {
    lock.close()
  }
}

function stillDamaged(tryOpen: () => void): boolean {
  try {
    tryOpen()
    return false
  } catch (error) {
    if (isDamage(error)) return true
    throw error
  }
}

function salvageFolders(file: string): KnownFolder[] {
  try {
    const db = new BetterSqlite(file, { readonly: true })
    try {
      return db.prepare<[], KnownFolder>('SELECT path, kind FROM folders').all()
    } finally {
      db.close()
    }
  } catch {
    return []
  }
}

import fs from 'node:fs'
import path from 'node:path'
import type { Database } from 'better-sqlite3'
import { AppError } from '../../shared/errors'
import { makeFolders } from '../folders'
import { first } from './migrations/0001-first'
import { queue } from './migrations/0002-queue'
import { comparisons } from './migrations/0003-comparisons'

/** One step of the schema. Once released it is never changed; a correction is the next number. */
export interface Migration {
  /** Counts from 1 without a gap; stands in the file as `user_version`. */
  version: number
  name: string
  sql: string
}

export const MIGRATIONS: readonly Migration[] = [first, queue, comparisons]

/** Backups kept; older ones go. */
const KEPT_BACKUPS = 5

/**
 * Brings a database up to date, each step in a transaction of its own and with a backup before it. Of two processes that
 * find the same old file, one migrates and the other waits and finds nothing left to do.
 *
 * @returns the backups written
 * @throws AppError `unreadable` for a file of a newer program
 */
export function migrate(db: Database, file: string, migrations: readonly Migration[] = MIGRATIONS): string[] {
  const newest = migrations.at(-1)?.version ?? 0
  const found = versionOf(db)
  if (found > newest)
    throw new AppError('unreadable', `The history ${file} was written by a newer version of this program`, {
      file,
      fix: `It has schema ${found}, this program knows ${newest}. Update the program, or choose another folder with --data-dir.`,
    })
  const backups: string[] = []
  for (const migration of migrations) {
    if (migration.version <= versionOf(db)) continue
    if (found > 0) backups.push(backUp(db, file))
    apply(db, migration)
  }
  return backups
}

function apply(db: Database, { version, name, sql }: Migration): void {
  db.exec('BEGIN EXCLUSIVE')
  try {
    // Another process may have been here while we waited for the lock.
    if (versionOf(db) === version - 1) {
      db.exec(sql)
      db.pragma(`user_version = ${version}`)
    }
    db.exec('COMMIT')
  } catch (cause) {
    if (db.inTransaction) db.exec('ROLLBACK')
    throw new AppError('unwritable', `Step ${version} (${name}) of the history's schema failed`, {}, cause)
  }
}

function versionOf(db: Database): number {
  return Number(db.pragma('user_version', { simple: true }))
}

/** A whole, compact copy, consistent with the write-ahead log. */
function backUp(db: Database, file: string): string {
  const folder = path.join(path.dirname(file), 'backups')
  makeFolders(folder)
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-')
  const target = path.join(folder, `history-schema${versionOf(db)}-${stamp}-${process.pid}.sqlite`)
  db.prepare('VACUUM INTO ?').run(target)
  const old = fs.readdirSync(folder).filter((name) => name.startsWith('history-schema'))
  const time = (name: string): number => fs.statSync(path.join(folder, name)).mtimeMs
  for (const name of old.sort((a, b) => time(b) - time(a)).slice(KEPT_BACKUPS)) fs.rmSync(path.join(folder, name))
  return target
}

import fs from 'node:fs/promises'
import path from 'node:path'
import type { Dirent } from 'node:fs'
import type { FolderListing } from '../../shared/domain/files'
import { AppError } from '../../shared/errors'
import { isMissing, readingProblem } from '../runs/readInside'
import type { FileRoots } from './fileRoots'

/** More than anyone scrolls through; a folder of a million files must not fill the page. */
const MOST_ENTRIES = 2_000

const byName = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })

/**
 * What lies in a folder within the roots, folders first. Hidden files, and links out of the roots, are left out.
 *
 * @throws AppError `forbidden_path` | `not_found` | `unreadable`
 */
export async function browse(
  files: FileRoots,
  places: readonly string[],
  given: string | undefined,
): Promise<FolderListing> {
  const dir = files.check(given ?? places[0] ?? '')
  const found = (await list(dir)).filter(({ name }) => !name.startsWith('.'))
  const known = found.map((entry) => described(files, dir, entry)).filter((entry) => entry !== undefined)
  const kinds = await Promise.all(known.slice(0, 2 * MOST_ENTRIES).map(measured))
  const entries = kinds
    .filter((entry) => entry !== undefined)
    .sort((a, b) => Number(a.kind === 'file') - Number(b.kind === 'file') || byName.compare(a.name, b.name))
  return {
    dir,
    parent: parentWithin(files, dir),
    places: [...places],
    entries: entries.slice(0, MOST_ENTRIES),
    more: known.length > 2 * MOST_ENTRIES || entries.length > MOST_ENTRIES,
  }
}

async function list(dir: string): Promise<Dirent[]> {
  try {
    return await fs.readdir(dir, { withFileTypes: true })
  } catch (cause) {
    const code = isMissing(cause) ? 'not_found' : 'unreadable'
    throw new AppError(code, `The folder ${dir} ${readingProblem(cause)}`, { file: dir }, cause)
  }
}

/** Where an entry leads, or undefined where that is out of the roots or nothing that can be chosen. */
function described(files: FileRoots, dir: string, entry: Dirent): { name: string; path: string } | undefined {
  const found = path.join(dir, entry.name)
  if (entry.isFile() || entry.isDirectory()) return { name: entry.name, path: found }
  if (!entry.isSymbolicLink()) return undefined
  try {
    return { name: entry.name, path: files.check(found) }
  } catch {
    return undefined
  }
}

async function measured(entry: { name: string; path: string }): Promise<FolderListing['entries'][number] | undefined> {
  try {
    const stat = await fs.stat(entry.path)
    if (stat.isDirectory()) return { ...entry, kind: 'folder', bytes: 0 }
    return stat.isFile() ? { ...entry, kind: 'file', bytes: stat.size } : undefined
  } catch {
    // Deleted meanwhile.
    return undefined
  }
}

function parentWithin(files: FileRoots, dir: string): string | null {
  const parent = path.dirname(dir)
  try {
    return parent === dir ? null : files.check(parent)
  } catch {
    return null
  }
}

import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'

/** What a folder holds that the history has read: run folders, or TensorBoard logs. */
export type FolderKind = 'runs' | 'tensorboard'
export interface KnownFolder {
  path: string
  kind: FolderKind
}

const FILE = 'folders.json'
const schema = z.array(z.object({ path: z.string().min(1), kind: z.enum(['runs', 'tensorboard']) }))

/** The folders that a history was filled from, kept beside the database in plain text: it must outlive that. */
export function readKnownFolders(dir: string): KnownFolder[] {
  try {
    return schema.parse(JSON.parse(fs.readFileSync(path.join(dir, FILE), 'utf8')))
  } catch {
    return []
  }
}

export function rememberFolders(dir: string, folders: readonly KnownFolder[]): void {
  const known = readKnownFolders(dir)
  const added = folders.filter((one) => !known.some(({ path: at, kind }) => at === one.path && kind === one.kind))
  if (added.length === 0) return
  const file = path.join(dir, FILE)
  const draft = `${file}.${process.pid}.tmp`
  try {
    fs.writeFileSync(draft, `${JSON.stringify([...known, ...added], null, 2)}\n`)
    fs.renameSync(draft, file)
  } catch {
    // A full disk: the database still has the name, and the runs their folders.
    fs.rmSync(draft, { force: true })
  }
}

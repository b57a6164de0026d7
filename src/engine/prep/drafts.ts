import fs from 'node:fs'
import path from 'node:path'
import { draftFile } from '../data/write/draftFile'
import { makeFolders } from '../data/write/folders'
import { unwritable } from '../run/files'

/** Files that appear together, or not at all: written under other names, renamed when the last one is complete. */
export class Drafts {
  readonly #names = new Map<string, string>()

  /** Where to write what is to become `file`. Folders are made. @throws AppError `unwritable` */
  of(file: string): string {
    makeFolders(path.dirname(file))
    const draft = draftFile(file)
    this.#names.set(file, draft)
    return draft
  }

  /** Gives every draft its name. @throws AppError `unwritable` */
  commit(): void {
    for (const [file, draft] of this.#names) {
      try {
        const handle = fs.openSync(draft, 'r+')
        fs.fsyncSync(handle)
        fs.closeSync(handle)
        fs.renameSync(draft, file)
        this.#names.delete(file)
      } catch (cause) {
        throw unwritable(file, cause)
      }
    }
  }

  /** Removes what was not committed. */
  discard(): void {
    for (const draft of this.#names.values()) fs.rmSync(draft, { force: true })
    this.#names.clear()
  }
}

/** Runs `write` with drafts that are committed when it succeeds and removed when it does not. */
export async function withDrafts<T>(write: (drafts: Drafts) => Promise<T>): Promise<T> {
  const drafts = new Drafts()
  try {
    const result = await write(drafts)
    drafts.commit()
    return result
  } finally {
    drafts.discard()
  }
}

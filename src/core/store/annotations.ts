import fs from 'node:fs'
import path from 'node:path'
import {
  annotationsSchema,
  LONGEST_NOTE,
  LONGEST_TAG,
  RUN_FILES,
  tagSchema,
  type Annotations,
} from '../../shared/domain/run'
import { AppError, messageOf } from '../../shared/errors'
import type { HistoryDatabase } from './database'

export interface AnnotationChange {
  addTags?: readonly string[]
  removeTags?: readonly string[]
  note?: string
  starred?: boolean
}

export const NO_ANNOTATIONS: Annotations = { format: 1, tags: [], note: '', starred: false }

/** Tags, notes and stars. They stand in the run's folder too, so that they outlive the database and travel with the run. */
export class AnnotationTable {
  readonly #db: HistoryDatabase

  constructor(db: HistoryDatabase) {
    this.#db = db
  }

  of(key: number): Annotations {
    const { handle } = this.#db
    const run = handle
      .prepare<[number], { note: string; starred: number }>('SELECT note, starred FROM runs WHERE key = ?')
      .get(key)
    const tags = handle
      .prepare<[number], { tag: string }>('SELECT tag FROM tags WHERE run = ? ORDER BY tag')
      .all(key)
      .map(({ tag }) => tag)
    return { format: 1, tags, note: run?.note ?? '', starred: run?.starred === 1 }
  }

  /**
   * @param dir the run's folder, where it has one of ours
   * @throws AppError `usage` for a tag or note that is none, `unwritable`
   */
  change(key: number, dir: string | undefined, change: AnnotationChange): Annotations {
    const added = (change.addTags ?? []).map(parseTag)
    if ((change.note?.length ?? 0) > LONGEST_NOTE)
      throw new AppError('usage', `A note has at most ${LONGEST_NOTE} characters`, {
        fix: 'Keep longer texts in a file.',
      })
    return this.#db.write('annotate', () => {
      const before = this.of(key)
      const removed = new Set(change.removeTags)
      const after: Annotations = {
        format: 1,
        tags: [...new Set([...before.tags, ...added])].filter((tag) => !removed.has(tag)).sort(),
        note: change.note ?? before.note,
        starred: change.starred ?? before.starred,
      }
      this.set(key, after)
      // Last, so that a folder that cannot be written leaves the database as it was.
      if (dir !== undefined) writeAnnotations(dir, after)
      return after
    })
  }

  set(key: number, { tags, note, starred }: Annotations): void {
    this.#db.write('set annotations', () => {
      this.#db.statement('UPDATE runs SET note = ?, starred = ? WHERE key = ?').run(note, Number(starred), key)
      this.#db.statement('DELETE FROM tags WHERE run = ?').run(key)
      const insert = this.#db.statement('INSERT OR IGNORE INTO tags (run, tag) VALUES (?, ?)')
      for (const tag of tags) insert.run(key, tag)
    })
  }
}

function parseTag(text: string): string {
  const parsed = tagSchema.safeParse(text)
  if (parsed.success) return parsed.data
  throw new AppError('usage', `"${text.slice(0, LONGEST_TAG)}" is no tag: ${parsed.error.issues[0]?.message ?? ''}`, {
    fix: `A tag has 1 to ${LONGEST_TAG} characters and no comma.`,
  })
}

/** @throws AppError `unwritable` */
export function writeAnnotations(dir: string, annotations: Annotations): void {
  const file = path.join(dir, RUN_FILES.annotations)
  const draft = `${file}.${process.pid}.tmp`
  try {
    fs.writeFileSync(draft, `${JSON.stringify(annotations, null, 2)}\n`, { flush: true })
    fs.renameSync(draft, file)
  } catch (cause) {
    fs.rmSync(draft, { force: true })
    throw new AppError(
      'unwritable',
      `${file} cannot be written: ${messageOf(cause)}`,
      { file, fix: "Tags and notes are kept in the run's folder; check its permissions and the free space." },
      cause,
    )
  }
}

/** `annotations.json` of a run's folder; none where the file is not what it should be. */
export function parseAnnotations(text: string): Annotations {
  try {
    return annotationsSchema.safeParse(JSON.parse(text)).data ?? NO_ANNOTATIONS
  } catch {
    return NO_ANNOTATIONS
  }
}

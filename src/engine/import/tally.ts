import { formatPlace } from '../../shared/errors'
import type { ImportNote, ImportReason } from '../../shared/domain/importing'
import type { Place } from './records'

/** Counts what is left out or changed, by reason, with the first place of each: nothing is dropped in silence. */
export class Tally {
  private readonly notes = new Map<ImportReason, ImportNote>()

  add(reason: ImportReason, place: Place | undefined, message: string, count = 1): void {
    const known = this.notes.get(reason)
    if (known) known.count += count
    else this.notes.set(reason, { reason, count, ...place, message })
  }

  list(): ImportNote[] {
    return [...this.notes.values()]
  }

  /** What to say when nothing is left. */
  describe(): string[] {
    return this.list().map((note) => `${note.count} × ${note.message}, first at ${formatPlace(note)}`)
  }
}

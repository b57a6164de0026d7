import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { unwritable } from '../../run/files'

/**
 * A new, empty file beside `file`, to be renamed to it when it is complete. It is made exclusively and under a name that
 * cannot be foretold: opening a name that somebody has made a link of would write to wherever the link leads.
 *
 * @throws AppError `unwritable`
 */
export function draftFile(file: string): string {
  const draft = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    fs.closeSync(fs.openSync(draft, 'wx'))
  } catch (cause) {
    throw unwritable(file, cause)
  }
  return draft
}

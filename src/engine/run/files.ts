import fs from 'node:fs'
import { AppError, messageOf } from '../../shared/errors'

/** Writes a file so that a reader, or a crash, sees the old bytes or the new ones and nothing between. */
export function writeAtomically(file: string, content: string | Uint8Array): void {
  const temporary = `${file}.tmp`
  try {
    fs.writeFileSync(temporary, content)
    fs.renameSync(temporary, file)
  } catch (cause) {
    fs.rmSync(temporary, { force: true })
    throw unwritable(file, cause)
  }
}

export function unwritable(file: string, cause: unknown): AppError {
  return new AppError(
    'unwritable',
    `${file} cannot be written: ${messageOf(cause)}`,
    { file, fix: 'Check the free space and the permissions of the folder, or choose another with --log_dir.' },
    cause,
  )
}

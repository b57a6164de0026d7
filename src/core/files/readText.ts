import fs from 'node:fs'
import { AppError, messageOf } from '../../shared/errors'
import { foreignText } from '../../shared/textEncoding'

/** What is expected of a small text that a person writes by hand. */
export interface TextKind {
  /** As in "a YAML file is expected". */
  expected: string
  /** As in "a configuration file has at most". */
  kind: string
  maxBytes: number
  /** What to do with one that is larger. */
  larger: string
}

/**
 * A whole text file in UTF-8.
 *
 * @throws AppError `not_found`, `unreadable`
 */
export function readText(file: string, { expected, kind, maxBytes, larger }: TextKind): string {
  let stat: fs.Stats
  try {
    stat = fs.statSync(file)
  } catch (cause) {
    throw missing(file, cause)
  }
  if (stat.isDirectory())
    throw new AppError('unreadable', `${file} is a folder; ${expected} is expected`, {
      file,
      fix: 'Name the file inside it.',
    })
  if (!stat.isFile())
    throw new AppError('unreadable', `${file} is not a regular file`, { file, fix: `Name ${expected}.` })
  if (stat.size > maxBytes)
    throw new AppError(
      'unreadable',
      `${file} has ${(stat.size / 1024 ** 2).toFixed(1)} MiB; ${kind} has at most ${maxBytes / 1024 ** 2}`,
      { file, fix: larger },
    )
  let bytes: Uint8Array
  try {
    bytes = fs.readFileSync(file)
  } catch (cause) {
    throw new AppError('unreadable', `${file} cannot be read: ${messageOf(cause)}`, { file }, cause)
  }
  const foreign = foreignText(bytes)
  if (foreign) throw new AppError('unreadable', foreign.message, { file, line: foreign.line, fix: foreign.fix })
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new AppError('unreadable', `${file} is not UTF-8 text`, { file, fix: 'Save the file as UTF-8.' }, cause)
  }
}

function missing(file: string, cause: unknown): AppError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new AppError('not_found', `There is no file ${file}`, { file, fix: 'Check the path of the file.' }, cause)
  return new AppError('unreadable', `${file} cannot be read: ${messageOf(cause)}`, { file }, cause)
}

import fs from 'node:fs'
import path from 'node:path'
import { AppError, messageOf } from '../../shared/errors'
import { YamlMistake, parseYaml, positionIn } from './yamlText'

/** Configuration files are written by hand; anything larger is a mistake (a data file given in its place). */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024

export interface YamlFile {
  readonly file: string
  readonly value: unknown
  /** 1-based line of a key, by its path; of its nearest ancestor where the key itself is missing. */
  lineOf(keys: readonly PropertyKey[]): number | undefined
}

/**
 * Reads one YAML document and remembers on which line each key stands, so that an error found later by a schema can
 * name the line.
 *
 * @throws AppError `not_found`, `unreadable` or `config_invalid` (with file and line).
 */
export function readYamlFile(file: string): YamlFile {
  const source = readText(file)
  try {
    const { value, placeOf } = parseYaml(source, path.basename(file))
    return {
      file,
      value,
      lineOf(keys) {
        const place = placeOf(keys)
        return place && positionIn(source, place.start).line
      },
    }
  } catch (thrown) {
    if (!(thrown instanceof YamlMistake)) throw AppError.from(thrown, 'config_invalid', { file })
    throw new AppError('config_invalid', thrown.message, { file, ...thrown.details }, thrown.cause ?? thrown)
  }
}

function readText(file: string): string {
  let stat: fs.Stats
  try {
    stat = fs.statSync(file)
  } catch (cause) {
    throw missing(file, cause)
  }
  if (stat.isDirectory())
    throw new AppError('unreadable', `${file} is a folder; a YAML file is expected`, {
      file,
      fix: 'Name the file inside it.',
    })
  if (!stat.isFile()) throw new AppError('unreadable', `${file} is not a regular file`, { file })
  if (stat.size > MAX_CONFIG_BYTES)
    throw new AppError(
      'unreadable',
      `${file} has ${(stat.size / 1024 ** 2).toFixed(1)} MiB; a configuration file has at most ${MAX_CONFIG_BYTES / 1024 ** 2}`,
      {
        file,
        fix: 'This looks like a data file. Give the YAML file instead.',
      },
    )
  let bytes: Uint8Array
  try {
    bytes = fs.readFileSync(file)
  } catch (cause) {
    throw new AppError('unreadable', `${file} cannot be read: ${messageOf(cause)}`, { file }, cause)
  }
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

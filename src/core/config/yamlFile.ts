import path from 'node:path'
import { AppError } from '../../shared/errors'
import { readText, type TextKind } from '../files/readText'
import { YamlMistake, parseYaml, positionIn } from './yamlText'

/** Configuration files are written by hand; anything larger is a mistake (a data file given in its place). */
const YAML: TextKind = {
  expected: 'a YAML file',
  kind: 'a configuration file',
  maxBytes: 4 * 1024 * 1024,
  larger: 'This looks like a data file. Give the YAML file instead.',
}

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
  const source = readText(file, YAML)
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

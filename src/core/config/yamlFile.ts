import fs from 'node:fs'
import path from 'node:path'
import {
  CORE_SCHEMA,
  EVENT_ID,
  YAMLException,
  constructFromEvents,
  getScalarValue,
  mergeTag,
  parseEvents,
} from 'js-yaml'
import { AppError, messageOf } from '../../shared/errors'

/** Configuration files are written by hand; anything larger is a mistake (a data file given in its place). */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024

/** YAML 1.2, with the merge key `<<` that shares splits between the sections of a data configuration. */
const SCHEMA = CORE_SCHEMA.withTags(mergeTag)

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
    const events = parseEvents(source, { filename: path.basename(file) })
    const documents = constructFromEvents(events, { source, schema: SCHEMA })
    if (documents.length > 1)
      throw new AppError('config_invalid', 'This file holds several YAML documents; one is expected', { file })
    const lines = keyLines(source, events)
    return {
      file,
      value: documents[0] ?? null,
      lineOf(keys) {
        for (let n = keys.length; n > 0; n--) {
          const line = lines.get(pathKey(keys.slice(0, n)))
          if (line !== undefined) return line
        }
        return undefined
      },
    }
  } catch (thrown) {
    if (!(thrown instanceof YAMLException)) throw AppError.from(thrown, 'config_invalid', { file })
    const line = thrown.mark && thrown.mark.line + 1
    const { message, fix } = inWords(thrown.reason)
    throw new AppError('config_invalid', message, { file, ...(line !== undefined && { line }), fix }, thrown)
  }
}

/** The parser's terse reasons, for the mistakes that people make. */
function inWords(reason: string): { message: string; fix: string } {
  if (reason.startsWith('duplicated mapping key'))
    return { message: 'This key stands twice in its section', fix: 'Remove one of the two.' }
  if (reason.startsWith('tab characters'))
    return { message: 'This line is indented with a tab; YAML wants spaces', fix: 'Replace the tabs by spaces.' }
  if (reason === 'deficient indentation')
    return {
      message: 'This line is not indented enough, or a quote or bracket before it is not closed',
      fix: 'Close it, or indent the line.',
    }
  return {
    message: `This is not valid YAML: ${reason}`,
    fix: 'Check the indentation and the quotes around that line.',
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

const pathKey = (keys: readonly PropertyKey[]): string => JSON.stringify(keys.map(String))

type Events = ReturnType<typeof parseEvents>

/** Walks the flat event stream once, keeping the path of open collections, and notes the line of every key and item. */
function keyLines(source: string, events: Events): Map<string, number> {
  const lines = new Map<string, number>()
  const lineStarts = [0]
  for (let i = source.indexOf('\n'); i >= 0; i = source.indexOf('\n', i + 1)) lineStarts.push(i + 1)
  const lineAt = (offset: number): number => {
    let low = 0
    let high = lineStarts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (lineStarts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    return low + 1
  }

  interface Open {
    kind: 'document' | 'mapping' | 'sequence'
    keys: PropertyKey[]
    /** The key whose value comes next, in a mapping. */
    pending?: string
    index: number
  }
  const stack: Open[] = []
  /** The path of the node that starts here, or null when the node is a mapping's key. */
  const enter = (offset: number, text?: string): PropertyKey[] | null => {
    const top = stack.at(-1)
    if (!top || top.kind === 'document') return []
    if (top.kind === 'sequence') {
      const keys = [...top.keys, top.index++]
      lines.set(pathKey(keys), lineAt(offset))
      return keys
    }
    if (top.pending === undefined) {
      top.pending = text ?? ''
      lines.set(pathKey([...top.keys, top.pending]), lineAt(offset))
      return null
    }
    const keys = [...top.keys, top.pending]
    delete top.pending
    return keys
  }
  for (const event of events) {
    switch (event.type) {
      case EVENT_ID.DOCUMENT:
        stack.push({ kind: 'document', keys: [], index: 0 })
        break
      case EVENT_ID.MAPPING:
        stack.push({ kind: 'mapping', keys: enter(event.start) ?? [], index: 0 })
        break
      case EVENT_ID.SEQUENCE:
        stack.push({ kind: 'sequence', keys: enter(event.start) ?? [], index: 0 })
        break
      case EVENT_ID.SCALAR:
        enter(event.valueStart, getScalarValue(source, event))
        break
      case EVENT_ID.ALIAS:
        enter(event.anchorStart)
        break
      case EVENT_ID.POP:
        stack.pop()
        break
    }
  }
  return lines
}

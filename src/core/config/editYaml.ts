import { AppError } from '../../shared/errors'
import { parseYaml, type Span, type YamlEntry, type YamlNode, type YamlText } from './yamlText'

/** A value that a key takes; undefined takes the key out. */
export type NewValue = Value | undefined
type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value | undefined }

/**
 * A text in which one key has another value, and everything else stands as it stood: comments, order, spelling of other values.
 *
 * @param path of a key at the top, or of a key in a section
 * @param before keys of the same mapping that a new one stands behind, where they are there
 * @param lines a text of several lines is written as lines where that says the same
 * @throws AppError `config_invalid` where the text is written in a way that cannot be changed in one place
 * @throws YamlMistake
 */
export function editYaml(
  text: string,
  path: readonly string[],
  value: NewValue,
  before: readonly string[],
  lines = false,
): string {
  const parsed = parseYaml(text)
  if (lines && typeof value === 'string' && path.length === 1 && value.includes('\n')) {
    const block = withValue(parsed, path, value, before, literal(value))
    if (isEdited(parsed.value, block, path, value)) return block
  }
  const edited = value === undefined ? without(parsed, path) : withValue(parsed, path, value, before)
  if (edited === text || isEdited(parsed.value, edited, path, value)) return edited
  throw tooInvolved(path)
}

/**
 * The same for what stands in one section, which is a document by itself: `edit` gets it without its indentation. A section that is not
 * there, or is empty, begins as an empty text.
 *
 * @throws AppError `config_invalid` where the section is no block of keys
 * @throws YamlMistake
 */
export function editSection(text: string, section: string, edit: (inner: string) => string): string {
  const { source, root, value } = parseYaml(text)
  const edited = sectionEdited(source, root, section, edit)
  const others = (of: unknown): [string, unknown][] => entriesOf(of).filter(([key]) => key !== section)
  if (!same(new Map(others(value)), new Map(others(parseYaml(edited).value)), 8)) throw tooInvolved([section])
  return edited
}

function sectionEdited(
  source: string,
  root: YamlNode | null,
  section: string,
  edit: (inner: string) => string,
): string {
  const entry = root?.entries.find(({ name }) => name === section)
  if (!entry) {
    if (root?.flow) throw tooInvolved([section])
    const end = contentEnd(source)
    const head = `${source.slice(0, end)}${end === 0 ? '' : '\n'}${section}:`
    return replaceBlock(head, head.length, head.length, '  ', edit(''))
  }
  const { key, value } = entry
  const first = value.entries[0]
  if (value.flow) {
    const inner = edit(source.slice(value.start, value.end)).trimEnd()
    if (inner.includes('\n')) throw tooInvolved([section])
    return splice(source, value, inner)
  }
  const start = lineEnd(source, key.end)
  if (value.start === value.end) return replaceBlock(source, start, start, '  ', edit(''))
  if (!first) throw tooInvolved([section])
  const indent = indentOf(source, first.key.start)
  const end = lineEnd(source, value.end)
  const lines = source.slice(start + 1, end).split('\n')
  const inner = lines.map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line.trimStart())).join('\n')
  return replaceBlock(source, start, end, indent, edit(`${inner}\n`))
}

function replaceBlock(source: string, start: number, end: number, indent: string, inner: string): string {
  const lines = inner.trimEnd().split('\n')
  const block = lines.map((line) => (line === '' ? '' : indent + line)).join('\n')
  return `${source.slice(0, start)}\n${block}${source.slice(end) || '\n'}`
}

function tooInvolved(path: readonly string[]): AppError {
  return new AppError('config_invalid', `${path.join('.')} is written in a way that the form cannot change`, {
    key: path.join('.'),
    fix: 'Change it in the text.',
  })
}

function withValue(
  parsed: YamlText,
  path: readonly string[],
  value: Exclude<NewValue, undefined>,
  before: readonly string[],
  written = scalar(value),
): string {
  const { source, root } = parsed
  const [first, second] = path
  if (first === undefined) return source
  if (root !== null && root.kind !== 'mapping' && parsed.value !== null) throw tooInvolved(path)
  const top = root?.kind === 'mapping' ? root : null
  const entry = top?.entries.find(({ name }) => name === first)
  if (second === undefined) {
    if (entry) return replaceValue(source, entry, written)
    return insert(source, top, first, written, before)
  }
  if (!entry) return appendSection(source, top, first, second, written)
  const section = entry.value
  if (section.kind === 'mapping') {
    const inner = section.entries.find(({ name }) => name === second)
    return inner ? replaceValue(source, inner, written) : insert(source, section, second, written, before)
  }
  // A section whose keys are all commented out.
  if (section.start === section.end && top && !top.flow) {
    const indent = `${indentOf(source, entry.key.start)}  `
    return insertLine(source, lineEnd(source, section.end), `${indent}${second}: ${written}`)
  }
  throw tooInvolved(path)
}

function replaceValue(source: string, { key, value }: YamlEntry, written: string): string {
  const colon = /^\s*:/.exec(source.slice(key.end))
  if (!colon) throw tooInvolved([source.slice(key.start, key.end)])
  const start = key.end + colon[0].length
  return splice(source, { start, end: Math.max(start, value.end) }, ` ${written}`)
}

function insert(
  source: string,
  mapping: YamlNode | null,
  name: string,
  written: string,
  before: readonly string[],
): string {
  const line = `${name}: ${written}`
  if (!mapping) return insertLine(source, contentEnd(source), line)
  const place = mapping.entries.filter((entry) => before.includes(entry.name)).at(-1)
  const first = mapping.entries[0]
  if (mapping.flow) {
    const last = mapping.entries.at(-1)
    if (!last) return splice(source, { start: mapping.start, end: mapping.end }, `{ ${line} }`)
    return splice(source, { start: last.value.end, end: last.value.end }, `, ${line}`)
  }
  if (!first) throw tooInvolved([name])
  const indent = indentOf(source, first.key.start)
  // A key that stands behind something else on its line, as the first one after `- `.
  if (source.slice(lineStart(source, first.key.start), first.key.start).trim() !== '') throw tooInvolved([name])
  if (place) return insertLine(source, lineEnd(source, place.value.end), `${indent}${line}`)
  return splice(source, spanAt(lineStart(source, first.key.start)), `${indent}${line}\n`)
}

function appendSection(source: string, top: YamlNode | null, section: string, name: string, written: string): string {
  if (top?.flow) {
    const last = top.entries.at(-1)
    const line = `${section}: { ${name}: ${written} }`
    if (!last) return splice(source, top, `{ ${line} }`)
    return splice(source, spanAt(last.value.end), `, ${line}`)
  }
  const end = contentEnd(source)
  const gap = end === 0 ? '' : '\n'
  return insertLine(source, end, `${gap}${section}:\n  ${name}: ${written}`)
}

/** Takes the key's lines out, and the section with its last key, where nothing else stands in it. */
function without({ source, root }: YamlText, path: readonly string[]): string {
  const [first, second] = path
  if (root?.kind !== 'mapping') return source
  const entry = root.entries.find(({ name }) => name === first)
  if (!entry) return source
  if (second === undefined) return removeEntry(source, root, entry)
  const section = entry.value
  const inner = section.entries.find(({ name }) => name === second)
  if (!inner) return source
  const only = section.entries.length === 1
  if (!only) return removeEntry(source, section, inner)
  if (section.flow) return removeEntry(source, root, entry)
  const from = lineEnd(source, entry.key.end)
  const rest = source.slice(from, lineStart(source, inner.key.start))
  const alone = rest.trim() === '' && !/#/.test(source.slice(entry.key.end, from))
  if (!alone || root.flow) return removeEntry(source, section, inner)
  const start = lineStart(source, entry.key.start)
  return closeGap(splice(source, { start, end: afterLine(source, inner.value.end) }, ''), start)
}

function removeEntry(source: string, mapping: YamlNode, entry: YamlEntry): string {
  if (mapping.flow) {
    const index = mapping.entries.indexOf(entry)
    const next = mapping.entries[index + 1]
    const previous = mapping.entries[index - 1]
    if (next) return splice(source, { start: entry.key.start, end: next.key.start }, '')
    if (previous) return splice(source, { start: previous.value.end, end: entry.value.end }, '')
    return splice(source, { start: mapping.start, end: mapping.end }, '{}')
  }
  const start = lineStart(source, entry.key.start)
  if (source.slice(start, entry.key.start).trim() !== '') throw tooInvolved([entry.name])
  return splice(source, { start, end: afterLine(source, entry.value.end) }, '')
}

/** Where a section was, one blank line is enough. */
function closeGap(source: string, at: number): string {
  const before = source.slice(0, at)
  const after = source.slice(at)
  if (/\n[ \t]*\n$/.test(before) && (after.trim() === '' || /^[ \t]*\n/.test(after)))
    return before.replace(/\n[ \t]*\n$/, '\n') + (after.trim() === '' ? '' : after)
  return source
}

const spanAt = (offset: number): Span => ({ start: offset, end: offset })

function splice(source: string, { start, end }: Span, text: string): string {
  return source.slice(0, start) + text + source.slice(end)
}

const lineStart = (source: string, at: number): number => source.lastIndexOf('\n', at - 1) + 1

function lineEnd(source: string, at: number): number {
  const end = source.indexOf('\n', at)
  return end < 0 ? source.length : end
}

const afterLine = (source: string, at: number): number => Math.min(source.length, lineEnd(source, at) + 1)

function indentOf(source: string, at: number): string {
  return /^[ ]*/.exec(source.slice(lineStart(source, at)))?.[0] ?? ''
}

/** Behind the last line that holds anything. */
function contentEnd(source: string): number {
  return source.trimEnd().length
}

function insertLine(source: string, at: number, line: string): string {
  const rest = source.slice(at)
  return `${source.slice(0, at)}${at === 0 ? '' : '\n'}${line}${rest === '' ? '\n' : rest}`
}

/** As a block of lines; what it cannot say so is found out by whoever reads it again. */
function literal(value: string): string {
  const lines = value.replace(/\n$/, '').split('\n')
  return `|${value.endsWith('\n') ? '' : '-'}\n${lines.map((line) => (line === '' ? '' : `  ${line}`)).join('\n')}`
}

/** As YAML, and as readers of YAML 1.1 take it too: they want a point in a number with an exponent. */
export function scalar(value: Exclude<NewValue, undefined>): string {
  if (typeof value === 'number') return numberText(value)
  if (typeof value === 'boolean' || value === null) return String(value)
  if (isList(value)) return `[${value.map((one) => scalar(one)).join(', ')}]`
  if (typeof value === 'string') return isPlain(value) ? value : JSON.stringify(value)
  const entries = Object.entries(value).flatMap(([key, one]) =>
    one === undefined ? [] : [`${scalar(key)}: ${scalar(one)}`],
  )
  return `{ ${entries.join(', ')} }`
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value)

export function numberText(value: number): string {
  if (Number.isNaN(value)) return '.nan'
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf'
  const size = Math.abs(value)
  const text = (size >= 1e6 && value % 1e5 === 0) || (size > 0 && size < 1e-3) ? value.toExponential() : String(value)
  return text.replace(/^(-?\d+)e/, '$1.0e')
}

/** A text that YAML reads back as that text without quotes. */
function isPlain(text: string): boolean {
  // `0..3` is how seeds are written.
  if (!/^(?:[A-Za-z_./~][\w./ +@-]*|\d+\.\.\d+)$/.test(text) || text !== text.trim()) return false
  try {
    return (
      parseYaml(`a: ${text}`).value instanceof Object &&
      Reflect.get(Object(parseYaml(`a: ${text}`).value), 'a') === text
    )
  } catch {
    return false
  }
}

/** Whether the new text says the new value, and of everything else what the old one said. */
function isEdited(before: unknown, text: string, path: readonly string[], value: NewValue): boolean {
  try {
    const after = parseYaml(text).value
    return same(changed(before, path, value), after)
  } catch {
    return false
  }
}

function changed(before: unknown, [first, second]: readonly string[], value: NewValue): unknown {
  if (first === undefined) return before
  const top = new Map(entriesOf(before))
  if (second === undefined) {
    if (value === undefined) top.delete(first)
    else top.set(first, value)
    return top
  }
  const section = new Map(entriesOf(top.get(first)))
  if (value === undefined) section.delete(second)
  else section.set(second, value)
  top.set(first, section)
  return top
}

function entriesOf(value: unknown): [string, unknown][] {
  if (value instanceof Map) return [...value.entries()].map(([key, one]) => [String(key), one])
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []
}

const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  (typeof value === 'object' && !Array.isArray(value) && entriesOf(value).length === 0)

/** Deep equality; a section without keys is the same as none. Aliases may nest without end, so depth is limited. */
function same(a: unknown, b: unknown, depth = 4): boolean {
  if (Object.is(a, b) || (isEmpty(a) && isEmpty(b))) return true
  if (depth === 0 || typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((one, i) => same(one, b[i], depth - 1))
    )
  const left = new Map(entriesOf(a).filter(([, one]) => !isEmpty(one)))
  const right = new Map(entriesOf(b).filter(([, one]) => !isEmpty(one)))
  return left.size === right.size && [...left].every(([key, one]) => same(one, right.get(key), depth - 1))
}

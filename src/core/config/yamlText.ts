import {
  COLLECTION_STYLE,
  CORE_SCHEMA,
  EVENT_ID,
  SCALAR_STYLE,
  YAMLException,
  constructFromEvents,
  getScalarValue,
  mergeTag,
  parseEvents,
} from 'js-yaml'
import { AppError } from '../../shared/errors'

/** YAML 1.2, with the merge key `<<` that shares splits between the sections of a data configuration. */
const SCHEMA = CORE_SCHEMA.withTags(mergeTag)

/** From `start` up to, not including, `end`: offsets into the text. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** A value where it stands in the text. Nodes of a block end with their last child. */
export interface YamlNode extends Span {
  readonly kind: 'scalar' | 'alias' | 'mapping' | 'sequence'
  /** `{…}` or `[…]`. */
  readonly flow: boolean
  /** Of a mapping. */
  readonly entries: readonly YamlEntry[]
  /** Of a sequence. */
  readonly items: readonly YamlNode[]
}

export interface YamlEntry {
  readonly name: string
  readonly key: YamlNode
  readonly value: YamlNode
}

/** A document, and where each of its keys stands. */
export interface YamlText {
  readonly source: string
  readonly value: unknown
  /** Null for a document without a value. */
  readonly root: YamlNode | null
  /** Of a key or an item, by its path; of its nearest ancestor where it is missing. */
  placeOf(keys: readonly PropertyKey[]): Span | undefined
}

/** Text that is no YAML document. */
export class YamlMistake extends AppError {
  readonly offset: number

  constructor(message: string, fix: string | undefined, offset: number, line: number, cause?: unknown) {
    super('config_invalid', message, { line, ...(fix !== undefined && { fix }) }, cause)
    this.offset = offset
  }
}

/**
 * Reads one document and remembers where each key stands, so that an error found later by a schema can name the place.
 *
 * @param name of the file, for the parser's messages
 * @throws YamlMistake
 */
export function parseYaml(source: string, name = 'text'): YamlText {
  try {
    const events = parseEvents(source, { filename: name })
    const documents = constructFromEvents(events, { source, schema: SCHEMA })
    if (documents.length > 1)
      throw new YamlMistake('This file holds several YAML documents; one is expected', undefined, 0, 1)
    const root = treeOf(source, events)
    return {
      source,
      value: documents[0] ?? null,
      root,
      placeOf: (keys) => placeIn(root, keys),
    }
  } catch (thrown) {
    if (!(thrown instanceof YAMLException)) throw thrown
    const { message, fix } = inWords(thrown.reason)
    throw new YamlMistake(message, fix, thrown.mark?.position ?? 0, (thrown.mark?.line ?? 0) + 1, thrown)
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

/** 1-based, both. */
export interface Position {
  line: number
  column: number
}

export function positionIn(source: string, offset: number): Position {
  const before = source.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: offset - lineStart + 1 }
}

function placeIn(root: YamlNode | null, keys: readonly PropertyKey[]): Span | undefined {
  let node = root
  let place: Span | undefined
  for (const key of keys) {
    const entry = node?.entries.find(({ name }) => name === String(key))
    const item = typeof key === 'number' || /^\d+$/.test(String(key)) ? node?.items[Number(key)] : undefined
    const next = entry?.key ?? item
    if (!next) break
    place = next
    node = entry?.value ?? item ?? null
  }
  return place
}

type Events = ReturnType<typeof parseEvents>

interface Open {
  kind: 'document' | 'mapping' | 'sequence'
  flow: boolean
  start: number
  children: (YamlNode & { text: string })[]
}

/** One walk over the flat events, without recursion: depth costs nothing. */
function treeOf(source: string, events: Events): YamlNode | null {
  const stack: Open[] = []
  let root: YamlNode | null = null
  /** Where the parser has come to: a value that is not there stands after what was before it. */
  let at = 0
  const add = (node: YamlNode, text = ''): void => {
    at = Math.max(at, node.end)
    stack.at(-1)?.children.push({ ...node, text })
  }
  for (const event of events) {
    switch (event.type) {
      case EVENT_ID.DOCUMENT:
        stack.push({ kind: 'document', flow: false, start: 0, children: [] })
        break
      case EVENT_ID.MAPPING:
      case EVENT_ID.SEQUENCE:
        stack.push({
          kind: event.type === EVENT_ID.MAPPING ? 'mapping' : 'sequence',
          flow: event.style === COLLECTION_STYLE.FLOW,
          start: event.start,
          children: [],
        })
        at = Math.max(at, event.start)
        break
      case EVENT_ID.SCALAR: {
        const quote = event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED ? 1 : 0
        const there = event.valueStart >= 0
        const start = there ? event.valueStart - quote : Math.max(at, event.anchorEnd, event.tagEnd)
        const end = there ? event.valueEnd + quote : start
        add({ kind: 'scalar', flow: false, start, end, entries: [], items: [] }, getScalarValue(source, event))
        break
      }
      case EVENT_ID.ALIAS:
        add({
          kind: 'alias',
          flow: false,
          start: event.anchorStart - 1,
          end: event.anchorEnd,
          entries: [],
          items: [],
        })
        break
      case EVENT_ID.POP: {
        const closed = stack.pop()
        if (!closed) break
        if (closed.kind === 'document') root ??= closed.children[0] ?? null
        else add(closedNode(source, closed))
        break
      }
    }
  }
  return root
}

function closedNode(source: string, { kind, flow, start, children }: Open): YamlNode {
  const last = children.at(-1)
  const inner = last?.end ?? start
  const entries: YamlEntry[] = []
  if (kind === 'mapping')
    for (let i = 0; i + 1 < children.length; i += 2)
      entries.push({ name: children[i]!.text, key: children[i]!, value: children[i + 1]! })
  return {
    kind: kind === 'mapping' ? 'mapping' : 'sequence',
    flow,
    start,
    end: flow ? closingBracket(source, Math.max(inner, start + 1)) : inner,
    entries,
    items: kind === 'sequence' ? children : [],
  }
}

/** Behind the bracket that ends a flow collection: only blanks, commas, comments and the colon of a missing value stand before it. */
function closingBracket(source: string, from: number): number {
  for (let at = from; at < source.length; at++) {
    const character = source[at]
    if (character === ']' || character === '}') return at + 1
    if (character === '#') {
      const end = source.indexOf('\n', at)
      if (end < 0) break
      at = end
    }
  }
  return source.length
}

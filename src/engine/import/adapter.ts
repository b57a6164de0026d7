import type { ImportOptions, ImportRole } from '../../shared/domain/importing'
import type { UserId } from '../../shared/domain/dataset'
import { didYouMean } from '../../shared/config/nearest'
import { AppError } from '../../shared/errors'
import { toIdentifier } from '../data/values'
import type { Place, SourceRecord } from './records'
import type { Pair } from './sink'
import type { Tally } from './tally'

/** What turns the rows of one source format into pairs. */
export interface Adapter {
  record(record: SourceRecord, place: Place): void
  /** Called after the last row: for what needs all rows of a question. */
  finish?(): void
}

export interface AdapterContext {
  readonly options: ImportOptions
  readonly tally: Tally
  readonly emit: (pair: Pair, place: Place) => void
}

/** Names under which a role's column is looked for when no flag names it, in this order. */
const USUAL_NAMES: Readonly<Record<ImportRole, readonly string[]>> = {
  user: ['u_id', 'user_id', 'user', 'worker', 'annotator', 'annotator_id', 'judge'],
  prompt: ['prompt', 'question', 'instruction', 'user_prompt', 'input', 'context'],
  id: ['id', 'question_id', 'utterance_id'],
  chosen: ['chosen', 'preferred', 'winner'],
  rejected: ['rejected', 'loser'],
  answer: ['answer', 'response', 'completion', 'model_response', 'output'],
  answers: ['answers', 'responses', 'completions', 'outputs'],
  rating: ['rating', 'score'],
  ratings: ['ratings', 'scores'],
  ranks: ['ranks', 'rank', 'ranking'],
  best: ['best', 'choice', 'chosen'],
  answer_a: ['answer_a', 'response_a', 'completion_a', 'output_1', 'a'],
  answer_b: ['answer_b', 'response_b', 'completion_b', 'output_2', 'b'],
  vote: ['vote', 'votes', 'winner', 'preference'],
}

/** Finds the columns of a generic source, once, in its first row. */
export class Columns {
  private readonly names = new Map<ImportRole, string>()
  private readonly found: ReadonlySet<string>

  constructor(
    first: SourceRecord,
    place: Place,
    options: ImportOptions,
    needed: readonly ImportRole[],
    optional: readonly ImportRole[] = [],
  ) {
    const columns = Object.keys(first)
    for (const role of [...needed, ...optional]) {
      const given = options.columns[role]
      const name = given ?? USUAL_NAMES[role].find((usual) => columns.includes(usual))
      if (name !== undefined && columns.includes(name)) this.names.set(role, name)
      else if (given !== undefined || needed.includes(role)) throw noColumn(role, given, columns, place)
    }
    this.found = new Set(this.names.values())
  }

  has(role: ImportRole): boolean {
    return this.names.has(role)
  }

  get(record: SourceRecord, role: ImportRole): unknown {
    const name = this.names.get(role)
    return name !== undefined && Object.hasOwn(record, name) ? record[name] : undefined
  }

  /** What no role has taken. */
  rest(record: SourceRecord): SourceRecord {
    return without(record, this.found)
  }
}

export function without(record: SourceRecord, names: ReadonlySet<string>): SourceRecord {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !names.has(name)))
}

function noColumn(role: ImportRole, given: string | undefined, columns: readonly string[], place: Place): AppError {
  const flag = `--${role}`
  const message =
    given === undefined
      ? `No column is known as the ${role.replace('_', ' ')}`
      : `There is no column "${given}".${didYouMean(given, columns)}`
  return new AppError('data_invalid', message, {
    ...place,
    fix: `Name it with ${flag}. Columns here: ${columns.join(', ').slice(0, 300)}.`,
  })
}

/** A text that says something, or undefined. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}

/** A user's id; counts its absence. */
export function userOf(value: unknown, place: Place, tally: Tally): UserId | undefined {
  const checked = toIdentifier(value)
  if (checked.fault === undefined) return checked.value
  if (checked.fault === 'missing') tally.add('no_user', place, 'the user is missing')
  else tally.add('bad_value', place, 'the user is neither an integer nor a text')
  return undefined
}

/** A prompt, a text or a list of chat messages; counts its absence. */
export function promptOf(value: unknown, place: Place, { options, tally }: AdapterContext): string | undefined {
  const text = Array.isArray(value) ? conversationText(value, options.context) : textOf(value)
  if (text === undefined) tally.add('no_prompt', place, 'the prompt is missing or no text')
  return text
}

/** An integer or a text, as an id; undefined where there is none. */
export function idOf(value: unknown): string | number | undefined {
  const checked = toIdentifier(value)
  return checked.fault === undefined ? checked.value : undefined
}

/** A list, also as JSON in a cell of CSV; undefined where it is none. */
export function listOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value
  const parsed = typeof value === 'string' && value.trimStart().startsWith('[') ? parsedJson(value) : undefined
  return Array.isArray(parsed) ? parsed : undefined
}

/** An object, also as JSON in a cell of CSV. */
export function objectOf(value: unknown): SourceRecord | undefined {
  const parsed = typeof value === 'string' && value.trimStart().startsWith('{') ? parsedJson(value) : value
  return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
    ? Object.fromEntries(Object.entries(parsed))
    : undefined
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A finite number, also as text in a cell of CSV. */
export function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

export interface Message {
  readonly role: string
  readonly content: string
}

/**
 * A conversation as one text: its last message alone, or every message with its speaker, blank lines between. One message
 * is itself.
 */
export function flatten(messages: readonly Message[], context: ImportOptions['context']): string {
  const last = messages.at(-1)
  if (!last) return ''
  if (messages.length === 1 || context === 'last') return last.content
  return messages.map(({ role, content }) => `${SPEAKERS[role] ?? role}: ${content}`).join('\n\n')
}

const SPEAKERS: Readonly<Record<string, string>> = {
  user: 'User',
  human: 'User',
  assistant: 'Assistant',
  model: 'Assistant',
  system: 'System',
}

function conversationText(value: readonly unknown[], context: ImportOptions['context']): string | undefined {
  const messages: Message[] = []
  for (const item of value) {
    const message = objectOf(item)
    const content = textOf(message?.['content'])
    const role = textOf(message?.['role'])
    if (content === undefined || role === undefined) return undefined
    messages.push({ role, content })
  }
  return messages.length === 0 ? undefined : flatten(messages, context)
}

import type { ImportFormat, ImportRole } from '../../../shared/domain/importing'
import { AppError } from '../../../shared/errors'
import {
  Columns,
  idOf,
  listOf,
  numberOf,
  objectOf,
  promptOf,
  textOf,
  userOf,
  type Adapter,
  type AdapterContext,
} from '../adapter'
import { emitScored, type Question, type ScoredAnswer } from '../questions'
import type { Place, SourceRecord } from '../records'

type GenericFormat = Extract<ImportFormat, 'pairs' | 'ranked' | 'ratings' | 'best_of_n' | 'votes'>

/** Columns that a format needs, and those that it uses where they are. */
const ROLES: Readonly<Record<GenericFormat, { needed: ImportRole[]; optional: ImportRole[] }>> = {
  pairs: { needed: ['user', 'prompt', 'chosen', 'rejected'], optional: ['id'] },
  ranked: { needed: ['user', 'prompt', 'answers'], optional: ['id', 'ranks'] },
  ratings: { needed: ['user', 'prompt'], optional: ['id', 'answers', 'ratings', 'answer', 'rating'] },
  best_of_n: { needed: ['user', 'prompt', 'answers', 'best'], optional: ['id'] },
  votes: { needed: ['prompt', 'answer_a', 'answer_b', 'vote'], optional: ['id', 'user'] },
}

/** One row a question or a judgement, its columns named by flags or by their usual names. */
export function genericAdapter(format: GenericFormat, context: AdapterContext): Adapter {
  let columns: Columns | undefined
  const grouped = new RatingGroups(context)
  const { needed, optional } = ROLES[format]
  return {
    record(record, place) {
      columns ??= new Columns(record, place, context.options, needed, optional)
      switch (format) {
        case 'pairs':
          return readPair(record, place, columns, context)
        case 'ranked':
          return readRanked(record, place, columns, context)
        case 'ratings':
          if (columns.has('answers')) return readRatedList(record, place, columns, context)
          return grouped.add(record, place, columns)
        case 'best_of_n':
          return readBest(record, place, columns, context)
        case 'votes':
          return readVotes(record, place, columns, context)
      }
    },
    finish: () => grouped.finish(),
  }
}

function questionOf(
  record: SourceRecord,
  place: Place,
  columns: Columns,
  context: AdapterContext,
): Question | undefined {
  const user = userOf(columns.get(record, 'user'), place, context.tally)
  if (user === undefined) return undefined
  const prompt = promptOf(columns.get(record, 'prompt'), place, context)
  if (prompt === undefined) return undefined
  const id = idOf(columns.get(record, 'id'))
  return { user, prompt, ...(id !== undefined && { id }), metadata: columns.rest(record) }
}

function readPair(record: SourceRecord, place: Place, columns: Columns, context: AdapterContext): void {
  const question = questionOf(record, place, columns, context)
  if (!question) return
  const chosen = textOf(columns.get(record, 'chosen'))
  const rejected = textOf(columns.get(record, 'rejected'))
  if (chosen === undefined || rejected === undefined)
    context.tally.add('no_answer', place, `${chosen === undefined ? 'chosen' : 'rejected'} is missing or no text`)
  else context.emit({ ...question, chosen, rejected }, place)
}

/** The list's texts; counts an answer that is none, and a list that is none. */
function answersOf(
  record: SourceRecord,
  place: Place,
  columns: Columns,
  { tally }: AdapterContext,
): (string | undefined)[] | undefined {
  const list = listOf(columns.get(record, 'answers'))
  if (!list) {
    tally.add('bad_value', place, 'the answers are not a list')
    return undefined
  }
  return list.map((item) => {
    const text = textOf(item)
    if (text === undefined) tally.add('no_answer', place, 'an answer of the list is no text')
    return text
  })
}

/** Best first, or by `ranks`: 1 for the best, equal numbers for ties. */
function readRanked(record: SourceRecord, place: Place, columns: Columns, context: AdapterContext): void {
  const question = questionOf(record, place, columns, context)
  const answers = question && answersOf(record, place, columns, context)
  if (!question || !answers) return
  const ranks = columns.has('ranks')
    ? numbersFor(record, 'ranks', answers, place, columns, context)
    : answers.map((_, i) => i)
  if (!ranks) return
  const scored = answers.flatMap((text, i) => (text === undefined ? [] : [{ text, score: -ranks[i]! }]))
  emitScored(question, scored, place, context)
}

function numbersFor(
  record: SourceRecord,
  role: 'ranks' | 'ratings',
  answers: readonly unknown[],
  place: Place,
  columns: Columns,
  { tally }: AdapterContext,
): number[] | undefined {
  const numbers = listOf(columns.get(record, role))?.map(numberOf)
  if (numbers?.length === answers.length && numbers.every((value) => value !== undefined)) return numbers
  tally.add('bad_value', place, `the ${role} are not a list of as many numbers as there are answers`)
  return undefined
}

function readRatedList(record: SourceRecord, place: Place, columns: Columns, context: AdapterContext): void {
  const question = questionOf(record, place, columns, context)
  const answers = question && answersOf(record, place, columns, context)
  const ratings = answers && numbersFor(record, 'ratings', answers, place, columns, context)
  if (!question || !answers || !ratings) return
  const scored = answers.flatMap((text, i) => (text === undefined ? [] : [{ text, score: ratings[i]! }]))
  emitScored(question, scored, place, context)
}

/** `best`: the place in the list from 0, or the text itself. */
function readBest(record: SourceRecord, place: Place, columns: Columns, context: AdapterContext): void {
  const question = questionOf(record, place, columns, context)
  const answers = question && answersOf(record, place, columns, context)
  if (!question || !answers) return
  const best = columns.get(record, 'best')
  const index = typeof best === 'string' && answers.includes(best) ? answers.indexOf(best) : numberOf(best)
  const chosen = index === undefined ? undefined : answers[index]
  if (chosen === undefined) {
    context.tally.add('no_choice', place, 'best is neither one of the answers nor a place in their list, from 0')
    return
  }
  const scored = answers.flatMap((text) => (text === undefined ? [] : [{ text, score: text === chosen ? 1 : 0 }]))
  // The others are not ranked among themselves.
  emitScored(question, scored, place, { ...context, options: { ...context.options, pairs: 'best' } })
}

const VOTES: Readonly<Record<string, 'a' | 'b' | 'tie'>> = {
  a: 'a',
  answer_a: 'a',
  model_a: 'a',
  '1': 'a',
  b: 'b',
  answer_b: 'b',
  model_b: 'b',
  '2': 'b',
  tie: 'tie',
  both: 'tie',
  equal: 'tie',
  'tie (bothbad)': 'tie',
  '0': 'tie',
}

/** One person's vote a row, or an object of user → vote. */
function readVotes(record: SourceRecord, place: Place, columns: Columns, context: AdapterContext): void {
  const { tally } = context
  const cell = columns.get(record, 'vote')
  const many = objectOf(cell)
  if (!many && !columns.has('user'))
    throw new AppError('data_invalid', 'No column is known as the user', {
      ...place,
      fix: 'Name it with --user, or give votes as an object of user and vote.',
    })
  const prompt = promptOf(columns.get(record, 'prompt'), place, context)
  if (prompt === undefined) return
  const a = textOf(columns.get(record, 'answer_a'))
  const b = textOf(columns.get(record, 'answer_b'))
  if (a === undefined || b === undefined) {
    tally.add('no_answer', place, `answer ${a === undefined ? 'a' : 'b'} is missing or no text`)
    return
  }
  const id = idOf(columns.get(record, 'id'))
  const votes: [unknown, unknown][] = many ? Object.entries(many) : [[columns.get(record, 'user'), cell]]
  for (const [who, what] of votes) {
    const user = userOf(who, place, tally)
    if (user === undefined) continue
    const vote = VOTES[String(what).trim().toLowerCase()]
    if (vote === undefined) tally.add('bad_value', place, `the vote ${JSON.stringify(what)} is none of a, b, tie`)
    else if (vote === 'tie') tally.add('tie', place, 'both answers were voted equal')
    else {
      const own = id === undefined ? {} : { id: votes.length > 1 ? `${id}/${user}` : id }
      const [chosen, rejected] = vote === 'a' ? [a, b] : [b, a]
      context.emit({ user, prompt, ...own, metadata: columns.rest(record), chosen, rejected }, place)
    }
  }
}

/** Characters of texts that wait for the rest of their question. */
const MAX_WAITING_CHARACTERS = 256 << 20

interface Group {
  question: Question
  place: Place
  answers: ScoredAnswer[]
}

/** Ratings in long form, one answer a row: all rows of a user and prompt are one question, wherever they stand. */
class RatingGroups {
  private readonly groups = new Map<string, Group>()
  private characters = 0
  private readonly context: AdapterContext

  constructor(context: AdapterContext) {
    this.context = context
  }

  add(record: SourceRecord, place: Place, columns: Columns): void {
    const { tally } = this.context
    if (!columns.has('answer') || !columns.has('rating'))
      throw new AppError('data_invalid', 'Neither a list of answers nor an answer and its rating are known columns', {
        ...place,
        fix: 'Name them with --answers and --ratings, or with --answer and --rating.',
      })
    const question = questionOf(record, place, columns, this.context)
    if (!question) return
    const text = textOf(columns.get(record, 'answer'))
    const score = numberOf(columns.get(record, 'rating'))
    if (text === undefined) return tally.add('no_answer', place, 'the answer is missing or no text')
    if (score === undefined) return tally.add('bad_value', place, 'the rating is not a number')
    const key = JSON.stringify([question.user, question.prompt])
    const known = this.groups.get(key)
    this.characters += text.length + (known ? 0 : 2 * key.length)
    if (this.characters > MAX_WAITING_CHARACTERS)
      throw new AppError('out_of_range', 'The ratings have more than 256 MiB of text, too much to hold', {
        ...place,
        fix: 'Import parts that keep the rows of one user and prompt together.',
      })
    if (known) known.answers.push({ text, score })
    else this.groups.set(key, { question, place, answers: [{ text, score }] })
  }

  finish(): void {
    for (const { question, place, answers } of this.groups.values()) emitScored(question, answers, place, this.context)
    this.groups.clear()
  }
}

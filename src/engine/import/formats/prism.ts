import { flatten, objectOf, textOf, userOf, without, type Adapter, type AdapterContext, type Message } from '../adapter'
import { emitScored } from '../questions'
import type { Place, SourceRecord } from '../records'

interface Reply {
  text: string
  score: number | undefined
  chosen: boolean
  metadata: SourceRecord
}

interface Turn {
  prompt: string | undefined
  replies: Reply[]
}

/** What a pair does not repeat: the conversation, and what it is made of. */
const TAKEN = new Set(['user_id', 'conversation_id', 'conversation_history', 'opening_prompt'])
/** Fields of a message that are read; others are kept with `chosen_` and `rejected_` before their names. */
const READ = new Set(['turn', 'role', 'content', 'score', 'if_chosen', 'within_turn_id'])

/**
 * PRISM's `conversations.jsonl`: one conversation a row, `conversation_history` a list of `{turn, role, content}` with
 * `score`, `if_chosen` and `model_name` in the model's messages. Each turn is a question: its chosen reply is preferred to
 * every other (`best`), or replies are ordered by their scores (`all`).
 */
export function prismAdapter(context: AdapterContext): Adapter {
  const { options, tally, emit } = context
  return {
    record(record, place) {
      const user = userOf(record['user_id'], place, tally)
      if (user === undefined) return
      const turns = readTurns(record['conversation_history'], place, context)
      if (!turns) return
      const before: Message[] = []
      for (const [number, { prompt, replies }] of turns) {
        if (prompt === undefined) {
          tally.add('no_prompt', place, `turn ${number} has no message of the user`)
          break
        }
        before.push({ role: 'user', content: prompt })
        const id = `${textOf(record['conversation_id']) ?? `row ${place.row}`}/${number}`
        const question = {
          user,
          prompt: flatten(before, options.context),
          id,
          metadata: {
            ...without(record, TAKEN),
            conversation_id: record['conversation_id'] ?? null,
            turn: number,
          },
        }
        const chosen = chosenOf(replies, number, place, context)
        if (options.pairs === 'all') {
          const scored = replies.flatMap(({ text, score }) => (score === undefined ? [] : [{ text, score }]))
          if (scored.length < replies.length)
            tally.add('bad_value', place, `a reply of turn ${number} has no score`, replies.length - scored.length)
          emitScored(question, scored, place, context)
        } else if (chosen) {
          const others = firstOfEach(replies.filter(({ text }) => text !== chosen.text))
          if (others.length === 0) tally.add('too_few_answers', place, `turn ${number} has a single reply`)
          for (const [n, other] of others.entries())
            emit(
              {
                ...question,
                id: others.length === 1 ? id : `${id}/${n}`,
                chosen: chosen.text,
                rejected: other.text,
                metadata: { ...question.metadata, ...about('chosen', chosen), ...about('rejected', other) },
              },
              place,
            )
        }
        if (!chosen) break
        before.push({ role: 'assistant', content: chosen.text })
      }
    },
  }
}

function about(side: string, { score, metadata }: Reply): SourceRecord {
  const named = Object.entries(metadata).map(([name, value]) => [`${side}_${name}`, value])
  return { ...Object.fromEntries(named), ...(score !== undefined && { [`${side}_score`]: score }) }
}

function firstOfEach(replies: readonly Reply[]): Reply[] {
  return [...new Map(replies.toReversed().map((reply) => [reply.text, reply])).values()].toReversed()
}

/** Turns in order. */
function readTurns(value: unknown, place: Place, { tally }: AdapterContext): [number, Turn][] | undefined {
  if (!Array.isArray(value)) {
    tally.add('bad_value', place, 'conversation_history is not a list')
    return undefined
  }
  const turns = new Map<number, Turn>()
  for (const item of value) {
    const message = objectOf(item)
    const number = message?.['turn']
    const text = textOf(message?.['content'])
    if (!message || typeof number !== 'number' || !Number.isInteger(number)) {
      tally.add('bad_value', place, 'a message has no turn')
      continue
    }
    const turn = turns.get(number) ?? { prompt: undefined, replies: [] }
    turns.set(number, turn)
    if (text === undefined) tally.add('no_answer', place, `a message of turn ${number} has no text`)
    else if (message['role'] === 'user') turn.prompt ??= text
    else turn.replies.push(replyOf(message, text))
  }
  return [...turns].sort(([a], [b]) => a - b)
}

function replyOf(message: SourceRecord, text: string): Reply {
  const { score, if_chosen: chosen } = message
  return {
    text,
    score: typeof score === 'number' && Number.isFinite(score) ? score : undefined,
    chosen: chosen === true,
    metadata: without(message, READ),
  }
}

/** The reply that was chosen; several that differ are no choice. */
function chosenOf(replies: readonly Reply[], turn: number, place: Place, { tally }: AdapterContext): Reply | undefined {
  const chosen = replies.filter((reply) => reply.chosen)
  if (new Set(chosen.map(({ text }) => text)).size > 1) {
    tally.add('several_choices', place, `turn ${turn} has several chosen replies`)
    return undefined
  }
  if (chosen.length === 0) tally.add('no_choice', place, `turn ${turn} has no chosen reply`)
  return chosen[0]
}

import { objectOf, promptOf, textOf, userOf, without, type Adapter, type AdapterContext } from '../adapter'
import type { Place, SourceRecord } from '../records'

const PREPARED = new Set(['prompt', 'extra_info'])
const JUDGED = new Set(['user_id', 'chosen_utterance', 'rejected_utterance'])
const PROMPTS = new Set(['post', 'article'])
const COMPARISON = new Set(['info', 'summaries', 'choice', 'worker'])

/**
 * LoRe's sources (Bose et al., 2025; github.com/facebookresearch/LoRe). What its PRISM preparation writes: `prompt` a list
 * of chat messages, and in `extra_info` `user_id`, `chosen_utterance` (a text) and `rejected_utterance` (a list). What its
 * Reddit TL;DR preparation reads, OpenAI's comparisons: `worker`, `info.post`, `summaries[].text` and `choice` (0 or 1).
 */
export function loreAdapter(context: AdapterContext): Adapter {
  return {
    record(record, place) {
      const extra = objectOf(record['extra_info'])
      if (extra) prepared(record, extra, place, context)
      else comparison(record, place, context)
    },
  }
}

function prepared(record: SourceRecord, extra: SourceRecord, place: Place, context: AdapterContext): void {
  const { tally, emit } = context
  const user = userOf(extra['user_id'], place, tally)
  if (user === undefined) return
  const prompt = promptOf(record['prompt'], place, context)
  if (prompt === undefined) return
  const chosen = textOf(extra['chosen_utterance'])
  if (chosen === undefined) return tally.add('no_choice', place, 'chosen_utterance is missing or no text')
  const list = extra['rejected_utterance']
  const rejected = new Set<string>()
  for (const item of Array.isArray(list) ? list : [list]) {
    const text = textOf(item)
    if (text === undefined) tally.add('no_answer', place, 'a rejected_utterance is missing or no text')
    else if (rejected.has(text)) tally.add('repeated_answer', place, 'an answer stands twice under one question')
    else rejected.add(text)
  }
  const metadata = { ...without(record, PREPARED), ...without(extra, JUDGED) }
  if (Array.isArray(list) && list.length === 0) tally.add('too_few_answers', place, 'rejected_utterance is empty')
  for (const text of rejected) emit({ user, prompt, chosen, rejected: text, metadata }, place)
}

function comparison(record: SourceRecord, place: Place, context: AdapterContext): void {
  const { tally, emit } = context
  const user = userOf(record['worker'], place, tally)
  if (user === undefined) return
  const info = objectOf(record['info']) ?? {}
  // OpenAI's axis also holds news articles, which have no post.
  const prompt = promptOf(info['post'] ?? info['article'], place, context)
  if (prompt === undefined) return
  const summaries = Array.isArray(record['summaries'])
    ? record['summaries'].map((one) => textOf(objectOf(one)?.['text']))
    : []
  const choice = record['choice']
  if (summaries.length !== 2 || summaries.includes(undefined))
    return tally.add('no_answer', place, 'summaries are not two texts')
  if (choice !== 0 && choice !== 1) return tally.add('no_choice', place, 'choice is neither 0 nor 1')
  const named = Object.fromEntries(
    Object.entries(without(info, PROMPTS)).map(([name, value]) => [`info_${name}`, value]),
  )
  emit(
    {
      user,
      prompt,
      chosen: summaries[choice]!,
      rejected: summaries[1 - choice]!,
      metadata: { ...without(record, COMPARISON), ...named },
    },
    place,
  )
}

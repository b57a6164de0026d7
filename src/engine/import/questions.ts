import type { UserId } from '../../shared/domain/dataset'
import type { AdapterContext } from './adapter'
import type { Place, SourceRecord } from './records'

/** An answer and how good it is; only the order of the scores of one question matters. */
export interface ScoredAnswer {
  readonly text: string
  readonly score: number
}

export interface Question {
  readonly user: UserId
  readonly prompt: string
  readonly id?: string | number
  readonly metadata: SourceRecord
}

/**
 * Emits the pairs of one question: every answer before every worse one, best first, or (`best`) the best alone before
 * every other. Scores closer than `min_gap` are ties and counted; so is everything else that gives no pair.
 */
export function emitScored(
  question: Question,
  answers: readonly ScoredAnswer[],
  place: Place,
  { options, tally, emit }: AdapterContext,
): void {
  const distinct = firstOfEach(answers, place, tally)
  if (distinct.length < 2) {
    tally.add('too_few_answers', place, `the question has ${distinct.length} usable answer(s)`)
    return
  }
  const ordered = distinct
    .map((answer, index) => ({ ...answer, index }))
    .sort((a, b) => b.score - a.score || a.index - b.index)
  const total = (ordered.length * (ordered.length - 1)) / 2
  let n = 0
  const { id, ...rest } = question
  for (let i = 0; i < ordered.length - 1; i++) {
    for (let j = i + 1; j < ordered.length; j++) {
      const [better, worse] = [ordered[i]!, ordered[j]!]
      if (better.score === worse.score || better.score - worse.score < options.min_gap) {
        tally.add('tie', place, 'two answers are equally good')
        continue
      }
      const own = id === undefined ? {} : { id: total === 1 ? id : `${id}/${n}` }
      emit({ ...rest, ...own, chosen: better.text, rejected: worse.text }, place)
      n++
    }
    if (options.pairs === 'best') break
  }
}

function firstOfEach(answers: readonly ScoredAnswer[], place: Place, tally: AdapterContext['tally']): ScoredAnswer[] {
  const seen = new Set<string>()
  return answers.filter(({ text }) => {
    if (!seen.has(text)) return seen.add(text)
    tally.add('repeated_answer', place, 'an answer stands twice under one question')
    return false
  })
}

import { z } from 'zod'
import { isReward } from '../../shared/domain/reward'

export const SCORE_PROVIDERS = ['http', 'openai'] as const
export type ScoreProvider = (typeof SCORE_PROVIDERS)[number]

/** A prompt and an answer to it, as text. */
export interface ScorePair {
  readonly prompt: string
  readonly answer: string
}

/** How a scorer is asked, and how its answer is read. */
export interface ScoreProtocol {
  /** Where the request goes, made from the URL that a person gave. */
  endpoint(url: URL): URL
  body(pairs: readonly ScorePair[], model: string | undefined): object
  /** One finite reward a pair, in their order. @returns a sentence on what is wrong with the answer otherwise */
  rewards(answer: unknown, pairs: number): number[] | string
}

const plainAnswer = z.object({ rewards: z.array(z.unknown()) })
const scoreAnswer = z.object({ data: z.array(z.object({ index: z.int(), score: z.unknown() })) })

export const SCORE_PROTOCOLS: Record<ScoreProvider, ScoreProtocol> = {
  /** `{"pairs": [{"prompt", "answer"}…]}` → `{"rewards": [1.5, …]}` */
  http: {
    endpoint: (url) => url,
    body: (pairs, model) => ({ ...(model !== undefined && { model }), pairs }),
    rewards(answer, pairs) {
      const parsed = plainAnswer.safeParse(answer)
      if (!parsed.success) return 'has no list "rewards"'
      return numbers(parsed.data.rewards, pairs)
    },
  },
  /** The score endpoint of OpenAI-compatible servers (vLLM): two lists of equal length are scored pair by pair. */
  openai: {
    endpoint(url) {
      const endpoint = new URL(url)
      const path = endpoint.pathname.replace(/\/+$/, '')
      endpoint.pathname = path.endsWith('/score') ? path : `${path}/score`
      return endpoint
    },
    body: (pairs, model) => ({
      ...(model !== undefined && { model }),
      text_1: pairs.map(({ prompt }) => prompt),
      text_2: pairs.map(({ answer }) => answer),
    }),
    rewards(answer, pairs) {
      const parsed = scoreAnswer.safeParse(answer)
      if (!parsed.success) return 'has no list "data" of {"index", "score"}'
      const { data } = parsed.data
      const scores = new Map(data.map(({ index, score }) => [index, score]))
      if (scores.size !== data.length) return 'scores one pair twice'
      if (scores.size !== pairs) return `has ${scores.size} scores for ${pairs} pairs`
      const ordered = Array.from({ length: pairs }, (_, index) => scores.get(index))
      return numbers(ordered, pairs)
    },
  },
}

function numbers(values: readonly unknown[], pairs: number): number[] | string {
  if (values.length !== pairs) return `has ${values.length} rewards for ${pairs} pairs`
  const rewards: number[] = []
  for (const [i, value] of values.entries()) {
    if (typeof value !== 'number' || !isReward(value))
      return `gives pair ${i + 1} of ${pairs} the reward ${(JSON.stringify(value) ?? 'nothing').slice(0, 60)}, which is no finite number`
    rewards.push(value)
  }
  return rewards
}

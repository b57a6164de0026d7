import type { SplitName } from '../../shared/domain/dataset'
import { permutation, RandomStream } from '../loop/random'
import type { World } from './world'

/** One judgement: rows of the text file, and what was true of it. */
export interface Judgement {
  id: number
  user: number
  split: SplitName
  prompt: number
  chosen: number
  rejected: number
  tie: boolean
  /** When it was made, from 0 for the first pair to 1 for the last. */
  time: number
  /** Probability of the better answer, a tie counted half. */
  best: number
}

/**
 * All judgements in the order in which they are made. Users take turns in a seeded order, so that each has as many pairs
 * as any other and they are spread over the whole time.
 *
 * A user prefers answer i to j with d = w_u·(g_i − g_j) / T by Davidson's model of ties (1970), Bradley and Terry's for
 * ν = 0:
 *
 *     P(i ≻ j) = e^{d/2} / (e^{d/2} + e^{−d/2} + ν)        P(tie) = ν / (e^{d/2} + e^{−d/2} + ν)
 *
 * A tie is forced to an answer by a coin, as a questionnaire without "equal" forces people.
 */
export function* judge(world: World): Generator<Judgement> {
  const { options, questions, unseen } = world
  const { pairs, users, seed } = options
  const splitOf = splitQuestions(world)
  const turn = permutation(users, new RandomStream(seed, 'simulate/turns'))
  const stream = new RandomStream(seed, 'simulate/judgements')
  for (let id = 0; id < pairs; id++) {
    const user = turn[id % users]!
    const question = stream.below(questions.count)
    const prompt = questions.prompt(question)
    const answers = questions.answers(question)
    const first = stream.below(answers)
    const second = (first + 1 + stream.below(answers - 1)) % answers
    const time = pairs === 1 ? 0 : id / (pairs - 1)
    const margin = marginOf(world, user, prompt + 1 + first, prompt + 1 + second, time)
    const { prefersFirst, tie, best } = choose(margin, options, stream)
    yield {
      id,
      user,
      split: unseen[user] ? 'test_unseen' : splitOf[question]!,
      prompt,
      chosen: prompt + 1 + (prefersFirst ? first : second),
      rejected: prompt + 1 + (prefersFirst ? second : first),
      tie,
      time,
      best,
    }
  }
}

/** w_u(t)·(g_i − g_j), with w_u(t) = w_u + t v_u. */
function marginOf({ options, users, drift, attributes }: World, user: number, i: number, j: number, t: number): number {
  const A = options.attributes
  let sum = 0
  for (let a = 0; a < A; a++) {
    const taste = users[user * A + a]! + (drift.length > 0 ? t * drift[user * A + a]! : 0)
    sum += taste * (attributes[i * A + a]! - attributes[j * A + a]!)
  }
  return sum
}

function choose(
  margin: number,
  { temperature, ties }: { temperature: number; ties: number },
  stream: RandomStream,
): { prefersFirst: boolean; tie: boolean; best: number } {
  const draw = stream.uniform()
  const coin = stream.uint32() < 2 ** 31
  if (temperature === 0) return { prefersFirst: margin === 0 ? coin : margin > 0, tie: false, best: 1 }
  const size = Math.abs(margin) / temperature
  // Both terms over e^{|d|/2}, which would overflow.
  const total = 1 + Math.exp(-size) + ties * Math.exp(-size / 2)
  const better = 1 / total
  const equal = (ties * Math.exp(-size / 2)) / total
  const tie = draw >= 1 - equal
  return { prefersFirst: tie ? coin : draw < better === margin >= 0, tie, best: better + equal / 2 }
}

/** Questions belong to one split each, so that no answer of a test is met in training by anybody who is tested on it. */
function splitQuestions({ options, questions }: World): SplitName[] {
  const { dev, test, seed } = options
  const order = permutation(questions.count, new RandomStream(seed, 'simulate/questions'))
  const counts = [dev, test].map((share) => Math.round(share * questions.count))
  const splits = new Array<SplitName>(questions.count).fill('train')
  order.forEach((question, place) => {
    if (place < counts[0]!) splits[question] = 'dev'
    else if (place < counts[0]! + counts[1]!) splits[question] = 'test'
  })
  return splits
}

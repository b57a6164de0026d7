import type { PairSplit } from '../data/dataset'
import { kendallTau } from '../statistics/ranks'

/** Fewer answers make no order. */
const FEWEST_ANSWERS = 3

/** What a user says of three answers or more, in a way that leaves no two of them undecided. */
interface Ranking {
  user: number
  /** [answers] how many of the others each is preferred to, less those that are preferred to it. */
  scores: Float64Array
  /** How the model's rewards follow from its margins: each answer but the first lies a margin above or below an earlier one. */
  steps: readonly { from: number; row: number; sign: 1 | -1 }[]
}

/** Each user's orders: how many there are, and the sum of their τ. */
export interface RankedUsers {
  /** [users] */
  rankings: Float64Array
  /** [users] */
  tauSum: Float64Array
}

/**
 * Kendall's τ between people's orders of answers and a model's. An order is what one user says of three answers or more to one prompt,
 * where pairs of theirs, taken together (a over b and b over c is a over c), leave no two of them undecided. The model's is that of its
 * rewards, which its margins give up to a constant; where it holds all answers for equal, τ is not defined and the order does not count.
 */
export class UserRankings {
  readonly #users: number
  readonly #rankings: Ranking[] = []

  /** @param of [pairs] whose pair it is, 0…users − 1 */
  constructor(
    { pairs, prompts, chosen, rejected }: Pick<PairSplit, 'pairs' | 'prompts' | 'chosen' | 'rejected'>,
    of: Int32Array,
    users: number,
  ) {
    this.#users = users
    const order = Int32Array.from({ length: pairs }, (_, row) => row)
    order.sort((a, b) => of[a]! - of[b]! || prompts[a]! - prompts[b]! || a - b)
    const same = (a: number, b: number): boolean => of[a] === of[b] && prompts[a] === prompts[b]
    for (let from = 0; from < pairs;) {
      let to = from + 1
      while (to < pairs && same(order[to]!, order[from]!)) to++
      if (to - from >= FEWEST_ANSWERS - 1)
        this.#rankings.push(...rankingsOf(of[order[from]!]!, order.subarray(from, to), chosen, rejected))
      from = to
    }
  }

  /** @param z [pairs] margins */
  tau(z: Float32Array): RankedUsers {
    const rankings = new Float64Array(this.#users)
    const tauSum = new Float64Array(this.#users)
    for (const { user, scores, steps } of this.#rankings) {
      const rewards = new Float64Array(scores.length)
      for (const [at, { from, row, sign }] of steps.entries()) rewards[at + 1] = rewards[from]! + sign * z[row]!
      const tau = kendallTau(rewards, scores)
      if (Number.isNaN(tau)) continue
      rankings[user]!++
      tauSum[user]! += tau
    }
    return { rankings, tauSum }
  }
}

/** The connected answers of some rows of a user's that are all in order. */
function rankingsOf(user: number, rows: Int32Array, chosen: Int32Array, rejected: Int32Array): Ranking[] {
  const edges = new Map<number, Edge[]>()
  const edge = (from: number, to: number, row: number, win: boolean): void => {
    const list = edges.get(from)
    if (list) list.push({ to, row, win })
    else edges.set(from, [{ to, row, win }])
  }
  for (const row of rows) {
    if (chosen[row] === rejected[row]) continue
    edge(chosen[row]!, rejected[row]!, row, true)
    edge(rejected[row]!, chosen[row]!, row, false)
  }
  const placeOf = new Map<number, number>()
  const found: Ranking[] = []
  for (const start of edges.keys()) {
    if (placeOf.has(start)) continue
    placeOf.set(start, 0)
    const answers = [start]
    const steps: Ranking['steps'][number][] = []
    for (const [from, answer] of answers.entries())
      for (const { to, row, win } of edges.get(answer)!) {
        if (placeOf.has(to)) continue
        placeOf.set(to, answers.length)
        answers.push(to)
        steps.push({ from, row, sign: win ? -1 : 1 })
      }
    if (answers.length < FEWEST_ANSWERS) continue
    const scores = Float64Array.from(answers, (answer) => reached(edges, answer, true) - reached(edges, answer, false))
    if (new Set(scores).size === answers.length) found.push({ user, scores, steps })
  }
  return found
}

interface Edge {
  to: number
  row: number
  /** Whether the user prefers this side. */
  win: boolean
}

/** How many answers an answer beats, or is beaten by, directly or through others. */
function reached(edges: ReadonlyMap<number, readonly Edge[]>, answer: number, win: boolean): number {
  const seen = new Set([answer])
  for (const at of seen) for (const edge of edges.get(at)!) if (edge.win === win) seen.add(edge.to)
  return seen.size - 1
}

import type { PairSplit } from '../data/dataset'
import { kendallTau } from '../statistics/ranks'

/** Fewer answers make no order. */
const FEWEST_ANSWERS = 3

/** Each user's orders: how many there are, and the sum of their τ. */
export interface UserRankings {
  /** [users] */
  rankings: Float64Array
  /** [users] */
  tauSum: Float64Array
}

/**
 * Kendall's τ between people's orders of answers and the model's. An order is what one user says of three answers or more to one prompt,
 * where pairs of theirs, taken together (a over b and b over c is a over c), leave no two of them undecided. The model's is that of its
 * rewards, which its margins give up to a constant; where it holds all answers for equal, τ is not defined and the order does not count.
 *
 * @param of [pairs] whose pair it is, 0…users − 1
 * @param z [pairs] margins
 */
export function userRankings(
  { pairs, prompts, chosen, rejected }: Pick<PairSplit, 'pairs' | 'prompts' | 'chosen' | 'rejected'>,
  of: Int32Array,
  users: number,
  z: Float32Array,
): UserRankings {
  const rankings = new Float64Array(users)
  const tauSum = new Float64Array(users)
  const order = Int32Array.from({ length: pairs }, (_, row) => row)
  order.sort((a, b) => of[a]! - of[b]! || prompts[a]! - prompts[b]! || a - b)
  const same = (a: number, b: number): boolean => of[a] === of[b] && prompts[a] === prompts[b]
  for (let from = 0; from < pairs;) {
    let to = from + 1
    while (to < pairs && same(order[to]!, order[from]!)) to++
    if (to - from >= FEWEST_ANSWERS - 1)
      for (const { rewards, scores } of orders(order.subarray(from, to), chosen, rejected, z)) {
        const tau = kendallTau(rewards, scores)
        if (Number.isNaN(tau)) continue
        const user = of[order[from]!]!
        rankings[user]!++
        tauSum[user]! += tau
      }
    from = to
  }
  return { rankings, tauSum }
}

/** The connected answers of some rows that are all in order: the model's reward of each, from the first one on, and its place. */
function orders(
  rows: Int32Array,
  chosen: Int32Array,
  rejected: Int32Array,
  z: Float32Array,
): { rewards: number[]; scores: number[] }[] {
  const edges = new Map<number, Edge[]>()
  const edge = (from: number, to: number, step: number, win: boolean): void => {
    const list = edges.get(from)
    if (list) list.push({ to, step, win })
    else edges.set(from, [{ to, step, win }])
  }
  for (const row of rows) {
    if (chosen[row] === rejected[row]) continue
    edge(chosen[row]!, rejected[row]!, -z[row]!, true)
    edge(rejected[row]!, chosen[row]!, z[row]!, false)
  }
  const reward = new Map<number, number>()
  const found: { rewards: number[]; scores: number[] }[] = []
  for (const start of edges.keys()) {
    if (reward.has(start)) continue
    reward.set(start, 0)
    const answers = [start]
    for (const answer of answers)
      for (const { to, step } of edges.get(answer)!) {
        if (reward.has(to)) continue
        reward.set(to, reward.get(answer)! + step)
        answers.push(to)
      }
    if (answers.length < FEWEST_ANSWERS) continue
    const scores = answers.map((answer) => reached(edges, answer, true) - reached(edges, answer, false))
    if (new Set(scores).size === answers.length)
      found.push({ rewards: answers.map((answer) => reward.get(answer)!), scores })
  }
  return found
}

interface Edge {
  to: number
  /** The model's reward there less that here. */
  step: number
  /** Whether the user prefers this side. */
  win: boolean
}

/** How many answers an answer beats, or is beaten by, directly or through others. */
function reached(edges: ReadonlyMap<number, readonly Edge[]>, answer: number, win: boolean): number {
  const seen = new Set([answer])
  for (const at of seen) for (const edge of edges.get(at)!) if (edge.win === win) seen.add(edge.to)
  return seen.size - 1
}

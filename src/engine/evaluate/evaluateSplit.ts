import {
  type Cell,
  type Comparison,
  type ComparisonName,
  type EvaluatedSplit,
  type Evaluation,
  type Figure,
  type Slice,
} from '../../shared/domain/evaluation'
import { softplusOfMinus } from '../metrics/figures'
import type { LeakCheck } from '../metrics/leakCheck'
import { aucOfSwapped } from '../statistics/ranks'
import type { PairSplit } from '../data/dataset'
import { calibration } from './calibration'
import type { Category } from './categories'
import { splitUsers, type SplitUsers } from './splitUsers'
import { UserRankings } from './userRankings'
import { UserBootstrap, minus, ratio, type Divisor, type UserSum } from './userBootstrap'
import { decileOf, worstDecile } from './worstDecile'

/** All runs on a data set draw the same users, so that their differences are paired. */
const SEED = 0
const LEVEL = 0.95

/** What another predictor says of the split's pairs. */
export interface Rival {
  name: ComparisonName
  /** [pairs] 1 where it prefers the chosen answer, 0 where not, ½ where it cannot decide, NaN where it cannot be asked. */
  right: Float64Array
  /** [pairs] its margins; absent where it gives none. */
  z?: Float32Array
}

/** What is the same for every run on a split. */
export interface SplitToEvaluate {
  split: Pick<PairSplit, 'pairs' | 'users' | 'prompts' | 'chosen' | 'rejected'> & { readonly name: EvaluatedSplit }
  /** Users below are known to training. */
  trainedUsers: number
  /** [pairs] whether training has the prompt. */
  promptSeen: Uint8Array
  /** Other predictors that no run has a part in. */
  rivals: readonly Rival[]
  categories: readonly Category[]
  /** Wanted; fewer are made of very many users. */
  resamples: number
}

/** What a run says of the split. */
export interface RunOnSplit {
  /** [pairs] the model's margins. */
  z: Float32Array
  /** The model itself in another state: [pairs] its margins there. */
  rivals: readonly { name: ComparisonName; z: Float32Array }[]
  leak: LeakCheck
  checkpoint: Evaluation['checkpoint']
}

/** Every figure of runs on a split, with intervals from one bootstrap over its users. What does not depend on the run is worked out once. */
export class SplitEvaluator {
  readonly #given: SplitToEvaluate
  readonly #by: SplitUsers
  readonly #bootstrap: UserBootstrap
  readonly #all: Part
  readonly #rankings: UserRankings
  readonly #rivals: readonly KnownRival[]
  readonly #cells: readonly { cell: Pick<Cell, 'user' | 'prompt'>; part: Part }[]
  readonly #categories: readonly { column: string; kinds: readonly Kind[] }[]

  constructor(given: SplitToEvaluate) {
    const { split, rivals, categories, resamples } = given
    const by = splitUsers(split.users)
    const bootstrap = new UserBootstrap(by.users.length, { resamples, seed: SEED })
    const partOf = (rows: Int32Array): Part => new Part(bootstrap, by, rows)
    this.#given = given
    this.#by = by
    this.#bootstrap = bootstrap
    this.#all = partOf(Int32Array.from({ length: split.pairs }, (_, row) => row))
    this.#rankings = new UserRankings(split, by.of, by.users.length)
    this.#rivals = rivals.map((rival) => {
      const rows = this.#all.rows.filter((row) => !Number.isNaN(rival.right[row]))
      return knownRival(rival, rows.length === split.pairs ? this.#all : partOf(rows))
    })
    this.#cells = rowsByKind(cellOfPairs(given), CELLS.length).map((rows, at) => ({
      cell: CELLS[at]!,
      part: partOf(rows),
    }))
    const bt = rivals.find(({ name }) => name === 'bt')
    this.#categories = categories.map(({ column, values, of }) => ({
      column,
      kinds: rowsByKind(of, values.length).map((rows, at) => {
        const part = partOf(rows)
        return { value: values[at]!, part, bt: bt && part.sum(bt.right) }
      }),
    }))
  }

  evaluate({ z, rivals, leak, checkpoint }: RunOnSplit): Evaluation {
    const { split, trainedUsers } = this.#given
    const by = this.#by
    const all = this.#all
    const right = rightOf(z)
    const nll = lossesOf(z)
    const own = rivals.map((rival) => knownRival({ ...rival, right: rightOf(rival.z) }, all))
    const ofAll = all.score(right, nll, brierScores(z))
    const [lost, brier] = ofAll.losses
    const comparisons = [...this.#rivals, ...own].map((rival) =>
      comparisonWith(rival, rival.part === all ? ofAll : rival.part.score(right)),
    )
    return {
      format: 1,
      split: split.name,
      checkpoint,
      pairs: split.pairs,
      users: by.users.length,
      known_users: by.users.filter((user) => user < trainedUsers).length,
      bootstrap: { resamples: this.#bootstrap.resamples, seed: SEED, level: LEVEL },
      accuracy: all.perPair(ofAll.right),
      user_accuracy: all.perUser(ofAll.shares),
      worst_decile: {
        users: decileOf(by.users.length),
        accuracy: this.#bootstrap.figure(worstDecile(all.userMeans(right))),
      },
      nll: all.perPair(lost!),
      brier: all.perPair(brier!),
      auc: aucOfSwapped(z),
      calibration: calibration(z),
      kendall: this.#kendall(z),
      user_vector: comparisons.find(({ name }) => name === 'shuffled_users')?.difference ?? null,
      comparisons,
      cells: this.#cells.map(({ cell, part }) => ({ ...cell, ...part.figures(right, nll).figures })),
      slices: this.#categories.map(({ column, kinds }) => ({
        column,
        values: kinds.map(({ value, part, bt }): Slice => {
          const { figures, right: own } = part.figures(right, nll)
          return { value, ...figures, lift: bt ? part.perPair(minus(own, bt)) : null }
        }),
      })),
      leak,
    }
  }

  /** The mean over users of each one's mean τ. */
  #kendall(z: Float32Array): Evaluation['kendall'] {
    const { rankings, tauSum } = this.#rankings.tau(z)
    const ranked = rankings.filter((count) => count > 0).length
    if (ranked === 0) return null
    const means = tauSum.map((sum, user) => sum / (rankings[user]! || 1))
    const ranking = this.#bootstrap.divisor(rankings.map(Math.sign))
    const [sum] = this.#bootstrap.sums([means], ranking)
    const tau = ratio(sum!, ranking)
    return { users: ranked, rankings: rankings.reduce((a, b) => a + b, 0), tau }
  }
}

/** [pairs] 1 where z > 0, else 0: a tie is wrong. */
export const rightOf = (z: Float32Array): Float64Array => ofMargins(z, (margin) => Number(margin > 0))

/** [pairs] (1 − p)², as the chosen answer is the one that was preferred. */
const brierScores = (z: Float32Array): Float64Array => ofMargins(z, (margin) => (1 / (1 + Math.exp(margin))) ** 2)

const lossesOf = (z: Float32Array): Float64Array => ofMargins(z, softplusOfMinus)

/** `Float64Array.from` asks an iterator for each, which takes ten times as long. */
function ofMargins(z: Float32Array, score: (margin: number) => number): Float64Array {
  const scores = new Float64Array(z.length)
  for (let pair = 0; pair < z.length; pair++) scores[pair] = score(z[pair]!)
  return scores
}

/** Some pairs of a category, with how many of them bt has right. */
interface Kind {
  value: string
  part: Part
  bt: UserSum | undefined
}

/** Sums over some pairs. */
interface Score {
  /** How many are right. */
  right: UserSum
  /** Over their users, of the share of each one's pairs that is right. */
  shares: UserSum
  /** Of what else was asked for. */
  losses: UserSum[]
}

/** Another predictor on the pairs on which it can be asked, with what is known of it before a run is compared with it. */
interface KnownRival {
  part: Part
  score: Score
  figures: Omit<Comparison, 'difference' | 'user_difference'>
}

function knownRival({ name, right, z }: Rival, part: Part): KnownRival {
  const { pairs, users } = part
  const score = part.score(right, ...(z ? [lossesOf(z)] : []))
  const [accuracy, user_accuracy] = [part.perPair(score.right), part.perUser(score.shares)]
  const [lost] = score.losses
  return {
    part,
    score,
    figures: { name, pairs, users, accuracy, user_accuracy, nll: lost ? part.perPair(lost) : null },
  }
}

function comparisonWith({ part, score: other, figures }: KnownRival, { right, shares }: Score): Comparison {
  const { nll, ...known } = figures
  const difference = part.perPair(minus(right, other.right))
  return { ...known, difference, user_difference: part.perUser(minus(shares, other.shares)), nll }
}

/** Some of the pairs, over which figures are formed. */
class Part {
  readonly rows: Int32Array
  readonly pairs: number
  /** Users who have such pairs. */
  readonly users: number
  readonly #bootstrap: UserBootstrap
  /** [rows] whose each is. */
  readonly #of: Int32Array
  /** [users] pairs of each. */
  readonly #counts: Float64Array
  readonly #perPair: Divisor
  #perUser: Divisor | undefined

  constructor(bootstrap: UserBootstrap, by: SplitUsers, rows: Int32Array) {
    this.#bootstrap = bootstrap
    this.rows = rows
    this.#of = rows.map((row) => by.of[row]!)
    this.#counts = new Float64Array(by.users.length)
    for (const user of this.#of) this.#counts[user]!++
    this.#perPair = bootstrap.divisor(this.#counts)
    this.pairs = rows.length
    this.users = this.#perPair.users.length
  }

  /** @param values [pairs] of the whole split */
  sum(values: Float64Array): UserSum {
    return this.#bootstrap.sums([this.#perUserSums(values)], this.#perPair)[0]!
  }

  /**
   * @param right [pairs] of the whole split
   * @param losses each [pairs] of the whole split
   */
  score(right: Float64Array, ...losses: Float64Array[]): Score {
    const [ofUsers, ...others] = [right, ...losses].map((values) => this.#perUserSums(values))
    const [sum, shares, ...lost] = this.#bootstrap.sums([ofUsers!, this.#shares(ofUsers!), ...others], this.#perPair)
    return { right: sum!, shares: shares!, losses: lost }
  }

  perPair(sum: UserSum): Figure {
    return ratio(sum, this.#perPair)
  }

  perUser(sum: UserSum): Figure {
    return ratio(sum, this.#users())
  }

  /** [users] 0 for those who have no such pairs. */
  userMeans(values: Float64Array): Float64Array {
    return this.#shares(this.#perUserSums(values))
  }

  /** What is told of a slice, and how many of its pairs are right. */
  figures(
    right: Float64Array,
    nll: Float64Array,
  ): { figures: Pick<Slice, 'pairs' | 'users' | 'accuracy' | 'nll'>; right: UserSum } {
    const sums = [right, nll].map((values) => this.#perUserSums(values))
    const [own, lost] = this.#bootstrap.sums(sums, this.#perPair)
    const { pairs, users } = this
    return { figures: { pairs, users, accuracy: this.perPair(own!), nll: this.perPair(lost!) }, right: own! }
  }

  #shares(sums: Float64Array): Float64Array {
    const shares = new Float64Array(sums.length)
    for (let user = 0; user < sums.length; user++) shares[user] = sums[user]! / (this.#counts[user]! || 1)
    return shares
  }

  #users(): Divisor {
    return (this.#perUser ??= this.#bootstrap.divisor(this.#counts.map(Math.sign)))
  }

  /** [users] */
  #perUserSums(values: Float64Array): Float64Array {
    const of = this.#of
    const { rows } = this
    const sums = new Float64Array(this.#counts.length)
    for (let at = 0; at < rows.length; at++) sums[of[at]!]! += values[rows[at]!]!
    return sums
  }
}

/** The rows of each kind. */
function rowsByKind(kinds: Int32Array, count: number): Int32Array[] {
  const rows = Array.from({ length: count }, (): number[] => [])
  for (const [row, kind] of kinds.entries()) rows[kind]?.push(row)
  return rows.map((some) => Int32Array.from(some))
}

const CELLS = (['seen', 'unseen'] as const).flatMap((user) =>
  (['seen', 'unseen'] as const).map((prompt) => ({ user, prompt })),
)

/** [pairs] place in `CELLS`. */
function cellOfPairs({ split, trainedUsers, promptSeen }: SplitToEvaluate): Int32Array {
  return split.users.map((user, row) => 2 * Number(user >= trainedUsers) + 1 - promptSeen[row]!)
}

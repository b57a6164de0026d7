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
import { auc } from '../statistics/ranks'
import type { PairSplit } from '../data/dataset'
import { calibration } from './calibration'
import type { Category } from './categories'
import { perUser, splitUsers, type SplitUsers } from './splitUsers'
import { userRankings } from './userRankings'
import { UserBootstrap } from './userBootstrap'
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

export interface SplitToEvaluate {
  split: PairSplit & { readonly name: EvaluatedSplit }
  /** [pairs] the model's margins. */
  z: Float32Array
  /** Users below are known to training. */
  trainedUsers: number
  /** [pairs] whether training has the prompt. */
  promptSeen: Uint8Array
  rivals: readonly Rival[]
  categories: readonly Category[]
  leak: LeakCheck
  checkpoint: Evaluation['checkpoint']
  /** Wanted; fewer are made of very many users. */
  resamples: number
}

/** Every figure of a split, with intervals from one bootstrap over its users. */
export function evaluateSplit(given: SplitToEvaluate): Evaluation {
  const { split, z, trainedUsers, rivals, categories, leak, checkpoint } = given
  const by = splitUsers(split.users)
  const bootstrap = new UserBootstrap(by.users.length, { resamples: given.resamples, seed: SEED })
  const parts = new Parts(bootstrap, by, z)
  const all = Int32Array.from({ length: split.pairs }, (_, row) => row)
  const comparisons = rivals.map((rival) => parts.compare(rival))
  return {
    format: 1,
    split: split.name,
    checkpoint,
    pairs: split.pairs,
    users: by.users.length,
    known_users: by.users.filter((user) => user < trainedUsers).length,
    bootstrap: { resamples: bootstrap.resamples, seed: SEED, level: LEVEL },
    accuracy: parts.mean(all, parts.right),
    user_accuracy: parts.meanOfUsers(all, parts.right),
    worst_decile: parts.worstDecile(),
    nll: parts.mean(all, parts.nll),
    brier: parts.mean(all, Float64Array.from(z, brierScore)),
    auc: swappedAuc(z),
    calibration: calibration(z),
    kendall: kendall(split, by, z, bootstrap),
    user_vector: comparisons.find(({ name }) => name === 'shuffled_users')?.difference ?? null,
    comparisons,
    cells: cells(given, parts),
    slices: categories.map((category) => ({ column: category.column, values: slices(category, rivals, parts) })),
    leak,
  }
}

/** [pairs] 1 where z > 0, else 0: a tie is wrong. */
export function rightOf(z: Float32Array): Float64Array {
  return Float64Array.from(z, (margin) => Number(margin > 0))
}

/** (1 − p)², as the chosen answer is the one that was preferred. */
const brierScore = (z: number): number => (1 / (1 + Math.exp(z))) ** 2

/** Every pair once as it is and once swapped: (z, positive), (−z, negative). */
function swappedAuc(z: Float32Array): number {
  const scores = new Float64Array(2 * z.length)
  for (const [row, margin] of z.entries()) {
    scores[row] = margin
    scores[z.length + row] = -margin
  }
  return auc(
    scores,
    Uint8Array.from(scores, (_, at) => Number(at < z.length)),
  )
}

function kendall(
  split: PairSplit,
  { users, of }: SplitUsers,
  z: Float32Array,
  bootstrap: UserBootstrap,
): Evaluation['kendall'] {
  const { rankings, tauSum } = userRankings(split, of, users.length, z)
  const ranked = rankings.filter((count) => count > 0).length
  if (ranked === 0) return null
  const tau = bootstrap.ratio(meanOverUsers({ numerator: tauSum, denominator: rankings }))
  return { users: ranked, rankings: rankings.reduce((a, b) => a + b, 0), tau }
}

interface UserSums {
  numerator: Float64Array
  denominator: Float64Array
}

/** Each user's own ratio counts alike, however much it is made of. */
function meanOverUsers({ numerator, denominator }: UserSums): UserSums {
  return {
    numerator: numerator.map((sum, user) => sum / (denominator[user]! || 1)),
    denominator: denominator.map((count) => Number(count > 0)),
  }
}

/** Figures over some of the pairs. */
class Parts {
  /** [pairs] */
  readonly right: Float64Array
  readonly nll: Float64Array
  readonly #bootstrap: UserBootstrap
  readonly #by: SplitUsers

  constructor(bootstrap: UserBootstrap, by: SplitUsers, z: Float32Array) {
    this.#bootstrap = bootstrap
    this.#by = by
    this.right = rightOf(z)
    this.nll = Float64Array.from(z, softplusOfMinus)
  }

  /** Over these pairs. */
  mean(rows: Int32Array, values: Float64Array): Figure {
    return this.#bootstrap.ratio(this.#sums(rows, values))
  }

  /** Over the users who have such pairs, of each one's own mean. */
  meanOfUsers(rows: Int32Array, values: Float64Array): Figure {
    return this.#bootstrap.ratio(meanOverUsers(this.#sums(rows, values)))
  }

  worstDecile(): Evaluation['worst_decile'] {
    const { numerator } = meanOverUsers({
      numerator: perUser(this.#by, (row) => this.right[row]!),
      denominator: this.#by.pairs,
    })
    return { users: decileOf(numerator.length), accuracy: this.#bootstrap.figure(worstDecile(numerator)) }
  }

  part(rows: Int32Array): Pick<Slice, 'pairs' | 'users' | 'accuracy' | 'nll'> {
    return { ...this.#size(rows), accuracy: this.mean(rows, this.right), nll: this.mean(rows, this.nll) }
  }

  /** The model against another, on the pairs on which that one can be asked. */
  compare({ name, right, z }: Rival): Comparison {
    const rows = Int32Array.from(right, (_, row) => row).filter((row) => !Number.isNaN(right[row]))
    const difference = this.lead(right)
    return {
      name,
      ...this.#size(rows),
      accuracy: this.mean(rows, right),
      user_accuracy: this.meanOfUsers(rows, right),
      difference: this.mean(rows, difference),
      user_difference: this.meanOfUsers(rows, difference),
      nll: z ? this.mean(rows, Float64Array.from(z, softplusOfMinus)) : null,
    }
  }

  /** [pairs] by how much the model is more right than another. */
  lead(right: Float64Array): Float64Array {
    return this.right.map((own, row) => own - right[row]!)
  }

  #size(rows: Int32Array): { pairs: number; users: number } {
    return { pairs: rows.length, users: new Set(rows.map((row) => this.#by.of[row]!)).size }
  }

  #sums(rows: Int32Array, values: Float64Array): UserSums {
    const { users, of } = this.#by
    const numerator = new Float64Array(users.length)
    const denominator = new Float64Array(users.length)
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at]!
      numerator[of[row]!]! += values[row]!
      denominator[of[row]!]!++
    }
    return { numerator, denominator }
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

function cells({ split, trainedUsers, promptSeen }: SplitToEvaluate, parts: Parts): Cell[] {
  const kinds = split.users.map((user, row) => 2 * Number(user >= trainedUsers) + 1 - promptSeen[row]!)
  return rowsByKind(kinds, CELLS.length).map((rows, kind) => ({ ...CELLS[kind]!, ...parts.part(rows) }))
}

function slices({ values, of }: Category, rivals: readonly Rival[], parts: Parts): Slice[] {
  const bt = rivals.find(({ name }) => name === 'bt')
  const lead = bt && parts.lead(bt.right)
  return rowsByKind(of, values.length).map((rows, at) => ({
    value: values[at]!,
    ...parts.part(rows),
    lift: lead ? parts.mean(rows, lead) : null,
  }))
}

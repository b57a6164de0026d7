import { setImmediate } from 'node:timers/promises'
import type { Work } from '../../shared/api/engineProtocol'
import type { Adaptation, PairChoice } from '../../shared/domain/adaptation'
import type { UserId } from '../../shared/domain/dataset'
import { AppError } from '../../shared/errors'
import { t975 } from '../../shared/studentT'
import type { TfjsExecution } from '../backends/tfjs/tfjsExecution'
import type { PairSplit } from '../data/dataset'
import { RandomStream, permutation } from '../loop/random'
import { softplusOfMinus } from '../metrics/figures'
import { leakCheck } from '../metrics/leakCheck'
import type { Model } from '../models/model'
import { informativePairs } from './informativePairs'
import type { NewUserRows } from './newUserRows'

export interface AdaptOptions {
  choose: PairChoice
  /** Numbers of pairs to fit on; 0 is the generic user. */
  k: readonly number[]
  /** Random choices of those pairs, or of those that may be picked. */
  repeats: number
  seed: number
}

export interface NewUsers {
  execution: TfjsExecution
  split: PairSplit
  /** By user, the rows of their pairs. */
  byUser: ReadonlyMap<number, Int32Array>
}

/**
 * What a model learns of new users: one place for the command line and the window.
 *
 * @param bt [split.pairs] margins of one reward for everybody
 * @throws AppError `data_invalid` where no user has two pairs, `stopped`
 */
export async function adaptUsers(
  users: NewUsers,
  ids: readonly UserId[],
  bt: Float32Array | undefined,
  options: AdaptOptions,
  stop: AbortSignal,
  onWork?: (work: Work) => void,
): Promise<Adaptation> {
  const { execution, split, byUser } = users
  const sizes = Array.from(byUser.values(), ({ length }) => length)
  if (!sizes.some((pairs) => pairs >= 2))
    throw new AppError('data_invalid', 'No user has two pairs: one to learn from and one to judge by are the least')
  const { leak } = await leakCheck(execution, split)
  throwIfStopped(stop)
  const pairs = sizes.reduce((sum, size) => sum + size, 0)
  const tell = (done: number, total: number): void => onWork?.({ what: 'pairs fitted', done: Math.round(done), total })
  let before = 0
  const judged = await accuracyAgainstK(users, bt, options, stop, (done, total) => {
    before = total
    tell(done, total + pairs)
  })
  const fitted = await fitAll(users, ids, stop, (share) => tell(before + share * pairs, before + pairs))
  return {
    choose: options.choose,
    users_judged: sizes.filter((pairs) => pairs >= 2).length,
    pairs,
    repeats: options.repeats,
    leaks: leak.leaks,
    ...judged,
    users: fitted,
  }
}

/** Refuses a model without user rows. */
export function refuseSameForAll(model: Model, name: string): void {
  if (model.parameters.some(({ perUser }) => perUser)) return
  throw new AppError('usage', `${name} has no user rows: it is the same for everybody, so there is nothing to adapt`)
}

/** Each takes a few hundred bytes while it is fitted, for what automatic differentiation keeps. */
const FITTED_TOGETHER = 200_000

/** Pairs of one user that fit and judge one repetition: some of `pool` are learned, all of `judge` are asked. */
interface Trial {
  pool: Int32Array
  judge: Int32Array
}

/**
 * Accuracy against k for users that training never saw. Per user and repetition the pairs are shuffled; the second half, the larger one where
 * they are odd, judges every k alike, and of the first half k pairs fit the user's own row with everything else frozen: the first k, or those
 * that say most of the user at each of the k before. Users with too few pairs for some k fit what they have.
 *
 * @param bt [split.pairs] margins of one reward for everybody
 * @param onFitted pairs that are fitted, and all that will be, several times a second
 * @param together pairs of trials that are in memory at once
 * @throws AppError `stopped`
 */
export async function accuracyAgainstK(
  { execution, split, byUser }: NewUsers,
  bt: Float32Array | undefined,
  options: AdaptOptions,
  stop: AbortSignal,
  onFitted: (done: number, total: number) => void = () => {},
  together = FITTED_TOGETHER,
): Promise<Pick<Adaptation, 'curve' | 'bt'>> {
  const trials = [...byUser].flatMap(([user, rows]) =>
    rows.length < 2
      ? []
      : Array.from({ length: options.repeats }, (_, repeat) => trial(rows, user, repeat, options.seed)),
  )
  // More pairs than anybody has mean all there are to fit on.
  const available = trials.reduce((most, { pool }) => Math.max(most, pool.length), 0)
  const ks = [...new Set(options.k.map((k) => Math.min(k, available)))].sort((a, b) => a - b)
  // A fit takes as long as its pairs, and as every other one beside them.
  const costOf = (some: readonly Trial[], k: number): number =>
    some.reduce((sum, { pool }) => sum + Math.min(k, pool.length) + 1, 0)
  const total = ks.reduce((sum, k) => sum + costOf(trials, k), 0)
  let done = 0
  const figures = ks.map(() => new TrialFigures(trials.length))
  const yardstick = new TrialFigures(trials.length)
  let first = 0
  // Trials know nothing of each other, so that as many are fitted together as memory has room for.
  for (const group of groupsOf(trials, ({ pool, judge }) => pool.length + judge.length, together)) {
    const judged = concat(group.map(({ judge }) => judge))
    const judgedBy = owners(group.map(({ judge }) => judge.length))
    if (bt)
      yardstick.take(
        Float32Array.from(judged, (row) => bt[row]!),
        judgedBy,
        first,
      )
    let picked: Int32Array[] = group.map(() => new Int32Array(0))
    let rows = await execution.fitNewUsers(split, new Int32Array(0), new Int32Array(0), group.length)
    try {
      for (const [at, k] of ks.entries()) {
        picked =
          options.choose === 'random'
            ? group.map(({ pool }) => pool.slice(0, k))
            : await pickInformative({ execution, split }, rows, group, picked, k, stop)
        if (k > 0) {
          const whose = owners(picked.map(({ length }) => length))
          const fitted = await execution.fitNewUsers(split, concat(picked), whose, group.length, async (share) => {
            onFitted(done + share * costOf(group, k), total)
            await pause(stop)
          })
          rows.dispose()
          rows = fitted
        }
        figures[at]!.take(execution.marginsOfNewUsers(rows, split, judged, judgedBy), judgedBy, first)
        done += costOf(group, k)
        onFitted(done, total)
        await pause(stop)
      }
    } finally {
      rows.dispose()
    }
    first += group.length
  }
  const { acc, nll } = yardstick.over(options.repeats)
  return {
    curve: ks.map((k, at) => ({ k, ...figures[at]!.over(options.repeats) })),
    bt: bt ? { acc, nll } : null,
  }
}

/** Consecutive groups of a size of at most `most`, or of one that is larger. */
function groupsOf<T>(all: readonly T[], sizeOf: (one: T) => number, most: number): T[][] {
  const groups: T[][] = []
  let size = Infinity
  for (const one of all) {
    size += sizeOf(one)
    if (size > most) {
      groups.push([])
      size = sizeOf(one)
    }
    groups.at(-1)!.push(one)
  }
  return groups
}

/**
 * Grows each trial's pairs to k by those of its pool that tell most of the user as far as they are known.
 *
 * @throws AppError `stopped`
 */
async function pickInformative(
  { execution, split }: Pick<NewUsers, 'execution' | 'split'>,
  rows: NewUserRows,
  trials: readonly Trial[],
  picked: readonly Int32Array[],
  k: number,
  stop: AbortSignal,
): Promise<Int32Array[]> {
  if (k === 0) return [...picked]
  const pools = trials.map(({ pool }) => pool)
  const told = execution.sensitivities(rows, split, concat(pools), owners(pools.map(({ length }) => length)))
  const grown: Int32Array[] = []
  let from = 0
  for (const [at, pool] of pools.entries()) {
    const first = from
    from += pool.length
    const known = new Set(picked[at])
    const places = Array.from(pool.keys())
    const more = await informativePairs(
      told,
      places.filter((i) => known.has(pool[i]!)).map((i) => first + i),
      places.filter((i) => !known.has(pool[i]!)).map((i) => first + i),
      Math.min(k, pool.length) - known.size,
      () => pause(stop),
    )
    grown.push(Int32Array.from([...known, ...more.map((place) => pool[place - first]!)]))
  }
  return grown
}

/**
 * Each user's row fitted on all of their pairs.
 *
 * @throws AppError `stopped`
 */
export async function fitAll(
  { execution, split, byUser }: NewUsers,
  ids: readonly UserId[],
  stop: AbortSignal,
  onShare: (share: number) => void = () => {},
): Promise<Adaptation['users']> {
  const all = [...byUser]
  const pairs = all.reduce((sum, [, own]) => sum + own.length, 0)
  const out: Adaptation['users'] = []
  let done = 0
  for (const users of groupsOf(all, ([, own]) => own.length, FITTED_TOGETHER)) {
    const rows = concat(users.map(([, own]) => own))
    const whose = owners(users.map(([, own]) => own.length))
    const fitted = await execution.fitNewUsers(split, rows, whose, users.length, async (share) => {
      onShare((done + share * rows.length) / pairs)
      await pause(stop)
    })
    const vectors = fitted.vectors()
    fitted.dispose()
    done += rows.length
    for (const [i, [user, own]] of users.entries())
      out.push({
        u_id: ids[user]!,
        pairs: own.length,
        vectors: Object.fromEntries(
          vectors.map(({ name, shape, values }) => [name, [...values.subarray(i * shape[1]!, (i + 1) * shape[1]!)]]),
        ),
      })
  }
  return out
}

function throwIfStopped(stop: AbortSignal): void {
  if (stop.aborted) throw new AppError('stopped', 'Stopped while new users were fitted')
}

/** Lets whoever waits be heard. */
async function pause(stop: AbortSignal): Promise<void> {
  await setImmediate()
  throwIfStopped(stop)
}

/** @param among users that count; all of the split where it is left out */
export function pairsByUser(
  { users }: Pick<PairSplit, 'users'>,
  among?: (user: number) => boolean,
): Map<number, Int32Array> {
  const rows = Map.groupBy(users.keys(), (row) => users[row]!)
  return new Map([...rows].filter(([user]) => among?.(user) ?? true).map(([user, own]) => [user, Int32Array.from(own)]))
}

function trial(rows: Int32Array, user: number, repeat: number, seed: number): Trial {
  const order = permutation(rows.length, new RandomStream(seed, `adapt/${repeat}`, user)).map((i) => rows[i]!)
  const cut = Math.floor(rows.length / 2)
  return { pool: order.subarray(0, cut), judge: order.subarray(cut) }
}

function concat(parts: readonly Int32Array[]): Int32Array {
  const out = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** [0, 0, 1, 2, 2, …]: which of several consecutive parts each entry belongs to. */
function owners(lengths: readonly number[]): Int32Array {
  const out = new Int32Array(lengths.reduce((a, b) => a + b, 0))
  let at = 0
  for (const [owner, length] of lengths.entries()) out.fill(owner, at, (at += length))
  return out
}

/** Accuracy and loss of each trial on the pairs that judge it; trials stand user by user, repetition by repetition. */
class TrialFigures {
  readonly #right: Float64Array
  readonly #loss: Float64Array
  readonly #count: Float64Array

  constructor(trials: number) {
    this.#right = new Float64Array(trials)
    this.#loss = new Float64Array(trials)
    this.#count = new Float64Array(trials)
  }

  /** @param judgedBy [margins] which of the trials from `first` on each is of */
  take(margins: Float32Array, judgedBy: Int32Array, first: number): void {
    for (const [i, z] of margins.entries()) {
      const trial = first + judgedBy[i]!
      if (z > 0) this.#right[trial]!++
      this.#loss[trial]! += softplusOfMinus(z)
      this.#count[trial]!++
    }
  }

  /** Of each repetition the mean over users; of these the mean, and its interval. */
  over(repeats: number): Omit<Adaptation['curve'][number], 'k'> {
    const users = this.#count.length / repeats
    const perRepeat = new Float64Array(repeats)
    let loss = 0
    for (const [i, count] of this.#count.entries()) {
      perRepeat[i % repeats]! += this.#right[i]! / count / users
      loss += this.#loss[i]! / count
    }
    const acc = perRepeat.reduce((sum, a) => sum + a, 0) / repeats
    const variance = repeats < 2 ? 0 : perRepeat.reduce((sum, a) => sum + (a - acc) ** 2, 0) / (repeats - 1)
    const half = repeats < 2 ? 0 : t975(repeats - 1) * Math.sqrt(variance / repeats)
    return {
      ...{ acc, acc_sd: Math.sqrt(variance), low: Math.max(0, acc - half), high: Math.min(1, acc + half) },
      nll: loss / this.#count.length,
    }
  }
}

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
  const { leaks } = await leakCheck(execution, split, await execution.evaluate(split))
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
    leaks,
    ...judged,
    users: fitted,
  }
}

/** Refuses a model without user rows. */
export function refuseSameForAll(model: Model, name: string): void {
  if (model.parameters.some(({ perUser }) => perUser)) return
  throw new AppError('usage', `${name} has no user rows: it is the same for everybody, so there is nothing to adapt`)
}

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
 * @throws AppError `stopped`
 */
export async function accuracyAgainstK(
  { execution, split, byUser }: NewUsers,
  bt: Float32Array | undefined,
  options: AdaptOptions,
  stop: AbortSignal,
  onFitted: (done: number, total: number) => void = () => {},
): Promise<Pick<Adaptation, 'curve' | 'bt'>> {
  const trials = [...byUser].flatMap(([user, rows]) =>
    rows.length < 2
      ? []
      : Array.from({ length: options.repeats }, (_, repeat) => trial(rows, user, repeat, options.seed)),
  )
  const judged = concat(trials.map(({ judge }) => judge))
  const judgedBy = owners(trials.map(({ judge }) => judge.length))
  // More pairs than anybody has mean all there are to fit on.
  const available = Math.max(0, ...trials.map(({ pool }) => pool.length))
  const ks = [...new Set(options.k.map((k) => Math.min(k, available)))].sort((a, b) => a - b)
  const curve: Adaptation['curve'] = []
  // A fit takes as long as its pairs, and as every other one beside them.
  const costOf = (k: number): number => trials.reduce((sum, { pool }) => sum + Math.min(k, pool.length) + 1, 0)
  const total = ks.reduce((sum, k) => sum + costOf(k), 0)
  let done = 0
  let picked: Int32Array[] = trials.map(() => new Int32Array(0))
  let rows = await execution.fitNewUsers(split, new Int32Array(0), new Int32Array(0), trials.length)
  try {
    for (const k of ks) {
      picked =
        options.choose === 'random'
          ? trials.map(({ pool }) => pool.slice(0, k))
          : pickInformative({ execution, split }, rows, trials, picked, k)
      if (k > 0) {
        const whose = owners(picked.map(({ length }) => length))
        const fitted = await execution.fitNewUsers(split, concat(picked), whose, trials.length, async (share) => {
          onFitted(done + share * costOf(k), total)
          await pause(stop)
        })
        rows.dispose()
        rows = fitted
      }
      const margins = execution.marginsOfNewUsers(rows, split, judged, judgedBy)
      curve.push({ k, ...judge(margins, judgedBy, trials.length, options.repeats) })
      done += costOf(k)
      onFitted(done, total)
      await pause(stop)
    }
  } finally {
    rows.dispose()
  }
  const margins = bt && Float32Array.from(judged, (row) => bt[row]!)
  const yardstick = margins && judge(margins, judgedBy, trials.length, options.repeats)
  return { curve, bt: yardstick ? { acc: yardstick.acc, nll: yardstick.nll } : null }
}

/** Grows each trial's pairs to k by those of its pool that tell most of the user as far as they are known. */
function pickInformative(
  { execution, split }: Pick<NewUsers, 'execution' | 'split'>,
  rows: NewUserRows,
  trials: readonly Trial[],
  picked: readonly Int32Array[],
  k: number,
): Int32Array[] {
  if (k === 0) return [...picked]
  const pools = trials.map(({ pool }) => pool)
  const told = execution.sensitivities(rows, split, concat(pools), owners(pools.map(({ length }) => length)))
  let from = 0
  return pools.map((pool, at) => {
    const first = from
    from += pool.length
    const known = new Set(picked[at])
    const places = Array.from(pool.keys())
    const more = informativePairs(
      told,
      places.filter((i) => known.has(pool[i]!)).map((i) => first + i),
      places.filter((i) => !known.has(pool[i]!)).map((i) => first + i),
      Math.min(k, pool.length) - known.size,
    )
    return Int32Array.from([...known, ...more.map((place) => pool[place - first]!)])
  })
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
  const users = [...byUser]
  const rows = concat(users.map(([, own]) => own))
  const whose = owners(users.map(([, own]) => own.length))
  const fitted = await execution.fitNewUsers(split, rows, whose, users.length, async (share) => {
    onShare(share)
    await pause(stop)
  })
  const vectors = fitted.vectors()
  fitted.dispose()
  return users.map(([user, own], i) => ({
    u_id: ids[user]!,
    pairs: own.length,
    vectors: Object.fromEntries(
      vectors.map(({ name, shape, values }) => [name, [...values.subarray(i * shape[1]!, (i + 1) * shape[1]!)]]),
    ),
  }))
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

function judge(
  margins: Float32Array,
  judgedBy: Int32Array,
  trials: number,
  repeats: number,
): Omit<Adaptation['curve'][number], 'k'> {
  const right = new Float64Array(trials)
  const loss = new Float64Array(trials)
  const count = new Float64Array(trials)
  for (const [i, z] of margins.entries()) {
    const owner = judgedBy[i]!
    if (z > 0) right[owner]!++
    loss[owner]! += softplusOfMinus(z)
    count[owner]!++
  }
  const accuracy = right.map((r, i) => r / count[i]!)
  // Trials stand user by user, repetition by repetition.
  const perRepeat = Array.from({ length: repeats }, (_, repeat) =>
    mean(accuracy.filter((_, i) => i % repeats === repeat)),
  )
  const acc = mean(perRepeat)
  const variance = repeats < 2 ? 0 : perRepeat.reduce((sum, a) => sum + (a - acc) ** 2, 0) / (repeats - 1)
  const half = repeats < 2 ? 0 : t975(repeats - 1) * Math.sqrt(variance / repeats)
  return {
    ...{ acc, acc_sd: Math.sqrt(variance), low: Math.max(0, acc - half), high: Math.min(1, acc + half) },
    nll: mean(loss.map((l, i) => l / count[i]!)),
  }
}

const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0) / values.length

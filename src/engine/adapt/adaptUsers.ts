import type { Adaptation } from '../../shared/domain/adaptation'
import type { Dataset, PairSplit } from '../data/dataset'
import { RandomStream, permutation } from '../loop/random'
import { softplusOfMinus } from '../metrics/figures'
import type { TfjsExecution } from '../backends/tfjs/tfjsExecution'

export interface AdaptOptions {
  /** Numbers of pairs to fit on; 0 is the generic user. */
  k: readonly number[]
  /** Random choices of those pairs. */
  repeats: number
  seed: number
}

/** Pairs of one user that fit and judge one repetition: the first `k` of `fit` are learned, all of `judge` are asked. */
interface Trial {
  fit: Int32Array
  judge: Int32Array
}

/**
 * Accuracy against k for users that training never saw. Per user and repetition the pairs are shuffled; the last ones
 * (at least half) judge every k alike, the first k fit the user's own row with everything else frozen. Users with too
 * few pairs for some k fit what they have.
 */
export function accuracyAgainstK(
  execution: TfjsExecution,
  split: PairSplit,
  options: AdaptOptions,
): Adaptation['curve'] {
  const largest = Math.max(...options.k)
  const trials = [...pairsByUser(split)].flatMap(([user, rows]) =>
    rows.length < 2
      ? []
      : Array.from({ length: options.repeats }, (_, repeat) => trial(rows, largest, user, repeat, options.seed)),
  )
  const judged = concat(trials.map(({ judge }) => judge))
  const judgedBy = owners(trials.map(({ judge }) => judge.length))
  // More pairs than anybody has mean all there are to fit on.
  const available = Math.max(0, ...trials.map(({ fit }) => fit.length))
  const ks = [...new Set(options.k.map((k) => Math.min(k, available)))]
  return ks.map((k) => {
    const fitted = trials.map(({ fit }) => fit.subarray(0, k))
    const rows = execution.fitNewUsers(split, concat(fitted), owners(fitted.map(({ length }) => length)), trials.length)
    const margins = execution.marginsOfNewUsers(rows, split, judged, judgedBy)
    rows.dispose()
    return { k, ...judge(margins, judgedBy, trials.length, options.repeats) }
  })
}

/** Each user's row fitted on all of their pairs. */
export function fitAll(execution: TfjsExecution, dataset: Dataset, split: PairSplit): Adaptation['users'] {
  const users = [...pairsByUser(split)]
  const rows = concat(users.map(([, own]) => own))
  const fitted = execution.fitNewUsers(split, rows, owners(users.map(([, own]) => own.length)), users.length)
  const vectors = fitted.vectors()
  fitted.dispose()
  return users.map(([user, own], i) => ({
    u_id: dataset.users[user]!,
    pairs: own.length,
    vectors: Object.fromEntries(
      vectors.map(({ name, shape, values }) => [name, [...values.subarray(i * shape[1]!, (i + 1) * shape[1]!)]]),
    ),
  }))
}

function pairsByUser(split: PairSplit): Map<number, Int32Array> {
  const rows = new Map<number, number[]>()
  for (const [row, user] of split.users.entries()) {
    const own = rows.get(user)
    if (own) own.push(row)
    else rows.set(user, [row])
  }
  return new Map([...rows].map(([user, own]) => [user, Int32Array.from(own)]))
}

function trial(rows: Int32Array, largest: number, user: number, repeat: number, seed: number): Trial {
  const order = permutation(rows.length, new RandomStream(seed, `adapt/${repeat}`, user)).map((i) => rows[i]!)
  const cut = Math.min(largest, Math.floor(rows.length / 2))
  return { fit: order.subarray(0, cut), judge: order.subarray(cut) }
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
): { acc: number; acc_sd: number; nll: number } {
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
  return { acc, acc_sd: Math.sqrt(variance), nll: mean(loss.map((l, i) => l / count[i]!)) }
}

const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0) / values.length

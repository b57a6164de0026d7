import { RandomStream } from '../loop/random'
import type { Resampling } from './resample'

/** Up to so many users every assignment of signs is looked at, and the test is exact. */
export const MOST_EXACT_USERS = 16
/** Sums that differ by rounding alone count as equal. */
const TIE = 1e-12

/**
 * Whether differences, one a user, are centred on zero: signs are flipped at random, since without an effect each difference
 * were as likely to be its opposite (Fisher 1935; Ernst, "Permutation methods", 2004). Zero differences say nothing and
 * change nothing.
 *
 * @param differences [users], of the mean to be tested
 * @returns the two-sided p-value; exact up to 16 users, else (hits + 1) / (resamples + 1). 1 where all are zero
 */
export function signFlipTest(differences: ArrayLike<number>, { resamples, seed }: Resampling): number {
  const values = Float64Array.from(differences).filter((one) => one !== 0)
  const size = values.reduce((sum, one) => sum + Math.abs(one), 0)
  if (values.length === 0) return 1
  const limit = Math.abs(values.reduce((sum, one) => sum + one, 0)) - TIE * size
  return values.length <= MOST_EXACT_USERS ? everySign(values, limit) : randomSigns(values, limit, { resamples, seed })
}

function everySign(values: Float64Array, limit: number): number {
  const total = 2 ** values.length
  let hits = 0
  for (let signs = 0; signs < total; signs++) {
    let sum = 0
    for (let user = 0; user < values.length; user++) sum += (signs >>> user) & 1 ? values[user]! : -values[user]!
    if (Math.abs(sum) >= limit) hits++
  }
  return hits / total
}

function randomSigns(values: Float64Array, limit: number, { resamples, seed }: Resampling): number {
  const stream = new RandomStream(seed, 'sign flips')
  let hits = 0
  for (let resample = 0; resample < resamples; resample++) {
    let sum = 0
    let signs = 0
    for (let user = 0; user < values.length; user++) {
      if (user % 32 === 0) signs = stream.uint32()
      sum += signs & 1 ? values[user]! : -values[user]!
      signs >>>= 1
    }
    if (Math.abs(sum) >= limit) hits++
  }
  return (hits + 1) / (resamples + 1)
}

/**
 * Holm's step-down correction for several tests at once (Holm 1979): the chance of one false finding among all of them
 * stays at the level at which the corrected values are read.
 *
 * @returns corrected p-values in the order given
 */
export function holm(p: readonly number[]): number[] {
  const order = p.map((_, at) => at).sort((a, b) => p[a]! - p[b]!)
  const corrected = new Array<number>(p.length)
  let least = 0
  for (const [rank, at] of order.entries()) {
    least = Math.max(least, Math.min(1, (p.length - rank) * p[at]!))
    corrected[at] = least
  }
  return corrected
}

/**
 * McNemar's exact test: of the pairs on which two models disagree, is each as often right as the other? Takes pairs for
 * independent, which those of one user are not.
 *
 * @param onlyA pairs that only A has right
 * @returns the two-sided binomial p-value
 */
export function mcnemarExact(onlyA: number, onlyB: number): number {
  const n = onlyA + onlyB
  const k = Math.min(onlyA, onlyB)
  let logTerm = -n * Math.LN2
  let tail = Math.exp(logTerm)
  for (let i = 1; i <= k; i++) {
    logTerm += Math.log((n - i + 1) / i)
    tail += Math.exp(logTerm)
  }
  return Math.min(1, 2 * tail)
}

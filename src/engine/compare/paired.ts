import { setImmediate } from 'node:timers/promises'
import {
  LEVEL,
  type CellCounts,
  type PairedDifference,
  type PairedQuestion,
  type PairedResult,
} from '../../shared/domain/compare'
import { throwIfStopped } from '../data/files'
import { holm, MOST_EXACT_USERS, signFlipTest } from '../statistics/hypothesisTests'
import { intervalsOverUsers } from '../statistics/resample'
import { alignPairs } from './alignPairs'
import { readPredictions, type Predictions } from './readPredictions'

/** Flips for each comparison: Holm multiplies the smallest p-value, 1 / (flips + 1), by their number. */
const FLIPS_EACH = 200
const MOST_FLIPS = 100_000

/**
 * How much each side's accuracy differs from the reference's on the pairs that all runs of both have predicted. The estimate, its interval
 * and its test are all about these pairs, each counted once; the interval and the test take users, not pairs, for independent.
 */
export async function comparePaired(
  question: PairedQuestion,
  signal: AbortSignal,
  onWork: (done: number, total: number) => void = () => {},
): Promise<PairedResult> {
  const { resamples, seed, others } = question
  const reference = await Promise.all(question.reference.map((file) => readPredictions(file, signal)))
  const flips = Math.min(MOST_FLIPS, Math.max(resamples, FLIPS_EACH * others.length))
  const found: Compared[] = []
  for (const [done, files] of others.entries()) {
    onWork(done, others.length)
    // A request to stop is heard between two comparisons.
    await setImmediate()
    throwIfStopped(signal)
    const other = await Promise.all(files.map((file) => readPredictions(file, signal)))
    found.push(compareSides(reference, other, { resamples, flips, seed }))
  }
  const tested = found.filter(({ difference }) => difference.pairs > 0)
  const corrected = holm(tested.map(({ difference }) => difference.p)).values()
  const least = Math.min(...tested.map((one) => one.least))
  return {
    resamples,
    flips,
    comparisons: tested.length,
    smallest: tested.length === 0 ? 1 : Math.min(1, tested.length * least),
    others: found.map(({ difference: one }) => {
      if (one.pairs === 0) return { skipped: 'it has no pair in common with the reference' }
      const p = corrected.next().value ?? 1
      const way = one.difference.value > 0 ? 'better' : 'worse'
      const apart = one.difference.low > 0 || one.difference.high < 0
      return { ...one, corrected: p, verdict: p < LEVEL && apart ? way : 'undecided' }
    }),
  }
}

interface Compared {
  difference: Omit<PairedDifference, 'corrected' | 'verdict'>
  /** The smallest p-value that so many users with a difference can have. */
  least: number
}

interface Draws {
  resamples: number
  flips: number
  seed: number
}

function compareSides(
  reference: readonly Predictions[],
  other: readonly Predictions[],
  { resamples, flips, seed }: Draws,
): Compared {
  const rows = alignPairs([...reference, ...other])
  const pairs = rows[0]!.length
  const a = meanRight(reference, rows.slice(0, reference.length))
  const b = meanRight(other, rows.slice(reference.length))
  const { differences, counts } = byUser(reference[0]!, rows[0]!, a, b)
  const [interval] = intervalsOverUsers([{ numerator: differences, denominator: counts }], { resamples, seed })
  const moved = differences.filter((one) => one !== 0).length
  const difference = {
    pairs,
    users: counts.length,
    unpaired: { reference: reference[0]!.users.length - pairs, other: other[0]!.users.length - pairs },
    accuracy: { reference: mean(a), other: mean(b) },
    difference: interval!,
    // Σ of the users' sums is the difference times the pairs, whichever signs they have: the test is about the same statistic.
    p: signFlipTest(differences, { resamples: flips, seed }),
    wins: differences.filter((one) => one > 0).length,
    losses: differences.filter((one) => one < 0).length,
    ties: counts.length - moved,
    cells: reference.length === 1 && other.length === 1 ? cellsOf(a, b) : null,
  }
  return { difference, least: moved <= MOST_EXACT_USERS ? Math.min(1, 2 / 2 ** moved) : 1 / (flips + 1) }
}

/** How often each of the aligned pairs is right, over the runs of a side. [pairs] */
function meanRight(tables: readonly Predictions[], rows: readonly Int32Array[]): Float64Array {
  const sum = new Float64Array(rows[0]!.length)
  for (const [at, { right }] of tables.entries())
    for (const [pair, row] of rows[at]!.entries()) sum[pair]! += right[row]!
  return sum.map((value) => value / tables.length)
}

/** Σ (b − a) and the number of pairs of each user. [users] */
function byUser(
  { users }: Predictions,
  rows: Int32Array,
  a: Float64Array,
  b: Float64Array,
): { differences: Float64Array; counts: Float64Array } {
  const places = new Map<string | number, number>()
  const differences: number[] = []
  const counts: number[] = []
  for (const [pair, row] of rows.entries()) {
    const user = users[row]!
    const at = places.get(user) ?? places.size
    places.set(user, at)
    differences[at] = (differences[at] ?? 0) + b[pair]! - a[pair]!
    counts[at] = (counts[at] ?? 0) + 1
  }
  return { differences: Float64Array.from(differences), counts: Float64Array.from(counts) }
}

function cellsOf(a: Float64Array, b: Float64Array): CellCounts {
  const cells = { both: 0, only_a: 0, only_b: 0, neither: 0 }
  for (const [pair, value] of a.entries()) {
    if (value > 0) cells[b[pair]! > 0 ? 'both' : 'only_a']++
    else cells[b[pair]! > 0 ? 'only_b' : 'neither']++
  }
  return cells
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

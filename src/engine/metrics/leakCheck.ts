import type { Evaluation, Execution } from '../backends/execution'
import type { PairSplit } from '../data/dataset'
import { RandomStream } from '../loop/random'

/** What happens to a split's answers when half of its pairs are presented the other way round. */
export interface LeakCheck {
  leaks: boolean
  /** Change of the accuracy, in [−1, 1]. */
  acc_shift: number
  /** Largest |z + z_swapped| over the swapped pairs and |z − z_swapped| over the others, as a share of max |z|. */
  max_difference: number
}

/** Beyond these a model has seen which answer was the chosen one. */
const MAX_ACC_SHIFT = 0.005
const MAX_DIFFERENCE = 1e-4

/**
 * Presents a seeded random half of the pairs swapped (rejected first) and turns the answers back. A model that does not
 * know which side was chosen gives the same margins, up to rounding; one that does is marked as leaking.
 */
export async function leakCheck(
  execution: Execution,
  split: PairSplit,
): Promise<{ margins: Evaluation; leak: LeakCheck }> {
  const { swap, half } = halfSwapped(split)
  const [margins, presented] = await execution.evaluateAlike([split, half])
  return { margins: margins!, leak: leakOf(swap, margins!, presented!) }
}

/**
 * @param swap [pairs] 1 where `presented` has the rejected answer first
 * @param presented margins of the half-swapped split
 */
export function leakOf(
  swap: Uint8Array,
  { deltaMargin, rewardMargin }: Evaluation,
  { deltaMargin: presented }: Evaluation,
): LeakCheck {
  let largest = 0
  let difference = 0
  let right = 0
  let rightSwapped = 0
  for (let i = 0; i < swap.length; i++) {
    const own = deltaMargin[i]!
    const back = swap[i] ? -presented[i]! : presented[i]!
    largest = Math.max(largest, Math.abs(rewardMargin[i]! + own))
    difference = Math.max(difference, Math.abs(back - own))
    if (rewardMargin[i]! + own > 0) right++
    if (rewardMargin[i]! + back > 0) rightSwapped++
  }
  const acc_shift = (rightSwapped - right) / swap.length
  const max_difference = difference === 0 ? 0 : difference / largest
  // Written so that NaN, which compares false with everything, counts as a leak.
  const clean = Math.abs(acc_shift) <= MAX_ACC_SHIFT && max_difference <= MAX_DIFFERENCE
  return { leaks: !clean, acc_shift, max_difference }
}

/** One for all runs: the backend keeps a copy of each split that it is given. */
const known = new WeakMap<PairSplit, { swap: Uint8Array; half: PairSplit }>()

/** A split whose answers stand the other way round in a seeded random half of the pairs, those where `swap` is 1. */
export function halfSwapped(split: PairSplit): { swap: Uint8Array; half: PairSplit } {
  const made = known.get(split)
  if (made) return made
  const stream = new RandomStream(0, `leak check/${split.name}`)
  const swap = Uint8Array.from({ length: split.pairs }, () => stream.uint32() & 1)
  const side = (own: Int32Array, other: Int32Array): Int32Array => own.map((row, i) => (swap[i] ? other[i]! : row))
  const { chosen, rejected, rewardMargin } = split
  const half: PairSplit = {
    ...split,
    chosen: side(chosen, rejected),
    rejected: side(rejected, chosen),
    ...(rewardMargin && { rewardMargin: rewardMargin.map((margin, i) => (swap[i] ? -margin : margin)) }),
  }
  known.set(split, { swap, half })
  return { swap, half }
}

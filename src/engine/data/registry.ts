import { SPLIT_NAMES, type SplitName, type UserId } from '../../shared/domain/dataset'
import { Hash64Map, Hasher64 } from './hash'
import type { TextTable } from './textTable'

/** A split as a bit of a mask. */
export function splitBit(split: SplitName): number {
  return 1 << SPLIT_NAMES.indexOf(split)
}

/** Every user met so far, numbered in order of appearance, and the splits in which each stands. */
export class UserRegistry {
  readonly ids: UserId[] = []
  private readonly codes = new Map<UserId, number>()
  private readonly masks: number[] = []

  codeOf(id: UserId): number {
    const known = this.codes.get(id)
    if (known !== undefined) return known
    const code = this.ids.length
    this.codes.set(id, code)
    this.ids.push(id)
    this.masks.push(0)
    return code
  }

  /** Notes that a user stands in a split. @returns whether that is new */
  mark(code: number, bit: number): boolean {
    const before = this.masks[code]!
    this.masks[code] = before | bit
    return (before & bit) === 0
  }

  isIn(code: number, split: SplitName): boolean {
    return (this.masks[code]! & splitBit(split)) !== 0
  }
}

/** A pair's texts: rows of a split's text table. */
export interface PairRows {
  prompt: number
  chosen: number
  rejected: number
}

/**
 * Which pairs stand in which splits. Two rows are the same pair when the same user judges the same two answers to the
 * same prompt, whichever of them is chosen: also the opposite judgment gives away what the evaluation asks. Another
 * user's judgment of these answers is another pair: to compare users on shared answers is what such data is for.
 */
export class PairRegistry {
  private readonly splits = new Hash64Map()
  private readonly hasher = new Hasher64()

  /** Notes a pair. @returns whether an earlier split holds it too */
  add(user: number, texts: TextTable, { prompt, chosen, rejected }: PairRows, bit: number): boolean {
    const chosenFirst = texts.hashLow(chosen) <= texts.hashLow(rejected)
    const first = chosenFirst ? chosen : rejected
    const second = chosenFirst ? rejected : chosen
    const hasher = this.hasher.reset().word(user)
    for (const row of [prompt, first, second]) hasher.word(texts.hashLow(row)).word(texts.hashHigh(row))
    const { lo, hi } = hasher.finish()
    const mask = Math.max(0, this.splits.find(lo, hi))
    if ((mask & bit) === 0) this.splits.replace(lo, hi, mask | bit)
    return (mask & ~bit) !== 0
  }
}

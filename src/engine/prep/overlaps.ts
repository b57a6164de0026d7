import { SPLIT_NAMES, type SplitName } from '../../shared/domain/dataset'
import type { Overlap } from '../../shared/domain/preparation'
import { Codes, Numbers } from './textCodes'

/** Rows as numbers: which user, which texts, which groups; every distinct thing has its own number. */
export class PairCodes {
  readonly users = new Numbers()
  readonly prompts = new Numbers()
  readonly chosen = new Numbers()
  readonly rejected = new Numbers()

  get rows(): number {
    return this.users.length
  }

  push(user: number, prompt: number, chosen: number, rejected: number): void {
    this.users.push(user)
    this.prompts.push(prompt)
    this.chosen.push(chosen)
    this.rejected.push(rejected)
  }
}

/** In no split. */
export const NOWHERE = -1

/**
 * What every two splits share.
 *
 * @param splitOf [rows] index into SPLIT_NAMES, or {@link NOWHERE}
 * @param groups by name, [rows] group of every row
 */
export function overlapsOf(
  pairs: PairCodes,
  splitOf: Int8Array,
  groups: Readonly<Record<string, Int32Array>> = {},
): Overlap[] {
  const masks = (...columns: Int32Array[]): Uint8Array => {
    const size = columns.reduce((most, column) => column.reduce((m, code) => Math.max(m, code), most), -1) + 1
    const mask = new Uint8Array(size)
    for (const column of columns)
      for (let i = 0; i < pairs.rows; i++) if (splitOf[i] !== NOWHERE) mask[column[i]!]! |= 1 << splitOf[i]!
    return mask
  }
  const prompts = masks(pairs.prompts.values)
  const answers = masks(pairs.chosen.values, pairs.rejected.values)
  const users = masks(pairs.users.values)
  const judged = samePairs(pairs)
  const pairMask = masks(judged)
  const groupMasks = Object.entries(groups).map(([name, column]) => [name, masks(column)] as const)
  const present = SPLIT_NAMES.filter((_, split) => splitOf.includes(split))
  const both = (mask: Uint8Array, bits: number): number =>
    mask.reduce((count, bit) => count + Number((bit & bits) === bits), 0)

  return present.flatMap((second, at) =>
    present.slice(0, at).map((first): Overlap => {
      const [a, b] = [SPLIT_NAMES.indexOf(first), SPLIT_NAMES.indexOf(second)]
      const bit = 1 << a
      const bits = bit | (1 << b)
      let rowsWithSharedText = 0
      let pairsInBoth = 0
      for (let i = 0; i < pairs.rows; i++) {
        if (splitOf[i] !== b) continue
        const texts = prompts[pairs.prompts.at(i)]! | answers[pairs.chosen.at(i)]! | answers[pairs.rejected.at(i)]!
        if (texts & bit) rowsWithSharedText++
        if (pairMask[judged[i]!]! & bit) pairsInBoth++
      }
      return {
        splits: [first, second],
        users: both(users, bits),
        prompts: both(prompts, bits),
        answers: both(answers, bits),
        rowsWithSharedText,
        samePairs: pairsInBoth,
        groups: Object.fromEntries(groupMasks.map(([name, mask]) => [name, both(mask, bits)])),
      }
    }),
  )
}

/** [rows] numbers of (user, prompt, the two answers in either order). */
export function samePairs({ users, prompts, chosen, rejected, rows }: PairCodes): Int32Array {
  const codes = new Codes()
  return Int32Array.from({ length: rows }, (_, i) => {
    const [a, b] = [chosen.at(i), rejected.at(i)]
    return codes.tuple(users.at(i), prompts.at(i), Math.min(a, b), Math.max(a, b))
  })
}

export const splitIndex = (split: SplitName): number => SPLIT_NAMES.indexOf(split)

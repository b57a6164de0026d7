import type { Dataset, PairSplit } from '../data/dataset'
import { Hash64Map, Hasher64 } from '../data/hash'
import type { TextKeys } from './textKeys'

/**
 * Everybody's judgements of every two answers to a prompt, in whichever split they stand: what the other people think who judged
 * the same pair is as much as a prediction without the person can know.
 */
export class Votes {
  readonly #keys: TextKeys
  readonly #pairs = new Hash64Map()
  readonly #own = new Hash64Map()
  readonly #hasher = new Hasher64()
  /** By pair, and by user and pair: votes for the answer with the smaller number less those for the other, and all votes. */
  readonly #pairLead: number[] = []
  readonly #pairVotes: number[] = []
  readonly #ownLead: number[] = []
  readonly #ownVotes: number[] = []

  constructor({ splits }: Dataset, keys: TextKeys) {
    this.#keys = keys
    for (const split of Object.values(splits)) for (let row = 0; row < split.pairs; row++) this.#count(split, row)
  }

  #count(split: PairSplit, row: number): void {
    const { pair, side } = this.#pairOf(split, row, true)
    const own = this.#ownOf(split.users[row]!, pair, true)
    this.#pairLead[pair] = (this.#pairLead[pair] ?? 0) + side
    this.#pairVotes[pair] = (this.#pairVotes[pair] ?? 0) + 1
    this.#ownLead[own] = (this.#ownLead[own] ?? 0) + side
    this.#ownVotes[own] = (this.#ownVotes[own] ?? 0) + 1
  }

  /**
   * [pairs] 1 where most of the other people prefer the chosen answer, 0 where they prefer the rejected one, ½ where they are
   * divided, NaN where nobody else was asked.
   */
  majority(split: PairSplit): Float64Array {
    return Float64Array.from({ length: split.pairs }, (_, row) => {
      const { pair, side } = this.#pairOf(split, row, false)
      const own = this.#ownOf(split.users[row]!, pair, false)
      if (this.#pairVotes[pair] === this.#ownVotes[own]) return NaN
      const lead = side * (this.#pairLead[pair]! - this.#ownLead[own]!)
      return lead > 0 ? 1 : lead < 0 ? 0 : 0.5
    })
  }

  #pairOf(split: PairSplit, row: number, add: boolean): { pair: number; side: 1 | -1 } {
    const [prompt, chosen, rejected] = [split.prompts, split.chosen, split.rejected].map((column) =>
      this.#keys.of(split.table, column[row]!),
    ) as [number, number, number]
    const { lo, hi } = this.#hasher
      .reset()
      .word(prompt)
      .word(Math.min(chosen, rejected))
      .word(Math.max(chosen, rejected))
      .finish()
    return { pair: numbered(this.#pairs, lo, hi, add), side: chosen < rejected ? 1 : -1 }
  }

  #ownOf(user: number, pair: number, add: boolean): number {
    const { lo, hi } = this.#hasher.reset().word(user).word(pair).finish()
    return numbered(this.#own, lo, hi, add)
  }
}

function numbered(map: Hash64Map, lo: number, hi: number, add: boolean): number {
  const known = map.find(lo, hi)
  if (known >= 0 || !add) return known
  map.replace(lo, hi, map.size)
  return map.size - 1
}

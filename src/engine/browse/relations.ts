import { SPLIT_NAMES, type SplitName } from '../../shared/domain/dataset'
import { splitIndex } from '../prep/overlaps'
import { Codes } from '../prep/textCodes'
import type { SplitRows } from './splitRows'

/** What rows have to do with one another, over all splits: the same definitions as in `pairStats.ts` and `overlaps.ts`. */
export class Relations {
  readonly #splits: readonly SplitRows[]
  readonly #users: Uint8Array
  readonly #prompts: Uint8Array
  readonly #answers: Uint8Array
  /** By split: [rows] number of (user, prompt, the two answers in either order), -1 where unusable. */
  readonly #judged = new Map<SplitName, Int32Array>()
  readonly #pairs: Uint8Array

  constructor(splits: readonly SplitRows[], users: number, texts: number) {
    this.#splits = splits
    this.#users = new Uint8Array(users)
    this.#prompts = new Uint8Array(texts)
    this.#answers = new Uint8Array(texts)
    const codes = new Codes()
    for (const rows of splits) {
      const { users: user, prompts, chosen, rejected } = rows.pairs
      const bit = 1 << splitIndex(rows.split)
      const judged = new Int32Array(rows.rows).fill(-1)
      for (let i = 0; i < rows.rows; i++) {
        if (user.at(i) < 0) continue
        const [a, b] = [chosen.at(i), rejected.at(i)]
        this.#users[user.at(i)]! |= bit
        this.#prompts[prompts.at(i)]! |= bit
        this.#answers[a]! |= bit
        this.#answers[b]! |= bit
        judged[i] = codes.tuple(user.at(i), prompts.at(i), Math.min(a, b), Math.max(a, b))
      }
      this.#judged.set(rows.split, judged)
    }
    this.#pairs = new Uint8Array(codes.size)
    for (const [split, judged] of this.#judged)
      for (const code of judged) if (code >= 0) this.#pairs[code]! |= 1 << splitIndex(split)
  }

  /** Whether a row has something in common with another split. */
  shared(rows: SplitRows, what: 'pairs' | 'users' | 'prompts' | 'texts', other: SplitName): (row: number) => boolean {
    const bit = 1 << splitIndex(other)
    const { users, prompts, chosen, rejected } = rows.pairs
    const judged = this.#judged.get(rows.split)!
    const usable = (test: (row: number) => number): ((row: number) => boolean) => {
      return (row) => users.at(row) >= 0 && (test(row) & bit) !== 0
    }
    switch (what) {
      case 'pairs':
        return usable((row) => this.#pairs[judged[row]!]!)
      case 'users':
        return usable((row) => this.#users[users.at(row)]!)
      case 'prompts':
        return usable((row) => this.#prompts[prompts.at(row)]!)
      case 'texts':
        return usable(
          (row) => this.#prompts[prompts.at(row)]! | this.#answers[chosen.at(row)]! | this.#answers[rejected.at(row)]!,
        )
    }
  }

  /** Usable pairs of each user in one split. */
  userPairs(rows: SplitRows): Int32Array {
    const counts = new Int32Array(this.#users.length)
    for (const user of rows.pairs.users.values) if (user >= 0) counts[user]!++
    return counts
  }

  /** Masks over a split's rows. */
  judgements(rows: SplitRows): { duplicate: Uint8Array; conflict: Uint8Array; reversed: Uint8Array } {
    const { prompts, chosen, rejected } = rows.pairs
    const judged = this.#judged.get(rows.split)!
    const duplicate = new Uint8Array(rows.rows)
    const conflict = new Uint8Array(rows.rows)
    const reversed = new Uint8Array(rows.rows)
    const own = new Map<number, number>()
    const questions = new Codes()
    const questionOf = new Int32Array(rows.rows).fill(-1)
    const ways: number[] = []
    const way = (row: number): number => (chosen.at(row) < rejected.at(row) ? 1 : 2)
    for (let i = 0; i < rows.rows; i++) {
      if (judged[i]! < 0) continue
      const seen = own.get(judged[i]!) ?? 0
      if (seen & way(i)) duplicate[i] = 1
      else if (seen !== 0) conflict[i] = 1
      own.set(judged[i]!, seen | way(i))
      const [a, b] = [chosen.at(i), rejected.at(i)]
      const question = questions.tuple(prompts.at(i), Math.min(a, b), Math.max(a, b))
      questionOf[i] = question
      ways[question] = (ways[question] ?? 0) | (a === b ? 0 : way(i))
    }
    for (let i = 0; i < rows.rows; i++)
      if (questionOf[i]! >= 0 && chosen.at(i) !== rejected.at(i) && ways[questionOf[i]!] === 3) reversed[i] = 1
    return { duplicate, conflict, reversed }
  }

  get splits(): readonly SplitName[] {
    return this.#splits.map(({ split }) => split).filter((name) => SPLIT_NAMES.includes(name))
  }
}

import { permutation, RandomStream } from '../loop/random'

/** Splits among which groups are dealt. */
export const TRAIN = 0
export const DEV = 1
export const TEST = 2

/** Orders that are tried for few groups; many fit well in any order. */
const MOST_TRIES = 32
const WORK = 2_000_000

export interface Groups {
  readonly count: number
  /** Entries offsets[g] … offsets[g + 1] are the rows of group g, by stratum. */
  readonly offsets: Int32Array
  readonly strata: Int32Array
  readonly rows: Int32Array
  readonly strataCount: number
}

/** Rows by group and stratum, as compressed sparse rows. Rows with a negative group count nowhere. */
export function countGroups(groupOf: Int32Array, count: number, stratumOf: Int32Array | null): Groups {
  const strataCount = stratumOf ? stratumOf.reduce((most, code) => Math.max(most, code), -1) + 1 : 1
  const starts = new Int32Array(count + 1)
  for (const group of groupOf) if (group >= 0) starts[group + 1]!++
  for (let g = 0; g < count; g++) starts[g + 1]! += starts[g]!
  const sorted = new Int32Array(starts[count]!)
  const next = starts.slice()
  groupOf.forEach((group, row) => {
    if (group >= 0) sorted[next[group]!++] = stratumOf ? stratumOf[row]! : 0
  })
  const offsets = new Int32Array(count + 1)
  const strata: number[] = []
  const rows: number[] = []
  for (let g = 0; g < count; g++) {
    const own = sorted.subarray(starts[g], starts[g + 1]).sort()
    for (let i = 0; i < own.length; i++) {
      if (i > 0 && own[i] === own[i - 1]) rows[rows.length - 1]!++
      else {
        strata.push(own[i]!)
        rows.push(1)
      }
    }
    offsets[g + 1] = strata.length
  }
  return { count, offsets, strata: Int32Array.from(strata), rows: Int32Array.from(rows), strataCount }
}

/**
 * Deals whole groups to train, dev and test so that every stratum comes close to its share of each: in a random order,
 * each group goes where it lowers Σ (rows − wanted)² / wanted most, over splits and strata (after the iterative
 * stratification of Sechidis et al., 2011, for groups in place of labels). Of several orders the closest one is kept.
 *
 * @param wanted rows of train, dev and test; 0 leaves a split out
 * @returns [groups] split of every group, or null where some split would stay empty
 */
export function dealGroups(groups: Groups, wanted: readonly [number, number, number], seed: number): Int8Array | null {
  const total = wanted.reduce((a, b) => a + b, 0)
  const shares = wanted.map((rows) => rows / total)
  const strataRows = new Float64Array(groups.strataCount)
  groups.strata.forEach((stratum, i) => (strataRows[stratum]! += groups.rows[i]!))
  const tries = Math.max(1, Math.min(MOST_TRIES, Math.floor(WORK / Math.max(1, groups.rows.length))))
  let best: { split: Int8Array; cost: number } | null = null
  for (let attempt = 0; attempt < tries; attempt++) {
    const order = permutation(groups.count, new RandomStream(seed, 'split/groups', attempt))
    const dealt = deal(groups, shares, strataRows, order)
    if (dealt && (!best || dealt.cost < best.cost)) best = dealt
  }
  return best?.split ?? null
}

function deal(groups: Groups, shares: readonly number[], strataRows: Float64Array, order: Int32Array): Deal | null {
  const dealer = new Dealer(groups, shares, strataRows)
  for (const group of order) dealer.place(group, dealer.cheapest(group))
  return dealer.fillEmpty(order) ? { split: dealer.split, cost: dealer.cost() } : null
}

interface Deal {
  split: Int8Array
  cost: number
}

/** Rows that each split holds of each stratum, against those that it should. */
class Dealer {
  /** [groups] */
  readonly split: Int8Array
  readonly #groups: Groups
  readonly #splits: readonly number[]
  /** [splits][strata] */
  readonly #wanted: Float64Array[]
  readonly #has: Float64Array[]
  readonly #held: number[]

  constructor(groups: Groups, shares: readonly number[], strataRows: Float64Array) {
    this.#groups = groups
    this.split = new Int8Array(groups.count)
    this.#splits = shares.flatMap((share, split) => (share > 0 ? [split] : []))
    this.#wanted = shares.map((share) => strataRows.map((rows) => share * rows))
    this.#has = shares.map(() => new Float64Array(groups.strataCount))
    this.#held = shares.map(() => 0)
  }

  place(group: number, to: number): void {
    this.split[group] = to
    this.#move(group, to, 1)
  }

  cheapest(group: number): number {
    let to = this.#splits[0]!
    for (const each of this.#splits) if (this.#change(group, each, 1) < this.#change(group, to, 1)) to = each
    return to
  }

  /** Gives every empty split the group whose move costs least. @returns whether none is left empty */
  fillEmpty(order: Int32Array): boolean {
    for (const empty of this.#splits) {
      if (this.#held[empty]! > 0) continue
      let best = { group: -1, cost: Infinity }
      for (const group of order) {
        const from = this.split[group]!
        if (this.#held[from]! < 2) continue
        const cost = this.#change(group, empty, 1) + this.#change(group, from, -1)
        if (cost < best.cost) best = { group, cost }
      }
      if (best.group < 0) return false
      this.#move(best.group, this.split[best.group]!, -1)
      this.place(best.group, empty)
    }
    return true
  }

  cost(): number {
    let cost = 0
    for (const each of this.#splits)
      for (const [s, wanted] of this.#wanted[each]!.entries())
        if (wanted > 0) cost += (this.#has[each]![s]! - wanted) ** 2 / wanted
    return cost
  }

  /** Of Σ (has − wanted)² / wanted: (h ± r − w)² − (h − w)² = r (±2 (h − w) + r). */
  #change(group: number, split: number, sign: 1 | -1): number {
    const { offsets, strata, rows } = this.#groups
    let change = 0
    for (let at = offsets[group]!; at < offsets[group + 1]!; at++) {
      const r = rows[at]!
      const wanted = this.#wanted[split]![strata[at]!]!
      change += (r * (2 * sign * (this.#has[split]![strata[at]!]! - wanted) + r)) / wanted
    }
    return change
  }

  #move(group: number, split: number, sign: 1 | -1): void {
    const { offsets, strata, rows } = this.#groups
    for (let at = offsets[group]!; at < offsets[group + 1]!; at++) this.#has[split]![strata[at]!]! += sign * rows[at]!
    this.#held[split]! += sign
  }
}

/** Union-find over numbered things. */
export class Components {
  readonly #parent: Int32Array

  constructor(count: number) {
    this.#parent = Int32Array.from({ length: count }, (_, i) => i)
  }

  find(a: number): number {
    let at = a
    while (this.#parent[at] !== at) at = this.#parent[at] = this.#parent[this.#parent[at]!]!
    return at
  }

  join(a: number, b: number): void {
    this.#parent[this.find(a)] = this.find(b)
  }
}

/** Renumbers to 0 … n − 1 in order of appearance; negative numbers stay. */
export function compact(values: Int32Array): { values: Int32Array; count: number } {
  const numbers = new Map<number, number>()
  const out = values.map((value) => {
    if (value < 0) return value
    let number = numbers.get(value)
    if (number === undefined) numbers.set(value, (number = numbers.size))
    return number
  })
  return { values: out, count: numbers.size }
}

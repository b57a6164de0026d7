import type { Machine } from './machine'

/** What an operation's threads divide among them. Two operations of one share give each thread the same part. */
export type Share = string

/** The address of an int32 that changes from step to step: how many pairs or texts there are. */
export type Cell = number

/** A float32 argument among int32 ones. */
export const real = (value: number): number => new Int32Array(Float32Array.of(value).buffer)[0]!

/** A thread touches its own part of a buffer (`own`), or anything in it. */
interface Access {
  buffer: number
  own: boolean
}
export const own = (buffer: number): Access => ({ buffer, own: true })
export const all = (buffer: number): Access => ({ buffer, own: false })

export interface Operation {
  name: string
  share: Share
  /** Done by one thread alone: always the same one within a program, another for each of several programs. */
  alone?: boolean
  words: readonly number[]
  reads: readonly Access[]
  writes: readonly Access[]
  /** Operations of several runs with one key become one: their lists are joined, so that a text is read once for all. */
  joined?: { key: string; list: readonly number[]; width: number; listAt: number; lengthAt: number }
}

interface Use {
  share: Share
  own: boolean
}

/**
 * Operations in order, cut into levels: within a level no operation reads or overwrites what another thread may be
 * writing or reading, between levels stands a barrier.
 */
export class Program {
  readonly levels: Operation[][] = [[]]
  readonly #written = new Map<number, Use[]>()
  readonly #read = new Map<number, Use[]>()

  add(operation: Operation): void {
    const { share, reads, writes } = operation
    const clash = (uses: Map<number, Use[]>, { buffer, own }: Access): boolean =>
      (uses.get(buffer) ?? []).some((use) => !(own && use.own && use.share === share))
    const waits =
      reads.some((access) => clash(this.#written, access)) ||
      writes.some((access) => clash(this.#written, access) || clash(this.#read, access))
    if (waits) this.barrier()
    for (const [uses, accesses] of [
      [this.#read, reads],
      [this.#written, writes],
    ] as const)
      for (const { buffer, own } of accesses) uses.set(buffer, [...(uses.get(buffer) ?? []), { share, own }])
    this.levels.at(-1)!.push(operation)
  }

  /** Its first levels, as a program of their own. */
  upTo(levels: number): Program {
    const start = new Program()
    start.levels.splice(0, 1, ...this.levels.slice(0, levels))
    return start
  }

  barrier(): void {
    this.#written.clear()
    this.#read.clear()
    if (this.levels.at(-1)!.length > 0) this.levels.push([])
  }
}

/** Where a program stands that takes the place of an earlier one. */
export class ProgramSpace {
  readonly #heap: Machine['heap']
  #at = 0
  #words = 0

  constructor(heap: Machine['heap']) {
    this.#heap = heap
  }

  /** Room for that many words: that of the last program, if there is enough. */
  reserve(words: number): number {
    if (words > this.#words) {
      this.#at = this.#heap.allocate(words * 4)
      this.#words = words
    }
    return this.#at
  }
}

/**
 * Writes programs into the heap as one, level by level: the runs' operations touch different buffers, so that they share
 * their barriers, and those that read the same texts are joined.
 *
 * @param first runs before all others
 * @param space of a program that is no longer run; new memory by default
 * @returns the program's address
 */
export function compile(
  machine: Machine,
  first: Program,
  programs: readonly Program[],
  space = new ProgramSpace(machine.heap),
): number {
  const depth = Math.max(...programs.map(({ levels }) => levels.length))
  const merged = Array.from({ length: depth }, (_, level) =>
    joinLists(programs.flatMap((p, owner) => (p.levels[level] ?? []).map((operation) => ({ ...operation, owner })))),
  )
  const start = first.levels.map((level) => level.map((operation) => ({ ...operation, owner: 0 })))
  const levels = [...start, ...merged].filter((level) => level.length > 0)
  const shift = machine.code('OWNER_SHIFT')
  const words: number[] = []
  /** Lists stand behind the program; `at` is the word that is to hold the address. */
  const lists: { at: number; list: readonly number[] }[] = []
  for (const level of levels) {
    if (words.length > 0) words.push(machine.code('BARRIER'), 0)
    for (const { name, words: args, joined, alone, owner } of level) {
      words.push(machine.code(name) | (alone ? (owner + 1) << shift : 0), args.length)
      if (joined) lists.push({ at: words.length + joined.listAt, list: joined.list })
      const from = words.length
      words.push(...args)
      if (joined) words[from + joined.lengthAt] = joined.list.length / joined.width
    }
  }
  words.push(machine.code('END'), 0)
  const address = space.reserve(words.length + lists.reduce((sum, { list }) => sum + list.length, 0))
  for (const { at, list } of lists) {
    words[at] = address + words.length * 4
    for (const word of list) words.push(word)
  }
  machine.heap.words(address, words.length).set(words)
  return address
}

type Owned = Operation & { owner: number }

function joinLists(operations: readonly Owned[]): Owned[] {
  const out: Owned[] = []
  const byKey = new Map<string, number>()
  for (const operation of operations) {
    const { joined } = operation
    const at = joined && byKey.get(joined.key)
    if (!joined || at === undefined) {
      if (joined) byKey.set(joined.key, out.length)
      out.push(operation)
      continue
    }
    const other = out[at]!.joined!
    out[at] = { ...out[at]!, joined: { ...other, list: [...other.list, ...joined.list] } }
  }
  return out
}

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

  barrier(): void {
    this.#written.clear()
    this.#read.clear()
    if (this.levels.at(-1)!.length > 0) this.levels.push([])
  }
}

/**
 * Writes programs into the heap as one, level by level: the runs' operations touch different buffers, so that they share
 * their barriers, and those that read the same texts are joined.
 *
 * @param first runs before all others
 * @returns the program's address
 */
export function compile(machine: Machine, first: Program, programs: readonly Program[]): number {
  const depth = Math.max(...programs.map(({ levels }) => levels.length))
  const merged = Array.from({ length: depth }, (_, level) =>
    joinLists(programs.flatMap((p, owner) => (p.levels[level] ?? []).map((operation) => ({ ...operation, owner })))),
  )
  const words: number[] = []
  const start = first.levels.map((level) => level.map((operation) => ({ ...operation, owner: 0 })))
  const shift = machine.code('OWNER_SHIFT')
  for (const level of [...start, ...merged]) {
    if (level.length === 0) continue
    if (words.length > 0) words.push(machine.code('BARRIER'), 0)
    for (const { name, words: args, joined, alone, owner } of level) {
      const all = [...args]
      if (joined) {
        all[joined.listAt] = machine.heap.place(Int32Array.from(joined.list))
        all[joined.lengthAt] = joined.list.length / joined.width
      }
      words.push(machine.code(name) | (alone ? (owner + 1) << shift : 0), all.length, ...all)
    }
  }
  words.push(machine.code('END'), 0)
  return machine.heap.place(Int32Array.from(words))
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

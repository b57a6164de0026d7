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
 * Writes programs into the heap as one: see {@link mergeLevels}.
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
  return writeLevels(machine, [...ownedLevels(first), ...mergeLevels(programs, machine.threads)], space)
}

/** An operation and whose it is. */
export type OwnedOperation = Operation & { owner: number }

export interface Level {
  operations: readonly OwnedOperation[]
  /** A barrier stands before it; without one each thread goes on with its own runs. */
  barrier: boolean
}

/** A program's levels by themselves. */
export const ownedLevels = (program: Program, owner = 0): Level[] =>
  program.levels.map((level) => ({ operations: level.map((operation) => ({ ...operation, owner })), barrier: true }))

/** Runs a thread from which on the threads divide the runs among them, not each run's operations. */
const RUNS_A_THREAD = 4

/**
 * Runs' programs level by level: their operations touch different buffers, so that they share their barriers, and those that
 * read the same texts are joined. Many runs are divided among the threads: each takes its own ones from a step's texts to their
 * optimisers, waits for nobody, and finds their weights and gradients in its own cache. It reads all texts for that, once for
 * all its runs, whose products are joined however many levels a run has between them.
 */
export function mergeLevels(programs: readonly Program[], threads: number): Level[] {
  const many = programs.length >= RUNS_A_THREAD * threads
  const owners = many ? balanced(programs, threads) : programs.map((_, i) => i)
  const runs = programs.map((program, i) => ownedLevels(many ? betweenProducts(program) : program, owners[i]))
  const depth = Math.max(0, ...runs.map(({ length }) => length))
  return Array.from({ length: depth }, (_, at) => ({
    operations: joinLists(runs.flatMap((levels) => levels[at]?.operations ?? [])),
    barrier: !many || at === 0,
  }))
}

/** The same operations, all of them one thread's, in levels of products alone and of all others. */
function betweenProducts({ levels }: Program): Program {
  const out = new Program()
  let before: { product: boolean; level: number } | undefined
  for (const [level, operations] of levels.entries())
    for (const operation of operations) {
      const product = operation.joined !== undefined
      // Products of one level do not touch what another of them writes.
      if (before && (before.product !== product || (product && before.level !== level))) out.barrier()
      out.levels.at(-1)!.push({ ...operation, alone: true })
      before = { product, level }
    }
  return out
}

/** A thread for each program: the largest first, to the one that has least. A run's work grows with the rows of its products. */
function balanced(programs: readonly Program[], threads: number): number[] {
  const rows = programs.map(({ levels }) =>
    levels.flat().reduce((sum, { joined }) => sum + (joined?.list.length ?? 0), 0),
  )
  const load = new Array<number>(threads).fill(0)
  const owners = new Array<number>(programs.length).fill(0)
  for (const program of rows.map((_, i) => i).sort((a, b) => rows[b]! - rows[a]!)) {
    const least = load.indexOf(Math.min(...load))
    owners[program] = least
    load[least]! += rows[program]!
  }
  return owners
}

/** @returns the address of a program of these levels */
export function writeLevels(
  machine: Machine,
  levels: readonly Level[],
  space = new ProgramSpace(machine.heap),
): number {
  const shift = machine.code('OWNER_SHIFT')
  const words: number[] = []
  /** Lists stand behind the program; `at` is the word that is to hold the address. */
  const lists: { at: number; list: readonly number[] }[] = []
  for (const { operations, barrier } of levels) {
    if (operations.length === 0) continue
    if (barrier && words.length > 0) words.push(machine.code('BARRIER'), 0)
    for (const { name, words: args, joined, alone, owner } of operations) {
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

/** Operations of one key that the same threads run become one. */
function joinLists(operations: readonly OwnedOperation[]): OwnedOperation[] {
  const out: OwnedOperation[] = []
  const byKey = new Map<string, number>()
  for (const operation of operations) {
    const { joined, alone, owner } = operation
    const key = joined && `${alone ? owner : 'all'} ${joined.key}`
    const at = key === undefined ? undefined : byKey.get(key)
    if (!joined || at === undefined) {
      if (key !== undefined) byKey.set(key, out.length)
      out.push(operation)
      continue
    }
    const other = out[at]!.joined!
    out[at] = { ...out[at]!, joined: { ...other, list: [...other.list, ...joined.list] } }
  }
  return out
}

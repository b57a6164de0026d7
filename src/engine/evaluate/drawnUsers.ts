import { plain } from 'virtual:user-sums'
import { z } from 'zod'
import { resampleUsers, type Resampling } from '../statistics/resample'

/** Resamples whose draws of a user stand one behind the other: as many as assembly/userSums.ts sums at once. */
export const BLOCK = 8

/** How often each user counts in each of some resamples. */
export interface Draws {
  readonly users: number
  readonly resamples: number
  /** [blocks, users, BLOCK] of BLOCK resamples each; what is beyond the last resample counts for nothing. */
  readonly counts: Uint8Array
}

/** All users as they are. */
export function eachOnce(users: number): Draws {
  return { users, resamples: 1, counts: new Uint8Array(users * BLOCK).fill(1) }
}

/** Users drawn at random, and sums over them in all resamples. Nobody is drawn more than 255 times: of more users than that, no one ever is. */
export class DrawnUsers implements Draws {
  readonly users: number
  readonly resamples: number
  readonly counts: Uint8Array
  readonly #blocks: number
  readonly #kernels: Kernels | undefined
  /** Where the kernels find and leave everything but the draws, which come first. */
  readonly #at: { list: number; values: number; sums: number }

  /** @param kernels without them sums are the same and take ten times as long */
  constructor(users: number, resampling: Resampling, kernels = true) {
    const { resamples } = resampling
    this.users = users
    this.resamples = resamples
    this.#blocks = Math.ceil(resamples / BLOCK)
    const draws = this.#blocks * users * BLOCK
    const sums = draws
    const values = sums + AT_ONCE * this.#blocks * BLOCK * F64
    const list = values + AT_ONCE * users * F64
    this.#at = { list, values, sums }
    this.#kernels = kernels ? openKernels(list + users * U32) : undefined
    this.counts = new Uint8Array(this.#kernels?.memory.buffer ?? new ArrayBuffer(draws), 0, draws)
    resampleUsers(users, resampling, (drawn, resample) => {
      const from = this.#place(resample)
      for (let user = 0; user < users; user++) this.counts[from + user * BLOCK] = drawn[user]!
    })
  }

  /**
   * Each one's Σ counts · values over some users, in their order.
   *
   * @param values each [users]
   * @returns each [resamples]
   */
  sums(values: readonly Float64Array[], users: Int32Array): Float64Array[] {
    if (!this.#kernels) return values.map((of) => this.#plainSum(of, users))
    const { memory, sumOne, sumTwo } = this.#kernels
    const places = new Uint32Array(memory.buffer, this.#at.list, users.length)
    for (let at = 0; at < users.length; at++) places[at] = users[at]! * BLOCK
    const sums: Float64Array[] = []
    for (let at = 0; at + 1 < values.length; at += 2)
      sums.push(...this.#sumsBy(sumTwo, [values[at]!, values[at + 1]!], users))
    if (values.length % 2 === 1) sums.push(...this.#sumsBy(sumOne, [values.at(-1)!], users))
    return sums
  }

  #sumsBy(kernel: Kernel, values: readonly Float64Array[], users: Int32Array): Float64Array[] {
    const { buffer } = this.#kernels!.memory
    const apart = values.length
    const given = new Float64Array(buffer, this.#at.values, apart * users.length)
    for (let which = 0; which < apart; which++) {
      const of = values[which]!
      for (let at = 0; at < users.length; at++) given[at * apart + which] = of[users[at]!]!
    }
    kernel(0, this.users * BLOCK, this.#blocks, this.#at.list, users.length, this.#at.values, this.#at.sums)
    const bytes = this.#blocks * BLOCK * F64
    return values.map((_, which) => new Float64Array(buffer, this.#at.sums + which * bytes, this.resamples).slice())
  }

  #plainSum(values: Float64Array, users: Int32Array): Float64Array {
    const sums = new Float64Array(this.resamples)
    for (let resample = 0; resample < this.resamples; resample++) {
      const from = this.#place(resample)
      for (let at = 0; at < users.length; at++)
        sums[resample]! += this.counts[from + users[at]! * BLOCK]! * values[users[at]!]!
    }
    return sums
  }

  /** Of the first user's draws in a resample. */
  #place(resample: number): number {
    return Math.floor(resample / BLOCK) * this.users * BLOCK + (resample % BLOCK)
  }
}

const PAGE_BYTES = 65536
const [U32, F64] = [4, 8]
/** Sums that a kernel forms. */
const AT_ONCE = 2

/** A function of assembly/userSums.ts. */
type Kernel = (
  draws: number,
  blockBytes: number,
  blocks: number,
  users: number,
  n: number,
  values: number,
  out: number,
) => void

interface Kernels {
  memory: WebAssembly.Memory
  sumOne: Kernel
  sumTwo: Kernel
}

const kernel = z.custom<Kernel>((value) => typeof value === 'function')
const exportsSchema = z.object({ sumOne: kernel, sumTwo: kernel })

let compiled: WebAssembly.Module | null | undefined

/** Null where WebAssembly has no SIMD. */
function compile(): WebAssembly.Module | null {
  const bytes = Uint8Array.from(Buffer.from(plain, 'base64'))
  return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : null
}

function openKernels(bytes: number): Kernels | undefined {
  compiled ??= compile()
  const memory = compiled && openMemory(bytes)
  if (!compiled || !memory) return undefined
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } })
  return { memory, ...exportsSchema.parse(exports) }
}

/** Null where the system has no addresses for another one: V8 sets aside some GiB of them for each. */
function openMemory(bytes: number): WebAssembly.Memory | null {
  const pages = Math.max(1, Math.ceil(bytes / PAGE_BYTES))
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: false })
  } catch {
    return null
  }
}

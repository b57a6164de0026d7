import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { plain, relaxed } from 'virtual:kernels'
import { z } from 'zod'
import { AppError } from '../../shared/errors'
import type { Heap } from './heap'

/** Beyond this a step of these thin products is too short to be cut further. */
const MOST_THREADS = 16
/** Six lines of the threads' meeting place, see assembly/program.ts. */
const CONTROL_BYTES = 384
const [GENERATION, PROGRAM] = [0, 16]

/** Further threads know nothing but the kernels: they serve until they are told to stop. */
const SERVE = `
const { parentPort, workerData: { module, memory, control, thread, threads } } = require('node:worker_threads')
const { serve } = new WebAssembly.Instance(module, { env: { memory, abort() {} } }).exports
parentPort.postMessage('ready')
serve(control, thread, threads)
`

/** Operation codes by name, and the functions that are called rather than run as part of a program. */
const exportsSchema = z.object({
  run: z.custom<(program: number, control: number, threads: number) => void>((value) => typeof value === 'function'),
  permute: z.custom<
    (out: number, n: number, key0: number, key1: number, number: number, numberHigh: number, words: number) => void
  >((value) => typeof value === 'function'),
})
export type KernelFunctions = z.infer<typeof exportsSchema>

export type KernelBuild = 'relaxed' | 'plain'

/** What to do where the kernels do not start. */
export const NOT_HERE = {
  fix: 'They need WebAssembly with SIMD and shared memory. Take --backend wasm or --backend cpu.',
} as const

/**
 * The better build that this engine takes.
 *
 * @throws Error where it takes none
 */
export function bestBuild(): KernelBuild {
  const build = (['relaxed', 'plain'] as const).find((name) => WebAssembly.validate(bytesOf(name)))
  if (!build) throw new Error('this WebAssembly has no SIMD or no threads')
  return build
}

/** As many threads as there are cores for them. */
export function defaultThreads(): number {
  return Math.min(MOST_THREADS, availableParallelism())
}

function bytesOf(build: KernelBuild): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(build === 'relaxed' ? relaxed : plain, 'base64'))
}

/** The kernels on a heap, and the threads that run them together. */
export class Machine {
  readonly heap: Heap
  readonly threads: number
  readonly build: KernelBuild
  readonly functions: KernelFunctions
  readonly #codes: Record<string, unknown>
  readonly #control: number
  readonly #workers: readonly Worker[]
  #closed = false

  private constructor(
    heap: Heap,
    build: KernelBuild,
    exports: WebAssembly.Exports,
    control: number,
    workers: Worker[],
  ) {
    this.heap = heap
    this.threads = workers.length + 1
    this.build = build
    this.functions = exportsSchema.parse(exports)
    this.#codes = exports
    this.#control = control
    this.#workers = workers
  }

  /**
   * Compiles the kernels and waits until every thread serves: one that does not start would be waited for for ever.
   *
   * @throws AppError `backend_unavailable` where WebAssembly has no SIMD or no threads, `out_of_range` where the heap is full
   */
  static async start(heap: Heap, threads = defaultThreads(), build = bestBuild()): Promise<Machine> {
    const { memory } = heap
    const control = heap.allocate(CONTROL_BYTES)
    try {
      const module = new WebAssembly.Module(bytesOf(build))
      const { exports } = new WebAssembly.Instance(module, { env: { memory, abort() {} } })
      const workers = await Promise.all(
        Array.from({ length: threads - 1 }, (_, i) => startWorker({ module, memory, control, thread: i + 1, threads })),
      )
      return new Machine(heap, build, exports, control, workers)
    } catch (cause) {
      throw new AppError('backend_unavailable', 'The fused engine does not start here', NOT_HERE, cause)
    }
  }

  /** The code of an operation. */
  code(name: string): number {
    const found = this.#codes[name]
    if (!(found instanceof WebAssembly.Global)) throw new Error(`there is no operation "${name}"`)
    return z.number().parse(found.value)
  }

  /** Runs a program on all threads; returns when it is done. */
  run(program: number): void {
    // Threads that have ended would be waited for for ever.
    if (this.#closed) throw new Error('the machine is closed')
    this.functions.run(program, this.#control, this.threads)
  }

  /** Lets the further threads end. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    const control = this.heap.words(this.#control, CONTROL_BYTES / 4)
    Atomics.store(control, PROGRAM, 0)
    Atomics.add(control, GENERATION, 1)
    Atomics.notify(control, GENERATION)
    for (const worker of this.#workers) void worker.terminate()
  }
}

function startWorker(workerData: object): Promise<Worker> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(SERVE, { eval: true, workerData })
    worker.once('error', reject)
    worker.once('message', () => {
      // Waiting threads must not keep a process alive that has nothing else to do.
      worker.unref()
      resolve(worker)
    })
  })
}

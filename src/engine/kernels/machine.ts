import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { plain, relaxed } from 'virtual:kernels'
import { z } from 'zod'
import { AppError, messageOf } from '../../shared/errors'
import type { Heap } from './heap'

/** Beyond this a step of these thin products is too short to be cut further. */
const MOST_THREADS = 16
/** The threads' meeting place, see assembly/program.ts: seven lines, and after them what a thread said before it failed. */
const TEXT_AT = 448
const TEXT_BYTES = 512
const CONTROL_BYTES = TEXT_AT + TEXT_BYTES
const [GENERATION, PROGRAM, PHASE, FAILED] = [0, 16, 48, 96]

/**
 * Further threads know nothing but the kernels: they serve until they are told to stop. One that fails says so where the others
 * meet, since they would wait for it for ever, and none of them hears messages meanwhile.
 */
const SERVE = `
const { parentPort } = require('node:worker_threads')
parentPort.once('message', ({ module, memory, control, thread, threads }) => {
  const { serve } = new WebAssembly.Instance(module, { env: { memory, abort() {} } }).exports
  parentPort.postMessage('ready')
  try {
    serve(control, thread, threads)
  } catch (error) {
    const words = new Int32Array(memory.buffer, control, ${TEXT_AT / 4})
    new Uint8Array(memory.buffer, control + ${TEXT_AT}, ${TEXT_BYTES}).set(new TextEncoder().encode(String(error)).subarray(0, ${TEXT_BYTES}))
    Atomics.store(words, ${FAILED}, 1)
    Atomics.add(words, ${PHASE}, 1)
    Atomics.notify(words, ${PHASE})
  }
})
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

const modules = new Map<KernelBuild, Promise<WebAssembly.Module>>()
function compiled(build: KernelBuild): Promise<WebAssembly.Module> {
  const module = modules.get(build) ?? WebAssembly.compile(bytesOf(build))
  modules.set(build, module)
  return module
}

/** Threads that stand ready for the first machine. */
const spare: Worker[] = []
/** More than so many are started when it is known that they are of use. */
const MOST_SPARE = 3

/** Compiles the kernels and starts threads beside whatever else is done before a machine is wanted. */
export function warmUp(threads = defaultThreads()): void {
  try {
    // Whoever wants a machine hears of failures.
    compiled(bestBuild()).catch(() => {})
  } catch {
    return
  }
  while (spare.length < Math.min(MOST_SPARE, threads - 1)) spare.push(openWorker())
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
  #failure: AppError | undefined

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
      const module = await compiled(build)
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
    if (this.#closed) throw this.#failure ?? new Error('the machine is closed')
    try {
      this.functions.run(program, this.#control, this.threads)
    } catch (cause) {
      // The others wait in the middle of a program: nothing can be run any more.
      this.#failure = this.#failed(cause)
      this.close()
      throw this.#failure
    }
  }

  #failed(cause: unknown): AppError {
    const another = this.heap.words(this.#control, TEXT_AT / 4)[FAILED] !== 0
    const text = new Uint8Array(TEXT_BYTES)
    text.set(new Uint8Array(this.heap.memory.buffer, this.#control + TEXT_AT, TEXT_BYTES))
    const said = another ? new TextDecoder().decode(text.subarray(0, text.indexOf(0))) : messageOf(cause)
    return new AppError(
      'internal',
      `${another ? 'A thread' : 'The first thread'} of the fused engine failed: ${said}`,
      {
        fix: 'Go on from the last checkpoint with --resume, and with --backend wasm if it fails again. Please report it.',
      },
      cause,
    )
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

function openWorker(): Worker {
  const worker = new Worker(SERVE, { eval: true })
  // Waiting threads must not keep a process alive that has nothing else to do.
  worker.unref()
  return worker
}

function startWorker(served: object): Promise<Worker> {
  return new Promise((resolve, reject) => {
    const worker = spare.pop() ?? openWorker()
    worker.ref()
    worker.once('error', reject)
    worker.once('message', () => {
      worker.unref()
      resolve(worker)
    })
    worker.postMessage(served)
  })
}

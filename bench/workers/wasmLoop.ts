/** A thread of the ceilings question: runs a loop when told, for as long as told, and answers with its best rate. */
import { parentPort, workerData } from 'node:worker_threads'
import { z } from 'zod'
import { BYTES_PER_TURN, instantiate, MULTIPLY_ADDS_PER_TURN } from '../harness/wasmLoops'

const jobSchema = z.object({ loop: z.enum(['multiplyAdd', 'read']), seconds: z.number().positive() })
const dataSchema = z.object({ relaxed: z.boolean(), bytes: z.int().positive() })
/** Well below a millisecond. */
const MULTIPLY_ADD_TURNS = 100_000
/** Converges, and stays away from the slow denormal numbers. */
const FACTOR = 0.5
const WINDOW_MS = 10

const { relaxed, bytes } = dataSchema.parse(workerData)
const { multiplyAdd, read, memory } = instantiate(relaxed, bytes)
// Pages that were never written are all one page of zeros.
new Float32Array(memory.buffer).fill(1)

/** Calls a second in the best window: a ceiling is what happens when nobody else is at the processor. */
function bestRate(call: () => unknown, seconds: number): number {
  let best = 0
  const end = performance.now() + 1000 * seconds
  do {
    const started = performance.now()
    let calls = 0
    let passed: number
    do {
      call()
      calls++
      passed = performance.now() - started
    } while (passed < WINDOW_MS)
    best = Math.max(best, (1000 * calls) / passed)
  } while (performance.now() < end)
  return best
}

parentPort?.on('message', (message: unknown) => {
  const { loop, seconds } = jobSchema.parse(message)
  const turns = loop === 'multiplyAdd' ? MULTIPLY_ADD_TURNS : Math.floor(bytes / BYTES_PER_TURN)
  const work = turns * (loop === 'multiplyAdd' ? MULTIPLY_ADDS_PER_TURN : BYTES_PER_TURN)
  const call = loop === 'multiplyAdd' ? () => multiplyAdd(turns, FACTOR) : () => read(turns, 0)
  parentPort?.postMessage(work * bestRate(call, seconds))
})
parentPort?.postMessage('ready')

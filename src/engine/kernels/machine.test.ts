import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { Heap } from './heap'
import { defaultThreads, Machine, warmUp } from './machine'
import { compile, Program } from './program'
import { Tape } from './tape'

const open: Machine[] = []
afterEach(() => {
  for (const machine of open.splice(0)) machine.close()
})

async function start(threads: number): Promise<Machine> {
  const machine = await Machine.start(new Heap(), threads)
  open.push(machine)
  return machine
}

/** A program whose operations each need what another thread has written: `depth` barriers, one unit added at each. */
function counting(machine: Machine, depth: number): { program: number; count: () => number[] } {
  const { heap } = machine
  const one = heap.place(Float32Array.of(1))
  const tape = new Tape(
    heap,
    { zero: heap.place(Float32Array.of(0)), one },
    { stride: 16, half: false, far: false, scratch: 0 },
  )
  const pairs = { name: 'pairs', n: heap.place(Int32Array.of(64)), block: 16, stride: 80 }
  const ones = tape.matrix(1, pairs)
  heap.floats(ones.at, 64).fill(1)
  // Every column takes its value from the one that stands at the other end, in another thread's share.
  const mirrored = heap.place(Int32Array.from({ length: 80 }, (_, b) => Math.max(0, 63 - b)))
  const total = tape.matrix(1, pairs)
  for (let i = 0; i < depth; i++) tape.combine(tape.gather(total, mirrored, pairs), ones, 1, total)
  const program = compile(machine, new Program(), [tape.program])
  return { program, count: () => [...new Set(heap.floats(total.at, 64))] }
}

describe('a machine', () => {
  it.each([1, 2, 3])('with %i threads hangs or goes on too early in one of 10,000 short programs', async (threads) => {
    const machine = await start(threads)
    const { program, count } = counting(machine, 1)
    for (let i = 0; i < 10_000; i++) machine.run(program)
    expect(count()).toEqual([10_000])
  })

  it('does not wake threads that have gone to sleep', async () => {
    const machine = await start(3)
    const { program, count } = counting(machine, 5)
    // From no pause at all to one in which every thread has given up looking.
    const pauses = [0, 0, 1, 0, 2, 5, 0, 50, 0, 300, 0]
    for (const pause of pauses) {
      if (pause > 0) await sleep(pause)
      machine.run(program)
    }
    expect(count()).toEqual([5 * pauses.length])
  })

  it('keeps its threads after it is closed, awake or asleep', async () => {
    for (const pause of [0, 100]) {
      const workers: Worker[] = []
      const seen = (worker: Worker): void => void workers.push(worker)
      process.on('worker', seen)
      const machine = await start(3)
      process.off('worker', seen)
      expect(workers).toHaveLength(2)
      const ended = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)))
      machine.run(counting(machine, 2).program)
      await sleep(pause)
      machine.close()
      machine.close()
      await Promise.all(ended)
    }
  })

  it('waits for ever for threads that have ended', async () => {
    const machine = await start(2)
    const { program } = counting(machine, 2)
    machine.close()
    expect(() => machine.run(program)).toThrow('closed')
  })

  it.each([2, 3])('waits for ever for a thread that has failed, one of %i', async (threads) => {
    const machine = await start(threads)
    const { program, count } = counting(machine, 2)
    machine.run(program)
    // An operation that does not exist, and belongs to one further thread alone.
    const owner = (1 + 1) << machine.code('OWNER_SHIFT')
    const [barrier, end] = [machine.code('BARRIER'), machine.code('END')]
    for (const words of [
      [200 | owner, 0, end, 0],
      [barrier, 0, 200 | owner, 0, barrier, 0, end, 0],
    ]) {
      const broken = await start(threads)
      const trap = (): void => broken.run(broken.heap.place(Int32Array.from(words)))
      expect(trap).toThrow('A thread of the fused engine failed: RuntimeError: unreachable')
      expect(trap).toThrow('A thread of the fused engine failed: RuntimeError: unreachable')
    }
    // Its own trap is told as such.
    const alone = await start(threads)
    const first = Int32Array.of(200 | (1 << machine.code('OWNER_SHIFT')), 0, end, 0)
    expect(() => alone.run(alone.heap.place(first))).toThrow('The first thread of the fused engine failed')
    // Others go on.
    machine.run(program)
    expect(count()).toEqual([4])
  })

  it('takes other threads than those that were warmed up, or keeps a process alive', async () => {
    const workers: Worker[] = []
    const seen = (worker: Worker): void => void workers.push(worker)
    process.on('worker', seen)
    warmUp(3)
    warmUp(3)
    const machine = await start(3)
    process.off('worker', seen)
    expect(workers).toHaveLength(2)
    const { program, count } = counting(machine, 2)
    machine.run(program)
    expect(count()).toEqual([2])
  })

  it('on a full heap says that WebAssembly is missing', async () => {
    const heap = new Heap()
    heap.allocate(4 * 2 ** 30 - 65536)
    await expect(Machine.start(heap, 2)).rejects.toMatchObject({ code: 'out_of_range' })
  })

  it('runs another operation than the one that is named', async () => {
    const machine = await start(1)
    expect(() => machine.code('run')).toThrow('there is no operation "run"')
    expect(() => machine.code('nothing')).toThrow('there is no operation "nothing"')
    expect([machine.code('END'), machine.code('BARRIER')]).toEqual([0, 1])
    expect(machine.threads).toBe(1)
    expect(defaultThreads()).toBeGreaterThanOrEqual(1)
  })
})

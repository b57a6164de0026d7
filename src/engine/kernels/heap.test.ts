import { describe, expect, it } from 'vitest'
import { AppError } from '../../shared/errors'
import { Heap } from './heap'
import { Machine } from './machine'
import { compile, Program } from './program'
import { SCRATCH_BYTES, Tape } from './tape'

const GIB = 2 ** 30

describe('a heap', () => {
  it('gives memory that overlaps, straddles cache lines or is not zero', () => {
    const heap = new Heap()
    let end = 0
    for (const bytes of [1, 4, 63, 64, 65, 0, 100_000, 3, 2 ** 23 + 1, 64]) {
      const at = heap.allocate(bytes)
      expect(at % 64).toBe(0)
      expect(at).toBeGreaterThanOrEqual(end)
      expect(heap.halves(at, Math.floor(bytes / 2)).every((value) => value === 0)).toBe(true)
      heap.halves(at, Math.floor(bytes / 2)).fill(0xffff)
      end = at + bytes
    }
    expect(heap.memory.buffer.byteLength).toBeGreaterThanOrEqual(end)
  })

  it('loses what views hold when it grows', () => {
    const heap = new Heap()
    const at = heap.place(Float32Array.of(1, 2, 3))
    const view = heap.floats(at, 3)
    const before = heap.memory.buffer.byteLength
    const far = heap.allocate(2 ** 24)
    expect(heap.memory.buffer.byteLength).toBeGreaterThan(before)
    expect([...view]).toEqual([1, 2, 3])
    view[1] = 7
    expect([...heap.floats(at, 3)]).toEqual([1, 7, 3])
    heap.floats(at, 3)[2] = 9
    expect(view[2]).toBe(9)
    expect([heap.holds(view), heap.holds(heap.words(far, 1)), heap.holds(new Float32Array(3))]).toEqual([
      true,
      true,
      false,
    ])
  })

  it('places a part of an array as the whole, or another type’s bytes', () => {
    const heap = new Heap()
    const at = heap.place(Float32Array.of(9, 1, 2, 9).subarray(1, 3))
    expect([...heap.floats(at, 3)]).toEqual([1, 2, 0])
    expect([...heap.halves(heap.place(Uint16Array.of(1, 65535, 3)), 4)]).toEqual([1, 65535, 3, 0])
    expect([...heap.words(heap.place(Int32Array.of(-1, 5)), 2)]).toEqual([-1, 5])
    heap.doubles(at, 1)[0] = Math.PI
    expect(heap.doubles(at, 1)[0]).toBe(Math.PI)
  })

  it('runs over 4 GiB without a word, or is lost after it has refused', () => {
    const heap = new Heap()
    heap.allocate(3 * GIB)
    let thrown: unknown
    try {
      heap.allocate(1.5 * GIB)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(AppError)
    const { code, message, details } = thrown as AppError
    expect(code).toBe('out_of_range')
    expect(message).toBe(
      'There is no memory for 1.50 GiB more: the fused engine addresses 4 GiB, of which 1.00 are left',
    )
    expect(details.fix).toContain('trainer.table_dtype')
    // To the last byte it still gives what there is.
    const at = heap.allocate(64)
    const rest = heap.allocate(4 * GIB - at - 64)
    const last = heap.floats(4 * GIB - 64, 16)
    expect(rest + 0).toBe(at + 64)
    last[15] = 5
    expect(last[15]).toBe(5)
    expect(() => heap.allocate(1)).toThrow('of which 0.00 are left')
  })

  /** Few rows, whose vectors are multiplied where they stand, and many, for which they are packed. */
  const PRODUCTS = [
    { rows: 2, far: true },
    { rows: 34, far: false },
  ]
  it.each(PRODUCTS)(
    'above 2 GiB has addresses that kernels take for negative numbers, $rows rows',
    async ({ rows, far }) => {
      const results = await Promise.all(
        [0, 3 * GIB].map(async (below) => {
          const heap = new Heap()
          if (below > 0) heap.allocate(below)
          const machine = await Machine.start(heap, 2)
          const place = (values: readonly number[]): number => heap.place(Float32Array.from(values))
          const axis = { name: 'answers', n: heap.place(Int32Array.of(5)), block: 12, stride: 32 }
          const vectors = Array.from({ length: 5 }, (_, i) => place(Array.from({ length: 16 }, (_, d) => i - d / 3)))
          const list = heap.place(Int32Array.from({ length: 32 }, (_, i) => vectors[Math.min(i, 4)]!))
          const texts = { axis, vectors: list, chosenUses: 0, rejectedUses: 0, uses: 0, scales: 0 }
          const constants = { zero: place([0]), one: place([1]) }
          const tape = new Tape(heap, constants, {
            stride: 16,
            half: false,
            far,
            scratch: heap.allocate(2 * SCRATCH_BYTES),
          })
          const ones = Array.from({ length: rows * 16 }, (_, d) => d % 5)
          const weight = { at: place(ones), grad: place(ones), rows, columns: 16, stride: 16 }
          const out = tape.project(texts, weight)
          const positions = heap.place(Int32Array.from({ length: 32 }, (_, b) => (b < 7 ? b % 5 : 0)))
          const pairs = { name: 'pairs', n: heap.place(Int32Array.of(7)), block: 16, stride: 32 }
          const gathered = tape.gather(out, positions, pairs)
          const g = tape.matrix(rows, axis)
          tape.scatter(g, [{ positions, g: gathered }])
          tape.projectGrad(texts, g, weight)
          machine.run(compile(machine, new Program(), [tape.program]))
          machine.close()
          expect(weight.grad).toBeGreaterThan(below)
          return [...heap.floats(weight.grad, rows * 16), ...heap.floats(gathered.at, 7)]
        }),
      )
      expect(results[1]).toEqual(results[0])
      expect(results[0]!.some((value) => value !== 0)).toBe(true)
    },
  )
})

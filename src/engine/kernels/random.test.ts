import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RandomStream, permutation } from '../loop/random'
import { closeLaboratories, everywhere, grid, openLaboratories, type Grid } from './testing/laboratory'

beforeAll(openLaboratories)
afterAll(closeLaboratories)

/** Masks as the reference draws them: pair by pair, a row of K draws each, one mask after the other from one stream. */
function reference(stream: RandomStream, n: number, K: number, rate: number): Grid {
  const mask = Array.from({ length: K }, () => new Float32Array(n))
  for (let b = 0; b < n; b++)
    for (let k = 0; k < K; k++) mask[k]![b] = stream.uniform() < rate ? 0 : Math.fround(1 / (1 - rate))
  return mask
}

describe.each([1, 3, 5, 50])('dropout of %i dimensions', (K) => {
  it.each([0, 1, 5, 6, 7, 12, 13, 16, 17, 100])('draws another mask than the reference’s for %i pairs', (n) => {
    // The second mask starts at n·3 draws, which is seldom a multiple of a block's 4.
    for (const { rate, step } of [
      { rate: 0.1, step: 0 },
      { rate: 0.5, step: 2 ** 32 - 1 },
      { rate: 0.9, step: 2 ** 32 + 5 },
    ]) {
      const stream = new RandomStream(123, 'noise', step)
      const earlier = reference(stream, n, 3, rate)
      const expected = reference(stream, n, K, rate)
      const [first, input] = [grid('first', 3, n), grid('input', K, n)]
      for (const results of everywhere((laboratory) => {
        const tape = laboratory.tape()
        const axis = laboratory.axis(n)
        const { key0, key1 } = new RandomStream(123, 'noise')
        const at = laboratory.place(Int32Array.of((step % 2 ** 32) | 0, Math.floor(step / 2 ** 32)))
        const noise = { key0, key1, step: at, threads: laboratory.machine.threads }
        const one = tape.dropout(laboratory.matrix(first, axis), rate, { ...noise, before: 0 })
        const two = tape.dropout(laboratory.matrix(input, axis), rate, { ...noise, before: 3 })
        for (const matrix of [one.out, one.mask, two.out, two.mask]) laboratory.spoil(matrix)
        laboratory.run(tape)
        return {
          earlier: laboratory.read(one.mask, n),
          mask: laboratory.read(two.mask, n),
          out: laboratory.read(two.out, n),
        }
      })) {
        expect(results.earlier).toEqual(earlier)
        expect(results.mask).toEqual(expected)
        expect(results.out).toEqual(input.map((row, k) => row.map((v, b) => v * expected[k]![b]!)))
      }
    }
  })
})

it('dropout of texts divides them as if they were pairs', () => {
  everywhere((laboratory) => {
    const tape = laboratory.tape()
    const texts = laboratory.axis(5, { block: 12, name: 'answers' })
    const noise = { before: 0, key0: 0, key1: 0, step: 0, threads: laboratory.machine.threads }
    expect(() => tape.dropout(tape.matrix(1, texts), 0.5, noise)).toThrow('for pairs, not for answers')
    return {}
  })
})

describe('permute', () => {
  it.each([0, 1, 2, 5, 1023, 1024, 1025, 5000])('shuffles %i pairs otherwise than the reference', (n) => {
    for (const number of [0, 7, 2 ** 32 + 3]) {
      const stream = new RandomStream(2 ** 31 + 5, 'shuffle', number)
      const expected = permutation(n, stream)
      const { key0, key1 } = stream
      for (const { order } of everywhere(({ heap, machine }) => {
        const [out, scratch] = [heap.allocate(n * 4), heap.allocate(4096)]
        const [low, high] = [(number % 2 ** 32) | 0, Math.floor(number / 2 ** 32)]
        machine.functions.permute(out, n, key0, key1, low, high, scratch)
        return { order: heap.words(out, n).slice() }
      }))
        expect(order).toEqual(expected)
    }
  })
})

import { expect, test } from 'vitest'
import { RandomStream, fillNormal, fillUniform, permutation, philox } from './random'

/** Known answers of Random123 (Salmon et al., `kat_vectors`, philox4x32 with 10 rounds). */
const KNOWN_ANSWERS = [
  { counter: [0, 0, 0, 0], key: [0, 0], out: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    out: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    out: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
] as const

test.for(KNOWN_ANSWERS)('philox differs from Random123 with key $key', ({ counter, key, out }) => {
  const block = new Uint32Array(4)
  philox(counter, key[0], key[1], block)
  expect([...block]).toEqual([...out])
})

/** χ² of observed counts against a uniform expectation. */
function chiSquare(counts: ArrayLike<number>): number {
  const all = Array.from(counts)
  const expected = all.reduce((a, b) => a + b, 0) / all.length
  return all.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

/** A bound that χ² with so many degrees of freedom passes once in a billion (Wilson and Hilferty). */
const bound = (freedom: number): number => freedom * (1 - 2 / (9 * freedom) + 6 * Math.sqrt(2 / (9 * freedom))) ** 3

test.for([0, 1, 2, 3, 17, 1000])('a permutation of %i loses or repeats an element', (n) => {
  const order = permutation(n, new RandomStream(1, 'shuffle'))
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i))
})

test('permutations favour some orders', () => {
  const counts = new Map<string, number>()
  for (let epoch = 0; epoch < 24_000; epoch++) {
    const key = permutation(4, new RandomStream(5, 'shuffle', epoch)).join()
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  expect(counts.size).toBe(24)
  expect(chiSquare([...counts.values()])).toBeLessThan(bound(23))
})

test('below() is biased where the bound does not divide 2^32', () => {
  const stream = new RandomStream(3, 'below')
  const counts = new Uint32Array(3)
  // With a plain remainder of 32 bits a bound of 3·2^30 would be drawn twice as often from its lower third.
  for (let i = 0; i < 30_000; i++) {
    const value = stream.below(3 * 2 ** 30)
    expect(value).toBeLessThan(3 * 2 ** 30)
    counts[Math.floor(value / 2 ** 30)]!++
  }
  expect(chiSquare(counts)).toBeLessThan(bound(2))
})

test('a stream cannot be drawn again, or repeats its own blocks', () => {
  const a = new RandomStream(1, 'x')
  const b = new RandomStream(1, 'x')
  const draws = Array.from({ length: 4096 }, () => a.uint32())
  expect(draws).toEqual(Array.from({ length: 4096 }, () => b.uint32()))
  expect(new Set(draws).size).toBeGreaterThan(4090)
})

test('streams of another seed, name or number are correlated', () => {
  const n = 20_000
  const draw = (stream: RandomStream): Float64Array => Float64Array.from({ length: n }, () => stream.uniform() - 0.5)
  const base = draw(new RandomStream(1, 'shuffle', 0))
  const others = [
    new RandomStream(2, 'shuffle', 0),
    new RandomStream(1, 'shuffle', 1),
    new RandomStream(1, 'shuffle', 2 ** 32),
    new RandomStream(1, 'dropout', 0),
    new RandomStream(0xffffffff, 'shuffle', 0),
  ].map(draw)
  for (const other of others) {
    const correlation = base.reduce((sum, value, i) => sum + value * other[i]!, 0) / (n / 12)
    expect(Math.abs(correlation)).toBeLessThan(6 / Math.sqrt(n))
  }
})

function moments(values: Float32Array): { mean: number; variance: number; skew: number; kurtosis: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  const central = (power: number): number => values.reduce((sum, v) => sum + (v - mean) ** power, 0) / values.length
  const variance = central(2)
  return { mean, variance, skew: central(3) / variance ** 1.5, kurtosis: central(4) / variance ** 2 }
}

test('uniform initial weights are not uniform in ±bound', () => {
  const out = new Float32Array(100_000)
  fillUniform(out, 0.25, new RandomStream(9, 'init'))
  const { mean, variance, kurtosis } = moments(out)
  expect(Math.max(...out.subarray(0, 50_000).map(Math.abs))).toBeLessThanOrEqual(0.25)
  expect(mean).toBeCloseTo(0, 2)
  expect(variance / (0.25 ** 2 / 3)).toBeCloseTo(1, 1)
  expect(kurtosis).toBeCloseTo(1.8, 1)
  const counts = new Uint32Array(64)
  for (const value of out) counts[Math.min(63, Math.floor((value / 0.25 + 1) * 32))]!++
  expect(chiSquare(counts)).toBeLessThan(bound(63))
})

test.for([100_000, 100_001, 1])('normal initial weights have other moments than N(0, sd²), %i of them', (n) => {
  const out = new Float32Array(n)
  fillNormal(out, 0.001, new RandomStream(9, 'init'))
  expect(out.every((value) => Number.isFinite(value) && value !== 0)).toBe(true)
  if (n < 1000) return
  const { mean, variance, skew, kurtosis } = moments(out)
  expect(Math.abs(mean)).toBeLessThan((6 * 0.001) / Math.sqrt(n))
  expect(variance / 1e-6).toBeCloseTo(1, 1)
  expect(skew).toBeCloseTo(0, 1)
  expect(kurtosis).toBeCloseTo(3, 0)
})

test('uniform() can be 0 or 1, so that its logarithm is infinite', () => {
  const stream = new RandomStream(1, 'u')
  stream.uint32 = () => 0
  expect(stream.uniform()).toBeGreaterThan(0)
  stream.uint32 = () => 0xffffffff
  expect(stream.uniform()).toBeLessThan(1)
})

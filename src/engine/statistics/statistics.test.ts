import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { procrustes } from '../../shared/procrustes'
import { leastCostAssignment } from './assignment'
import { auc, aucOfSwapped, kendallTau, pearson, ranks, spearman } from './ranks'
import { intervalsOverUsers, percentileInterval, quantile, resampleUsers } from './resample'
import { wilsonInterval } from './wilson'
import { holm, mcnemarExact, signFlipTest } from './hypothesisTests'

const numbers = z.array(z.number())
const scipy = z
  .object({
    cases: z.array(
      z.object({
        x: numbers,
        y: numbers,
        positive: numbers,
        ranks: numbers,
        spearman: z.number(),
        pearson: z.number(),
        kendall: z.number(),
        auc: z.number(),
      }),
    ),
    mcnemar: z.array(z.tuple([z.number(), z.number(), z.number()])),
    flips: z.array(z.object({ values: numbers, p: z.number(), exact: z.boolean() })),
    holm: z.object({ p: numbers, corrected: numbers }),
    interval: z.object({ right: numbers, pairs: numbers, value: z.number(), low: z.number(), high: z.number() }),
    assignments: z.array(z.object({ costs: z.array(numbers), least: z.number() })),
    procrustes: z.array(
      z.object({ a: z.array(numbers), b: z.array(numbers), aligned: z.array(numbers), disparity: z.number() }),
    ),
    wilson: z.array(z.tuple([z.number(), z.number(), z.number(), z.number()])),
  })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, 'scipyReference.json'), 'utf8')))

describe('ranks', () => {
  test.each(scipy.cases.map((one) => [one.x.length, one] as const))('of %i values differ from SciPy’s', (_, one) => {
    expect([...ranks(one.y)]).toEqual(one.ranks)
    expect(spearman(one.x, one.y)).toBeCloseTo(one.spearman, 12)
    expect(pearson(one.x, one.y)).toBeCloseTo(one.pearson, 12)
    expect(kendallTau(one.x, one.y)).toBeCloseTo(one.kendall, 12)
    expect(auc(one.y, one.positive)).toBeCloseTo(one.auc, 12)
    const swapped = [...one.y, ...one.y.map((value) => -value)]
    expect(aucOfSwapped(one.y)).toBe(
      auc(
        swapped,
        swapped.map((_, at) => at < one.y.length),
      ),
    )
  })

  test('of constants, of one value or of none pretend to correlate', () => {
    for (const [x, y] of [
      [[], []],
      [[1], [2]],
      [
        [1, 1, 1],
        [1, 2, 3],
      ],
    ] as const) {
      expect(spearman(x, y)).toBeNaN()
      expect(kendallTau(x, y)).toBeNaN()
      expect(kendallTau(y, x)).toBeNaN()
    }
    expect(auc([1, 2], [1, 1])).toBeNaN()
    expect(auc([1, 1, 1], [1, 0, 0])).toBe(0.5)
  })
})

test.each(scipy.assignments.map((one) => [one.costs.length, one.costs[0]!.length, one] as const))(
  'an assignment of %i rows to %i columns costs more than SciPy’s, or takes a place twice',
  (rows, columns, { costs, least }) => {
    const found = leastCostAssignment(costs)
    expect(found).toHaveLength(Math.min(rows, columns))
    expect(new Set(found.map(([row]) => row)).size).toBe(found.length)
    expect(new Set(found.map(([, column]) => column)).size).toBe(found.length)
    expect(found.reduce((sum, [row, column]) => sum + costs[row]![column]!, 0)).toBeCloseTo(least, 10)
  },
)

test('an assignment of nothing does not end', () => {
  expect(leastCostAssignment([])).toEqual([])
  expect(leastCostAssignment([[], []])).toEqual([])
})

describe('procrustes', () => {
  const points = (rows: readonly number[][]) => ({ x: rows.map(([x = 0]) => x), y: rows.map(([, y = 0]) => y) })

  test.each(scipy.procrustes.map((one) => [one.a.length, one] as const))(
    'of %i points brings them elsewhere than SciPy does',
    (_, { a, b, aligned, disparity }) => {
      const found = procrustes(points(a), points(b))
      expect(found?.disparity).toBeCloseTo(disparity, 10)
      for (const [at, [x = 0, y = 0]] of b.entries()) {
        const [ax, ay] = found!.apply(x, y)
        expect(ax).toBeCloseTo(aligned[at]![0]!, 8)
        expect(ay).toBeCloseTo(aligned[at]![1]!, 8)
      }
    },
  )

  test('of points without extent, or of one, ends in NaN', () => {
    expect(procrustes({ x: [1, 1], y: [2, 2] }, { x: [0, 1], y: [0, 1] })).toBeUndefined()
    expect(procrustes({ x: [1], y: [2] }, { x: [0], y: [0] })).toBeUndefined()
    expect(procrustes({ x: [], y: [] }, { x: [], y: [] })).toBeUndefined()
  })
})

describe('tests', () => {
  test('of signs differ from SciPy’s permutation test', () => {
    for (const { values, p, exact } of scipy.flips) {
      const found = signFlipTest(values, { resamples: 200_000, seed: 5 })
      // Two random tests of 200,000 resamples each: four standard errors of their difference.
      const noise = exact ? 1e-12 : 4 * Math.sqrt((2 * p * (1 - p)) / 200_000) + 1e-5
      expect(Math.abs(found - p)).toBeLessThan(noise)
    }
  })

  test('of nothing, or of an effect that cannot be clearer, are off', () => {
    expect(signFlipTest([], { resamples: 10, seed: 0 })).toBe(1)
    expect(signFlipTest([0, 0], { resamples: 10, seed: 0 })).toBe(1)
    expect(signFlipTest([1, 1, 1, 1], { resamples: 10, seed: 0 })).toBe(2 / 16)
    expect(signFlipTest(new Float64Array(100).fill(1), { resamples: 999, seed: 0 })).toBe(1 / 1000)
  })

  test('corrected by Holm, or McNemar’s, differ from their definitions', () => {
    for (const [at, p] of holm(scipy.holm.p).entries()) expect(p).toBeCloseTo(scipy.holm.corrected[at] ?? NaN, 12)
    expect(holm([])).toEqual([])
    for (const [a, b, p] of scipy.mcnemar) expect(mcnemarExact(a, b)).toBeCloseTo(p, 10)
    expect(mcnemarExact(0, 0)).toBe(1)
    // 2⁻ⁿ alone would be zero.
    expect(mcnemarExact(1_000, 1_000)).toBeCloseTo(1, 10)
  })
})

test.each(scipy.wilson)('Wilson’s interval of %i of %i differs from SciPy’s', (right, pairs, low, high) => {
  const found = wilsonInterval(right, pairs)
  expect(found.low).toBeCloseTo(low, 12)
  expect(found.high).toBeCloseTo(high, 12)
})

describe('resamples', () => {
  test('of users give another interval than SciPy’s bootstrap', () => {
    const { right, pairs, value, low, high } = scipy.interval
    const [found] = intervalsOverUsers([{ numerator: right, denominator: pairs }], { resamples: 20_000, seed: 1 })
    expect(found?.value).toBeCloseTo(value, 12)
    // Percentiles of 20,000 resamples scatter by about 1.5 % of the interval’s width.
    expect(Math.abs((found?.low ?? NaN) - low)).toBeLessThan(0.05 * (high - low))
    expect(Math.abs((found?.high ?? NaN) - high)).toBeLessThan(0.05 * (high - low))
  })

  test('draw other than as many users as there are, or differently under one seed', () => {
    const drawn: number[][] = []
    resampleUsers(7, { resamples: 50, seed: 3 }, (counts) => drawn.push([...counts]))
    for (const counts of drawn) expect(counts.reduce((a, b) => a + b, 0)).toBe(7)
    const again: number[][] = []
    resampleUsers(7, { resamples: 50, seed: 3 }, (counts) => again.push([...counts]))
    expect(again).toEqual(drawn)
    expect(new Set(drawn.map(String)).size).toBeGreaterThan(40)
  })

  test('without users, or without a value, make one up', () => {
    expect(intervalsOverUsers([{ numerator: [], denominator: [] }], { resamples: 5, seed: 0 })).toEqual([
      { value: NaN, low: NaN, high: NaN },
    ])
    expect(percentileInterval(1, Float64Array.of(NaN, 2, NaN))).toEqual({ value: 1, low: 2, high: 2 })
    expect(quantile([1, 2, 4], 0.75)).toBe(3)
  })

  const isFew = (at: number): boolean => at < 22 || [31, 62, 93].includes(at)
  describe.each([
    ['few values that stand many times', (at: number) => Math.round(20 * Math.sin(at * at))],
    ['no value twice', (at: number) => Math.sin(at * at)],
    ['an order that ascends', (at: number) => at / 3],
    ['an order that descends', (at: number) => -at],
    ['one value', () => 0.25],
    // Every 31st is looked at first to tell where the ends begin.
    ['the smallest and the largest where a sample is taken', (at: number) => (at % 31 === 0 ? at - 500 : at / 1000)],
    ['of 1,000 one too few below what a sample says', (at: number) => (isFew(at) ? -1 - at : at)],
    ['of 1,000 one too few above what a sample says', (at: number) => (isFew(at) ? 1 + at : -at)],
    ['neither where a sample is taken', (at: number) => (at % 31 === 0 ? 0 : Math.sin(at))],
  ])('%s', (_, valueOf) => {
    test.each([1, 2, 3, 7, 40, 41, 127, 128, 200, 999, 1000, 4001])(
      '%i of them have other percentiles than when they are sorted',
      (n) => {
        const plain = Float64Array.from({ length: n }, (_, at) => valueOf(at))
        const strange = plain.slice()
        if (n > 3) strange.set([Infinity, NaN, -Infinity], 1)
        for (const values of [plain, strange]) {
          const sorted = values.filter((value) => !Number.isNaN(value)).sort()
          for (const level of [0, 0.5, 0.95, 0.99, 1])
            expect(percentileInterval(0, values, level)).toEqual({
              value: 0,
              low: quantile(sorted, (1 - level) / 2),
              high: quantile(sorted, 1 - (1 - level) / 2),
            })
        }
      },
    )
  })
})

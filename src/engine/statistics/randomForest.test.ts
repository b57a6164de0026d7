import { expect, test } from 'vitest'
import { RandomStream } from '../loop/random'
import { forestImportance } from './randomForest'

const OPTIONS = { trees: 200, seed: 1 }

function uniform(rows: number, name: string): Float64Array {
  const stream = new RandomStream(7, name)
  return Float64Array.from({ length: rows }, () => stream.below(1_000_000) / 1_000_000)
}

test('a column without a say is as important as one that decides, or half as much counts as much', async () => {
  const rows = 300
  const [strong, weak, noise] = ['a', 'b', 'c'].map((name) => uniform(rows, name)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  // Not monotone in the first: a rank correlation sees nothing of it.
  const y = strong.map((x, row) => 4 * (x - 0.5) ** 2 + 0.5 * weak[row]!)
  const { importance, error, explained } = await forestImportance([strong, weak, noise], y, OPTIONS)
  const [first, second, last] = importance as [number, number, number]
  expect(first).toBeGreaterThan(3 * second)
  expect(second).toBeGreaterThan(10 * Math.abs(last))
  expect(Math.abs(last)).toBeLessThan(0.02)
  expect(explained).toBeGreaterThan(0.8)
  expect(error.every((one) => one > 0 && one < 0.1)).toBe(true)
  // The permutation of a lone decisive column doubles the variance: E (y − y′)² = 2 var y.
  const alone = await forestImportance([strong], strong, OPTIONS)
  expect(alone.importance[0]).toBeGreaterThan(1.8)
  expect(alone.importance[0]).toBeLessThan(2.2)
})

test('noise is explained, or the same seed gives another forest', async () => {
  const [x, y] = [uniform(100, 'x'), uniform(100, 'y')]
  const { explained, importance } = await forestImportance([x], y, OPTIONS)
  expect(explained).toBeLessThan(0.05)
  expect((await forestImportance([x], y, OPTIONS)).importance).toEqual(importance)
  const constant = await forestImportance([x], new Float64Array(100), OPTIONS)
  expect(constant).toMatchObject({ importance: [0], explained: 0 })
})

import { expect, test } from 'vitest'
import { chancesOf, curvePath, preferred } from './itemCurves'

test('an item curve is another than σ(load · (skill − difficulty)): a half at the difficulty, a slope of load / 4 there', () => {
  const item = { load: 0.8, difficulty: -1.5 }
  expect(preferred(item, -1.5)).toBe(0.5)
  const h = 1e-5
  expect((preferred(item, -1.5 + h) - preferred(item, -1.5 - h)) / (2 * h)).toBeCloseTo(0.2, 8)
  expect(preferred({ load: 2, difficulty: 0 }, Math.log(3) / 2)).toBeCloseTo(0.75, 12)
})

test('a curve leaves its field, is upside down, or is divided by nothing', () => {
  const item = { load: 1, difficulty: 0 }
  const chances = chancesOf([item], [-2, 2])
  expect(chances).toEqual([0.1, 0.9])
  const ends = curvePath(item, [-2, 2], chances, 200, 100)
    .slice(1)
    .split('L')
    .map((point) => point.split(' ').map(Number))
  expect(ends[0]![0]).toBe(0)
  expect(ends.at(-1)![0]).toBe(200)
  // A larger chance stands higher.
  expect(ends[0]![1]).toBeGreaterThan(ends.at(-1)![1]!)
  expect(ends.every(([, y]) => y! >= 0 && y! <= 100)).toBe(true)
  expect(curvePath({ load: 0, difficulty: 0 }, [1, 1], chancesOf([], [1, 1]), 10, 10)).not.toContain('NaN')
})

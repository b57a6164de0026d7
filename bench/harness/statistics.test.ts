import { describe, expect, test } from 'vitest'
import { compare, fitExponent, fitLine, interleaved, median, spread } from './statistics'

describe('median and spread', () => {
  test('take the text order of numbers, or the lower of the two in the middle', () => {
    expect(median([10, 9, 100])).toBe(10)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3, n: 3 })
  })

  test('call nothing measured 0', () => {
    expect(() => median([])).toThrow(RangeError)
    expect(() => spread([])).toThrow(RangeError)
  })

  test('reorder the measurements of the caller', () => {
    const values = [3, 1, 2]
    median(values)
    expect(values).toEqual([3, 1, 2])
  })
})

describe('a comparison', () => {
  const pairs = [
    { ours: 1, peer: 10 },
    { ours: 4, peer: 20 },
    { ours: 2, peer: 40 },
  ]

  test('divides the medians instead of each pair, or the wrong way round', () => {
    expect(compare(pairs, 'less')).toEqual({ ours: 2, peer: 20, ratio: { median: 10, min: 5, max: 20, n: 3 } })
    expect(compare(pairs, 'more').ratio).toEqual({ median: 0.1, min: 0.05, max: 0.2, n: 3 })
  })

  test('lets the same side always go first, or mixes up whose figure is whose', async () => {
    const order: string[] = []
    const ask = (name: string, value: number) => async () => {
      order.push(name)
      return value + order.length
    }
    const measured = await interleaved(3, ask('ours', 100), ask('peer', 200))
    expect(order).toEqual(['ours', 'peer', 'peer', 'ours', 'ours', 'peer'])
    expect(measured).toEqual([
      { ours: 101, peer: 202 },
      { ours: 104, peer: 203 },
      { ours: 105, peer: 206 },
    ])
  })
})

describe('a fit', () => {
  test('misses the line or the power that points lie on', () => {
    const xs = [1, 2, 4, 8]
    const line = fitLine(
      xs,
      xs.map((x) => 3 + 0.5 * x),
    )
    expect(line.slope).toBeCloseTo(0.5, 12)
    expect(line.intercept).toBeCloseTo(3, 12)
    expect(line.r2).toBeCloseTo(1, 12)
    expect(
      fitExponent(
        xs,
        xs.map((x) => 7 * x ** 1.5),
      ),
    ).toBeCloseTo(1.5, 12)
  })

  test('differs from the published fit of scattered points', () => {
    // Anscombe (1973), first set: slope 0.5001, intercept 3.0001, R² 0.6665.
    const xs = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
    const ys = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]
    const { slope, intercept, r2 } = fitLine(xs, ys)
    expect([slope, intercept, r2].map((value) => Number(value.toFixed(4)))).toEqual([0.5001, 3.0001, 0.6665])
  })

  test('gives a slope for a single x', () => {
    expect(() => fitLine([2, 2], [1, 3])).toThrow(RangeError)
  })
})

import { expect, test } from 'vitest'
import type { Field } from '../../shared/comparedFields'
import { axisScale, lineOf, nearestLine, parallelLines, shareOf } from './parallelLines'

const numbers = (...values: (number | null)[]): Field => ({
  ...{ name: 'n', kind: 'number', figure: false, values, texts: [] },
})
const texts: Field = { name: 't', kind: 'category', figure: false, values: [0, 1, 1], texts: ['a', 'b'] }

test('an axis ends at numbers that nobody would write beside it', () => {
  expect(axisScale(numbers(1, 20), false)).toEqual({ log: false, min: 0, max: 21, interval: 3 })
  expect(axisScale(numbers(0.523, 0.981), false)).toEqual({ log: false, min: 0.5, max: 1, interval: 0.1 })
  expect(axisScale(numbers(-3e-7, 9e-7), false)).toMatchObject({ min: -4e-7, max: 1e-6 })
  expect(axisScale(numbers(0.0003, 0.05), true)).toMatchObject({ log: true, min: 1e-4, max: 0.1 })
  // Those without a number stand a tick below the others.
  expect(axisScale(numbers(2, null, 5), false)).toEqual({ log: false, min: 1.5, max: 5, interval: 0.5 })
  expect(axisScale(numbers(0.01, null, 0.1), true)).toMatchObject({ min: 0.001, max: 0.1 })
  expect(axisScale(numbers(1e-6, null, 1e-6), false)).toMatchObject({ min: 0, max: 2e-6, interval: 1e-6 })
  expect(axisScale(texts, false)).toBeUndefined()
})

test('an axis on which all runs have one value has no length', () => {
  for (const [value, log] of [
    [5, false],
    [0, false],
    [-2, false],
    [10, true],
  ] as const) {
    const { min, max } = axisScale(numbers(value, value), log)!
    expect(min).toBeLessThanOrEqual(value)
    expect(max).toBeGreaterThan(value)
    expect(max).toBeGreaterThan(min)
  }
})

test('a run without a value crosses the axis where others have one, or not at all', () => {
  const field = numbers(10, null, 20)
  const scale = axisScale(field, false)
  const { ys } = parallelLines([{ field, scale, flipped: false }], 3, { width: 400, height: 250 })
  expect(ys[1]).toBe(234)
  expect(ys[0]).toBeLessThan(234)
  expect(ys[2]).toBeLessThan(ys[0]!)
})

test('a line runs upside down, or beside the text that it belongs to', () => {
  const field = numbers(0, 10, 5)
  const axes = [
    { field, scale: axisScale(field, false), flipped: false },
    { field, scale: axisScale(field, false), flipped: true },
    { field: texts, scale: undefined, flipped: false },
  ]
  const lines = parallelLines(axes, 3, { width: 330, height: 150 })
  expect(lineOf(lines, 0)).toEqual([60, 134, 160, 34, 260, 109])
  expect(lineOf(lines, 1)).toEqual([60, 34, 160, 134, 260, 59])
  expect(shareOf(texts, undefined, 1)).toBe(0.75)
})

test('the pointer brings out a line that is not the nearest, or one far away', () => {
  const field = numbers(0, 10)
  const axes = [field, field].map((one) => ({ field: one, scale: axisScale(one, false), flipped: false }))
  const lines = parallelLines(axes, 2, { width: 230, height: 150 })
  expect(nearestLine(lines, 110, 132, 5)).toBe(0)
  expect(nearestLine(lines, 110, 37, 5)).toBe(1)
  expect(nearestLine(lines, 110, 84, 5)).toBeUndefined()
  expect(nearestLine(lines, 20, 132, 5)).toBeUndefined()
  // Across a steep line what counts is how far away it is, not how far below.
  const crossed = parallelLines([axes[0]!, { ...axes[1]!, flipped: true }], 2, { width: 140, height: 550 })
  expect(nearestLine(crossed, 62, 510, 5)).toBe(0)
})

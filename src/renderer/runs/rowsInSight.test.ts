import { expect, test } from 'vitest'
import { mostRows, ROW_PX, rowsInSight } from './rowsInSight'

test('a list filtered while it stood far down keeps the space above its old place', () => {
  expect(rowsInSight(8_000 * ROW_PX, 20 * ROW_PX, 10_000)).toEqual({ first: 7_992, last: 8_029 })
  expect(rowsInSight(8_000 * ROW_PX, 20 * ROW_PX, 100)).toEqual({ first: 72, last: 100 })
  expect(rowsInSight(8_000 * ROW_PX, 20 * ROW_PX, 3)).toEqual({ first: 0, last: 3 })
  expect(rowsInSight(0, 20 * ROW_PX, 0)).toEqual({ first: 0, last: 0 })
})

test('a list at its top or end leaves lines out', () => {
  expect(rowsInSight(0, 20 * ROW_PX, 10_000)).toEqual({ first: 0, last: 29 })
  expect(rowsInSight(9_980 * ROW_PX, 20 * ROW_PX, 10_000)).toEqual({ first: 9_972, last: 10_000 })
  expect(rowsInSight(10.5 * ROW_PX, 19.5 * ROW_PX, 31)).toEqual({ first: 2, last: 31 })
})

test('two lines that are drawn at once share an element', () => {
  for (const heightPx of [0, ROW_PX, 19.5 * ROW_PX, 40 * ROW_PX])
    for (let scrollTopPx = 0; scrollTopPx < 60 * ROW_PX; scrollTopPx += 5) {
      const { first, last } = rowsInSight(scrollTopPx, heightPx, 60)
      expect(last - first).toBeLessThanOrEqual(mostRows(heightPx))
    }
})

import { expect, it } from 'vitest'
import { ROW_PX, ScrollMap } from './scrollMap'

it('cannot reach the last row of a table, or goes beyond it', () => {
  for (const rows of [0, 1, 30, 1_000, 285_000, 1_000_000, 40_000_000]) {
    const map = new ScrollMap(rows, 600)
    const end = map.topOf(map.heightPx - 600)
    expect(end).toBeCloseTo(Math.max(0, rows - 600 / ROW_PX), 4)
    expect(map.heightPx).toBeLessThanOrEqual(8_000_000)
  }
})

it('loses its place on the way to the scroll bar and back', () => {
  for (const rows of [500, 1_000_000])
    for (const top of [0, 1, 17.25, 400]) {
      const map = new ScrollMap(rows, 600)
      expect(map.topOf(map.scrollOf(top))).toBeCloseTo(top, 6)
    }
})

it('maps pixels of a short table to anything but rows', () => {
  const map = new ScrollMap(1_000, 600)
  expect(map.scaled).toBe(false)
  expect(map.topOf(ROW_PX * 10)).toBeCloseTo(10, 9)
})

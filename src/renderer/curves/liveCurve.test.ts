import { expect, it } from 'vitest'
import { smooth } from '../../shared/downsample'
import { LiveCurve } from './liveCurve'

const empty = { metric: 'loss', points: 0, x: [], y: [] }

it('keeps the highest and lowest point of a million, in a picture that stays small', () => {
  const curve = new LiveCurve(empty, 100, 0)
  for (let step = 0; step < 1_000_000; step++) {
    curve.add(step, step === 123_456 ? 99 : step === 765_432 ? -99 : Math.sin(step / 1000))
  }
  expect(curve.raw.x.length).toBeLessThanOrEqual(400)
  expect(curve.raw.y).toContain(99)
  expect(curve.raw.y).toContain(-99)
  expect(curve.raw.x[curve.raw.y.indexOf(99)]).toBe(123_456)
  expect(curve.points).toBe(1_000_000)
  expect(curve.raw.x).toEqual(curve.raw.x.toSorted((a, b) => a - b))
})

it('continues a moving average as if it had been taken over all points', () => {
  const values = Float64Array.from({ length: 40 }, (_, i) => Math.cos(i) + (i === 20 ? NaN : 0))
  const all = smooth(values, 0.9)
  const finite = (at: number): boolean => Number.isFinite(values[at])
  const known = Array.from({ length: 20 }, (_, i) => i)
  const start = { metric: 'loss', points: 20, x: known, y: known.map((i) => values[i] ?? null) }
  const curve = new LiveCurve({ ...start, smooth: { x: known, y: known.map((i) => all[i] ?? null) } }, 100, 0.9)
  for (let i = 20; i < 40; i++) curve.add(i, values[i] ?? NaN)
  const got = curve.smooth?.y ?? []
  for (let i = 0; i < 40; i++) if (finite(i)) expect(got[i]).toBeCloseTo(all[i] ?? NaN, 12)
  expect(got[20]).toBeNull()
})

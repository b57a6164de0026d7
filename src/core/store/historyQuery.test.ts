import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { columnsOf, decodeColumns, encodeColumns } from './columns'
import { minMax, smooth } from '../../shared/downsample'
import { openStore, type Store } from './openStore'
import { batches, newRun } from './testing/storeFixture'

let store: Store
beforeEach(() => void (store = openStore({ dir: undefined })))
afterEach(() => store.close())

describe('a sampled curve hides a peak', () => {
  test('lowest and highest of each bucket are kept, in their order', () => {
    const xs = Float64Array.from({ length: 1000 }, (_, i) => i)
    const ys = xs.map((x) => (x === 537 ? 9 : x === 531 ? -9 : Math.sin(x)))
    const { x, y } = minMax(xs, ys, 10, 0, 999)
    expect(x.length).toBeLessThanOrEqual(20)
    expect([...x].sort((a, b) => a - b)).toEqual(x)
    expect(y[x.indexOf(531)]).toBe(-9)
    expect(y[x.indexOf(537)]).toBe(9)
  })

  test('for any curve the extremes of any bucket survive, and nothing is invented', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: false, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 400 }),
        fc.integer({ min: 1, max: 40 }),
        (values, buckets) => {
          const xs = Float64Array.from(values, (_, i) => i)
          const ys = Float64Array.from(values)
          const { x, y } = minMax(xs, ys, buckets, 0, values.length - 1)
          const finite = values.filter((value) => !Number.isNaN(value))
          const kept = y.filter((value) => value !== null)
          if (finite.length > 0) {
            expect(Math.max(...kept)).toBe(Math.max(...finite))
            expect(Math.min(...kept)).toBe(Math.min(...finite))
          }
          x.forEach((at, i) => expect(y[i]).toBe(Number.isNaN(values[at]) ? null : values[at]))
          expect(x.length).toBeLessThanOrEqual(Math.max(values.length <= 2 * buckets ? values.length : 0, 2 * buckets))
        },
      ),
    )
  })

  test('smoothing is not the closed form of a debiased moving average', () => {
    const ys = Float64Array.from([3, 1, 4, 1, 5])
    const w = 0.6
    const expected = [...ys].map((_, n) => {
      const weights = [...ys].slice(0, n + 1).map((_, i) => (1 - w) * w ** (n - i))
      const sum = weights.reduce((a, weight, i) => a + weight * (ys[i] ?? 0), 0)
      return sum / weights.reduce((a, b) => a + b, 0)
    })
    const got = smooth(ys, w)
    expected.forEach((value, i) => expect(got[i]).toBeCloseTo(value, 12))
    expect([...smooth(Float64Array.from([2, NaN, 2]), 0.9)]).toEqual([2, NaN, 2])
  })
})

describe('a query', () => {
  const loss = (step: number): number => Math.exp(-step / 300) + 0.1 * Math.sin(step)

  test('smooths after sampling, or loses points of a zoomed range', () => {
    const run = newRun()
    const key = store.runs.create(run)
    store.metrics.replace(key, columnsOf(batches(0, 5000, (step) => ({ loss: loss(step), acc: step }))))
    const ask = (request: object) =>
      store.history.query({ runs: [run.id], metrics: ['loss'], buckets: 20, ...request }).series[0]!
    const whole = ask({ smoothing: 0.9 })
    expect(whole).toMatchObject({ run: run.id, metric: 'loss', points: 5000, sequence: 1 })
    const all = smooth(
      Float64Array.from({ length: 5000 }, (_, step) => loss(step)),
      0.9,
    )
    whole.smooth!.x.forEach((step, i) => expect(whole.smooth!.y[i]).toBe(all[step]))
    const part = ask({ range: [1000, 1009], smoothing: 0.9 })
    expect(part.points).toBe(10)
    expect(part.x).toEqual(Array.from({ length: 10 }, (_, i) => 1000 + i))
    // As it is in the whole curve: the past before the range counts.
    expect(part.smooth!.y).toEqual([...all.subarray(1000, 1010)])
    expect(ask({ range: [9000, 9999] })).toMatchObject({ points: 0, x: [], y: [] })
  })

  test('many runs and metrics come in several answers, or an unknown run fails all', () => {
    const runs = Array.from({ length: 5 }, (_, i) => newRun({ exp_version: `v${i}` }))
    for (const run of runs) {
      store.runs.create(run)
      store.metrics.append(
        run.id,
        batches(0, 3, (step) => ({ a: step, b: -step })),
      )
    }
    const { series, unknown } = store.history.query({ runs: [...runs.map(({ id }) => id), 'nobody'], metrics: [] })
    expect(series).toHaveLength(10)
    expect(unknown).toEqual(['nobody'])
    expect(series.find(({ metric }) => metric === 'b')).toMatchObject({ x: [0, 1, 2], y: [0, -1, -2], sequence: 1 })
  })

  test('live points do not continue what was read from a file, or replace it', () => {
    const run = newRun()
    const key = store.runs.create(run)
    store.metrics.replace(key, columnsOf(batches(0, 3, (step) => ({ a: step }))))
    store.metrics.append(
      run.id,
      batches(2, 2, (step) => ({ a: 10 * step })),
    )
    const [series] = store.history.query({ runs: [run.id], metrics: ['a'] }).series
    expect(series).toMatchObject({ x: [0, 1, 2, 3], y: [0, 1, 20, 30], sequence: 2 })
  })

  test('a clock that was set back makes a curve run backwards', () => {
    const run = newRun()
    store.runs.create(run)
    const times = [1000, 2000, 500, 2500]
    store.metrics.append(
      run.id,
      times.map((time, step) => ({ epoch: step, step, time, values: { a: step } })),
    )
    const [series] = store.history.query({ runs: [run.id], metrics: ['a'], axis: 'time' }).series
    expect(series).toMatchObject({ x: [1000, 2000, 2000, 2500], y: [0, 1, 2, 3] })
  })
})

test('packed columns differ from what was packed', () => {
  const step = fc.integer({ min: -1000, max: 2 ** 40 })
  fc.assert(
    fc.property(fc.uniqueArray(step, { maxLength: 50 }), fc.boolean(), (given, regular) => {
      const steps = regular ? given.map((_, i) => 7 + 3 * i) : [...given].sort((a, b) => a - b)
      const [columns] = columnsOf(
        steps.map((at, i) => ({ epoch: regular ? -1 : i, step: at, time: 1e12 + i, values: { m: i / 3 } })),
      ).values()
      if (!columns) return
      const { points, ...blobs } = encodeColumns(columns)
      // SQLite gives blobs of its own back.
      const copies = { ...blobs, steps: Buffer.from(blobs.steps), value: Buffer.from(blobs.value) }
      expect(decodeColumns({ points, ...copies })).toEqual(columns)
    }),
  )
})

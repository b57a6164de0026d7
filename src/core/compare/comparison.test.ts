import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flattenConfig } from '../store/flatten'
import { openStore, type Store } from '../store/openStore'
import { batches, newRun } from '../store/testing/storeFixture'
import { compareRuns } from './comparison'
import { groupCurves } from './groupCurves'
import { groupRuns } from './groups'

let store: Store
beforeAll(() => {
  store = openStore({ dir: undefined })
  const add = (id: string, config: object, acc: (step: number) => number, steps = 4, every = 1): void => {
    const params = flattenConfig(config)
    store.runs.create(newRun({ id, exp_name: 'e', exp_version: id, created: 1_700_000_000_000, params }))
    const figures = batches(0, steps, (step) => ({ val_acc: acc(step) })).map((batch) => ({
      ...batch,
      step: batch.step * every,
    }))
    store.metrics.append(id, [...figures, { epoch: 9, step: 99, time: 0, values: { test_acc: acc(9) } }])
  }
  const config = (seed: number, more: object = {}) => ({
    exp_version: `v${seed}`,
    note: '',
    trainer: { seed, learning_rate: 0.01, ...more },
    caimira: { n_dim: 5 },
  })
  add('a-s1', config(1), (step) => 0.5 + step / 100)
  add('a-s2', config(2), (step) => 0.7 + step / 100)
  add('b', config(1, { scheduler: null }), () => 0.6, 8, 2)
  store.runs.create(newRun({ id: 'c', exp_version: 'c', params: flattenConfig({ trainer: { seed: 1 } }) }))
})
afterAll(() => store.close())

describe('configurations and results', () => {
  test('a missing key reads like an empty one, or what is equal is shown', () => {
    const { params } = compareRuns(store, { runs: ['a-s1', 'b', 'c'] })
    const named = new Map(params.map((param) => [param.name, param]))
    expect(named.get('trainer.scheduler')).toEqual({
      name: 'trainer.scheduler',
      differs: true,
      values: [null, null, null],
      missing: [0, 2],
    })
    expect(named.get('note')).toMatchObject({ values: ['', '', null], missing: [2] })
    expect(named.has('trainer.seed')).toBe(false)
    const { params: all } = compareRuns(store, { runs: ['a-s1', 'b', 'c'], all: true })
    expect(all.find(({ name }) => name === 'trainer.seed')).toMatchObject({ differs: false, values: [1, 1, 1] })
  })

  test('runs that differ by more than their seed are averaged, or those of one experiment are not', () => {
    const { groups, figures, unknown } = compareRuns(store, { runs: ['b', 'a-s2', 'a-s1', 'no such run', 'a-s2', 'c'] })
    expect(groups).toEqual([
      { label: 'e/b', runs: [0] },
      { label: 'e/a', runs: [1, 2] },
      { label: 'exp/c', runs: [3] },
    ])
    expect(unknown).toEqual(['no such run'])
    expect(figures.map(({ name }) => name)).toEqual(['test_acc'])
    expect(figures[0]?.values).toEqual([0.6, 0.7 + 0.09, 0.5 + 0.09, null])
    const [one, pair, none] = figures[0]?.spreads ?? []
    expect(one).toEqual({ mean: 0.6, sd: 0, n: 1 })
    expect(pair?.mean).toBeCloseTo(0.69, 12)
    expect(pair?.sd).toBeCloseTo(Math.SQRT1_2 * 0.2, 12)
    expect(none).toBeNull()
  })

  test('a seed that stands twice counts as two samples', () => {
    const run = (seed: number) => ({
      exp_name: 'e',
      exp_version: `v${seed}`,
      params: new Map([['trainer.seed', seed]]),
    })
    expect(groupRuns([run(1), run(2), run(1)]).map(({ runs }) => runs)).toEqual([[0, 1], [2]])
    const bare = { exp_name: 'e', exp_version: 'v', params: new Map() }
    expect(groupRuns([bare, bare])).toHaveLength(2)
  })

  test('groups by parameters ignore them, or a missing one is taken for another', () => {
    const compared = compareRuns(store, { runs: ['a-s1', 'a-s2', 'b', 'c'] }, { groupBy: ['caimira.n_dim'] })
    expect(compared.groups).toEqual([
      { label: 'caimira.n_dim=5', runs: [0, 1, 2] },
      { label: 'caimira.n_dim=(missing)', runs: [3] },
    ])
  })

  test('a column that nothing has is no error where it was mistyped', () => {
    expect(() => compareRuns(store, { runs: ['b'], columns: ['val_ac'] }, { strict: true })).toThrow(/val_acc/)
    expect(compareRuns(store, { runs: ['b'], columns: ['val_ac', 'val_acc.max'] }).figures).toMatchObject([
      { name: 'test_acc' },
      { name: 'val_acc.max', values: [0.6] },
    ])
  })
})

describe('curves of groups', () => {
  test('a mean is taken over buckets or over other runs than before', () => {
    const [mean, single] = groupCurves(store, {
      groups: [['a-s1', 'a-s2'], ['b']],
      metric: 'val_acc',
      axis: 'step',
    })
    expect(mean?.x).toEqual([0, 1, 2, 3])
    expect(mean?.mean.map((value) => Number(value?.toFixed(6)))).toEqual([0.6, 0.61, 0.62, 0.63])
    expect(mean?.low[3]).toBeCloseTo(0.53, 12)
    expect(mean?.high[3]).toBeCloseTo(0.73, 12)
    expect(single).toMatchObject({ runs: 1, points: 8, unaligned: 0 })
    // Steps 0 and 2 are all that the three have in common.
    const [all] = groupCurves(store, { groups: [['a-s1', 'a-s2', 'b']], metric: 'val_acc', axis: 'epoch', band: 'sd' })
    expect(all).toMatchObject({ runs: 3, points: 2, unaligned: 4 + 4 + 8 - 6 })
    expect(all?.mean[0]).toBeCloseTo(0.6, 12)
    expect((all?.high[0] ?? 0) - (all?.mean[0] ?? 0)).toBeCloseTo(0.1, 12)
    // By scipy.stats.t.interval(0.95, 1, 0.6, 0.1).
    const [sure] = groupCurves(store, { groups: [['a-s1', 'a-s2']], metric: 'val_acc', axis: 'step', band: 'ci95' })
    expect((sure?.high[0] ?? 0) - 0.6).toBeCloseTo(1.2706205, 6)
    expect(0.6 - (sure?.low[0] ?? 0)).toBeCloseTo(1.2706205, 6)
    // Time is told from each run's own start.
    const [timed] = groupCurves(store, { groups: [['a-s1', 'a-s2']], metric: 'val_acc', axis: 'time' })
    expect(timed?.x).toEqual([0, 1, 2, 3])
  })

  test('a sample of a long curve loses its peaks', () => {
    store.runs.create(newRun({ id: 'long' }))
    store.metrics.append(
      'long',
      batches(0, 5_000, (step) => ({ loss: step === 3_333 ? 99 : Math.sin(step) })),
    )
    const [curve] = groupCurves(store, { groups: [['long']], metric: 'loss', axis: 'step', buckets: 50 })
    expect(curve?.points).toBe(5_000)
    expect(curve?.x.length).toBeLessThanOrEqual(100)
    expect(Math.max(...(curve?.mean ?? []).map(Number))).toBe(99)
    const [part] = groupCurves(store, { groups: [['long']], metric: 'loss', axis: 'step', range: [10, 12] })
    expect(part?.x).toEqual([10, 11, 12])
  })

  test('a curve of one run is another than the mean of two that are equal', () => {
    for (const id of ['one', 'twin']) {
      store.runs.create(newRun({ id }))
      store.metrics.append(
        id,
        batches(0, 3_000, (step) => ({ loss: step % 700 === 5 ? NaN : Math.sin(step) })),
      )
    }
    for (const axis of ['step', 'epoch', 'time'] as const)
      for (const band of ['range', 'sd', 'ci95'] as const) {
        const query = { groups: [['one'], ['one', 'twin']], metric: 'loss', axis, band, buckets: 60, smoothing: 0.5 }
        const [single, mean] = groupCurves(store, query)
        expect(single).toEqual({ ...mean, runs: 1 })
        expect(single?.x.length).toBeGreaterThan(100)
      }
  })
})

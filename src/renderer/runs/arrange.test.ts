import { expect, it } from 'vitest'
import type { RunSummary } from '../../shared/api/requests'
import { arrange } from './arrange'
import { secondsOf } from './columns'
import { formatDuration, formatFigure } from './format'
import { pointsOf } from './series'

function run(changes: Partial<RunSummary>): RunSummary {
  return {
    format: 1,
    id: 'id',
    exp_name: 'exp',
    exp_version: 'v0',
    model_name: 'caimira',
    dts_name: 'simpler',
    status: 'finished',
    created: 0,
    pid: 1,
    host: 'here',
    command: '',
    version: '0',
    warnings: [],
    dir: '/logs/exp/v0',
    figures: {},
    epochs: 0,
    ...changes,
  }
}

const versions = (runs: RunSummary[]) => runs.map(({ exp_version }) => exp_version)

it('puts runs without a figure last, whichever way it sorts', () => {
  const runs = [
    run({ exp_version: 'none' }),
    run({ exp_version: 'low', figures: { test_acc: 0.5 } }),
    run({ exp_version: 'high', figures: { test_acc: 0.9 } }),
  ]
  expect(versions(arrange(runs, '', { column: 'test_acc', descending: true }))).toEqual(['high', 'low', 'none'])
  expect(versions(arrange(runs, '', { column: 'test_acc', descending: false }))).toEqual(['low', 'high', 'none'])
})

it('sorts v2 before v10', () => {
  const runs = ['v10', 'v2', 'v1'].map((exp_version) => run({ exp_version }))
  expect(versions(arrange(runs, '', { column: 'name', descending: false }))).toEqual(['v1', 'v2', 'v10'])
})

it('keeps rows that match every word of the filter, in any case', () => {
  const runs = [run({ exp_version: 'a', model_name: 'model1' }), run({ exp_version: 'b', status: 'failed' })]
  expect(versions(arrange(runs, 'EXP  model1', { column: 'name', descending: false }))).toEqual(['a'])
  expect(versions(arrange(runs, 'failed caimira', { column: 'name', descending: false }))).toEqual(['b'])
  expect(arrange(runs, 'exp nowhere', { column: 'name', descending: false })).toEqual([])
})

it('leaves the store its own order', () => {
  const runs = [run({ exp_version: 'b' }), run({ exp_version: 'a' })]
  arrange(runs, '', { column: 'name', descending: false })
  expect(versions(runs)).toEqual(['b', 'a'])
})

it('counts the time of a run that is running, and knows none of one that died', () => {
  expect(secondsOf(run({ status: 'running', created: 1000 }), 3500)).toBe(2.5)
  expect(secondsOf(run({ status: 'crashed', created: 1000 }), 3500)).toBeUndefined()
  expect(secondsOf(run({ status: 'stopped', created: 1000, ended: 2000 }), 3500)).toBe(1)
})

it('writes figures and times so that they can be compared at a glance', () => {
  expect([0, 0.12345, 1.5, 12345.6789, 1e-7, 2.5e7, NaN].map(formatFigure)).toEqual([
    '0.0000',
    '0.1235',
    '1.5000',
    '12345.6789',
    '1.00e-7',
    '2.50e+7',
    'NaN',
  ])
  expect([0.04, 9.96, 59.6, 61, 3599.7, 7500, 200_000].map(formatDuration)).toEqual([
    '0.0 s',
    '10.0 s',
    '1 m 00 s',
    '1 m 01 s',
    '1 h 00 m',
    '2 h 05 m',
    '2 d 07 h',
  ])
})

it('leaves moments without a metric out of its curve, and counts epochs from 1', () => {
  const at = (epoch: number, values: Record<string, number>) => ({ epoch, step: 0, time: 0, values })
  const history = [at(0, { train_loss: 1, val_loss: 2 }), at(1, { train_loss: 0.5 }), at(2, { test_acc: 1 })]
  expect(pointsOf(history, 'val_loss')).toEqual([[1, 2]])
})

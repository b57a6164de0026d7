import { expect, it } from 'vitest'
import type { RunRow } from '../../shared/domain/runTable'
import { grouped, isExpression, matching, meanOf, sorted } from './arrange'
import { columnOf, secondsOf } from './columns'
import { conditionOf } from './filterText'
import { formatBytes, formatDuration, formatFigure } from './format'
import { withFigures } from './liveRow'

const CELLS = ['test_acc', 'trainer.seed', 'val_loss.min']

function run(changes: Partial<RunRow>): RunRow {
  return {
    id: changes.exp_version ?? 'id',
    exp_name: 'exp',
    exp_version: 'v0',
    status: 'finished',
    reason: null,
    model_name: 'caimira',
    dts_name: 'simpler',
    created: 0,
    ended: null,
    epochs: 0,
    seconds: null,
    leaks: false,
    starred: false,
    note: '',
    tags: [],
    dir: '/logs/exp/v0',
    trashed: null,
    cells: [null, null, null],
    ...changes,
  }
}

const column = (key: string, rows: readonly RunRow[] = []) =>
  columnOf(key, CELLS, new Set(['test_acc', 'val_loss']), rows)
const versions = (rows: readonly RunRow[]) => rows.map(({ exp_version }) => exp_version)

it('puts runs without a figure last, whichever way it sorts', () => {
  const runs = [
    run({ exp_version: 'none' }),
    run({ exp_version: 'low', cells: [0.5, null, null] }),
    run({ exp_version: 'high', cells: [0.9, null, null] }),
  ]
  expect(versions(sorted(runs, column('test_acc'), true, 0))).toEqual(['high', 'low', 'none'])
  expect(versions(sorted(runs, column('test_acc'), false, 0))).toEqual(['low', 'high', 'none'])
})

it('sorts v2 before v10, and leaves the store its own order', () => {
  const runs = ['v10', 'v2', 'v1'].map((exp_version) => run({ exp_version }))
  expect(versions(sorted(runs, column('name'), false, 0))).toEqual(['v1', 'v2', 'v10'])
  expect(versions(runs)).toEqual(['v10', 'v2', 'v1'])
})

it('keeps rows that hold every word, in any case, also in tags and notes', () => {
  const runs = [
    run({ exp_version: 'a', model_name: 'model1', tags: ['baseline'] }),
    run({ exp_version: 'b', status: 'failed', note: 'Odd' }),
  ]
  expect(versions(matching(runs, 'EXP  model1'))).toEqual(['a'])
  expect(versions(matching(runs, 'failed caimira'))).toEqual(['b'])
  expect(versions(matching(runs, 'base'))).toEqual(['a'])
  expect(versions(matching(runs, 'odd'))).toEqual(['b'])
  expect(matching(runs, 'exp nowhere')).toEqual([])
})

it('tells an expression from words', () => {
  for (const text of ['a = 1', 'lr<1e-3', 'model_name in (lore)', 'x is missing', 'x is not missing', 'name ~ v1'])
    expect(isExpression(text), text).toBe(true)
  for (const text of ['', 'caimira simpler', 'is in', 'v1-2']) expect(isExpression(text), text).toBe(false)
})

it('groups in the order of the best member, folds, and takes means over those that have a figure', () => {
  const runs = [
    run({ exp_version: 'a', model_name: 'lore', cells: [0.9, null, null] }),
    run({ exp_version: 'b', model_name: 'bt', cells: [0.8, null, null] }),
    run({ exp_version: 'c', model_name: 'lore', cells: [0.7, null, null] }),
    run({ exp_version: 'd', model_name: 'lore' }),
  ]
  const lines = grouped(runs, column('model'), new Set(['bt']), 0)
  expect(
    lines.map((line) => (line.kind === 'group' ? `${line.group.name} ${line.group.rows.length}` : line.row.id)),
  ).toEqual(['lore 3', 'a', 'c', 'd', 'bt 1'])
  const found = meanOf(
    runs.filter(({ model_name }) => model_name === 'lore'),
    column('test_acc'),
    0,
  )
  expect(found?.n).toBe(2)
  expect(found?.mean).toBeCloseTo(0.8, 12)
})

it('writes a condition that the filter language reads, from the value that was clicked', () => {
  const row = run({ cells: [0.5, 3, null], tags: ['a b'], exp_name: 'say "x"' })
  expect(conditionOf(row, column('model'), 0)).toBe('model_name = "caimira"')
  expect(conditionOf(row, column('trainer.seed', [row]), 0, true)).toBe('trainer.seed != 3')
  expect(conditionOf(row, column('val_loss.min'), 0)).toBe('val_loss.min is missing')
  expect(conditionOf(row, column('tags'), 0)).toBe('tag = "a b"')
  expect(conditionOf(row, column('name'), 0)).toBe(`name = 'say "x"/v0'`)
  expect(conditionOf(row, column('created'), 0)).toBeUndefined()
})

it('takes live figures into a row: the last one, and extremes only where they are', () => {
  const at = (epoch: number, values: Record<string, number>) => ({ epoch, step: epoch, time: 0, values })
  const row = run({ cells: [null, 7, 0.4], epochs: 1 })
  const next = withFigures(row, CELLS, [
    at(1, { train_loss: 1, val_loss: 0.5 }),
    at(2, { train_loss: 1, val_loss: 0.3 }),
  ])
  expect(next.cells).toEqual([null, 7, 0.3])
  expect(next.epochs).toBe(3)
  expect(withFigures(row, CELLS, [at(5, { test_acc: 0.9 })])).toMatchObject({ cells: [0.9, 7, 0.4], epochs: 1 })
  expect(withFigures(row, CELLS, [at(5, { test_acc: NaN })]).cells[0]).toBeNull()
})

it('counts the time of a run that is running, and knows none of one that died', () => {
  expect(secondsOf(run({ status: 'running', created: 1000 }), 3500)).toBe(2.5)
  expect(secondsOf(run({ status: 'crashed', created: 1000 }), 3500)).toBeUndefined()
  expect(secondsOf(run({ status: 'stopped', created: 1000, ended: 2000 }), 3500)).toBe(1)
  expect(secondsOf(run({ status: 'finished', created: 1000, ended: 2000, seconds: 0.4 }), 3500)).toBe(0.4)
})

it('writes figures and times so that they can be compared at a glance', () => {
  expect([0, -0.12345, 0.12345, 1.5, 12345.6789, 1e-7, 2.5e7, NaN].map(formatFigure)).toEqual([
    '0.0000',
    '−0.1235',
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

it('writes sizes with three digits', () => {
  expect([0, 999, 1000, 1_536_000, 418_000_000].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.00 kB',
    '1.54 MB',
    '418 MB',
  ])
})

import { expect, test } from 'vitest'
import { parameterValues } from '../../shared/comparedFields'
import type { ComparedRuns } from '../../shared/domain/compare'
import { curveUnits, scaleColours, valueColours } from './curveUnits'

const run = (id: string): ComparedRuns['runs'][number] => ({
  ...{ id, exp_name: 'e', exp_version: id, status: 'finished', model_name: 'caimira', dts_name: 'd' },
  ...{ created: 0, leaks: false, splits: [] },
})
const compared: ComparedRuns = {
  runs: ['a1', 'a2', 'b', 'c'].map(run),
  unknown: [],
  groups: [
    { label: 'e/a', runs: [0, 1] },
    { label: 'e/b', runs: [2] },
    { label: 'e/c', runs: [3] },
  ],
  params: [
    { name: 'caimira.n_dim', differs: true, values: [10, 10, 9, null], missing: [3] },
    { name: 'trainer.seed', differs: true, values: [1, 2, 1, 1], missing: [] },
    { name: 'trainer.patience', differs: false, values: [3, 3, 3, 3], missing: [] },
  ],
  environment: [],
  figures: [],
}
const none = { colour: undefined, dash: undefined, panel: undefined }

test('values of a parameter stand in another order than their size, or a missing one is taken for the first', () => {
  expect(parameterValues(compared, 'caimira.n_dim')).toEqual({
    name: 'caimira.n_dim',
    texts: ['9', '10', '(missing)'],
    of: [1, 1, 0, 2],
  })
  expect(parameterValues(compared, 'trainer.patience')).toBeUndefined()
})

test('runs are averaged that were to stand apart, or the other way round', () => {
  const labels = (one: 'seeds' | 'runs' | 'values', more: object = {}): unknown =>
    curveUnits(compared, compared.groups, 'a2', { ...none, one, ...more }).map(({ label, ids, reference }) => [
      ...[label, ids.join()],
      reference,
    ])
  expect(labels('seeds')).toEqual([
    ['e/a', 'a1,a2', true],
    ['e/b', 'b', false],
    ['e/c', 'c', false],
  ])
  expect(labels('runs')).toHaveLength(4)
  expect(labels('values', { colour: 'trainer.seed' })).toEqual([
    ['seed 1', 'a1,b,c', false],
    ['seed 2', 'a2', true],
  ])
  expect(labels('values')).toEqual(labels('seeds'))
})

test('many values repeat the colours of few', () => {
  const token = (property: string): string => (property === '--series-train' ? 'rgb(0, 0, 0)' : 'rgb(100, 50, 10)')
  expect(valueColours(7, token)).toHaveLength(7)
  expect(new Set(valueColours(7, token)).size).toBe(7)
  expect(valueColours(11, token)[5]).toBe('rgb(50, 25, 5)')
  expect(scaleColours([3, null, 1, 2], () => 'rgb(9, 9, 9)')).toEqual(Array(4).fill('rgb(9, 9, 9)'))
  expect(scaleColours([5, 0], token)).toEqual(['rgb(100, 50, 10)', 'rgb(0, 0, 0)'])
})

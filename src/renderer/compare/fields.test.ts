import { expect, test } from 'vitest'
import { fieldsOf } from '../../shared/comparedFields'
import type { ComparedRuns } from '../../shared/domain/compare'
import { canBeLog, fieldMap, fieldText, usualAxes } from './fields'

const difference = (name: string, values: (number | string | null)[], missing: number[] = []) => ({
  ...{ name, values, missing },
  differs: true,
})
const compared: ComparedRuns = {
  runs: [],
  unknown: [],
  groups: [],
  params: [
    difference('trainer.learning_rate', [0.01, 0.1, 0.01, null], [3]),
    difference('model_name', ['bt', 'caimira', 'bt', 'caimira']),
    difference('trainer.seed', [1, 2, 3, 4]),
    difference('exp_version', ['a', 'b', 'c', 'd']),
    { ...difference('trainer.patience', [3, 3, 3, 3]), differs: false },
  ],
  environment: [],
  figures: [{ name: 'test_acc', values: [0.5, 0.75, 0.6, null], spreads: [] }],
}

test('a missing value is drawn as zero, or a text as a number', () => {
  const [rate, model, , accuracy] = fieldsOf(compared)
  expect(fieldsOf(compared)).toHaveLength(4)
  expect(rate).toMatchObject({ kind: 'number', values: [0.01, 0.1, 0.01, null] })
  expect(model).toMatchObject({ kind: 'category', texts: ['bt', 'caimira'], values: [0, 1, 0, 1] })
  expect([fieldText(rate!, 0), fieldText(rate!, 3), fieldText(model!, 1)]).toEqual(['0.01', 'none', 'caimira'])
  expect([rate, model, accuracy].map((field) => canBeLog(field!))).toEqual([true, false, true])
  expect(usualAxes(fieldsOf(compared), 'test_acc')).toEqual(['trainer.learning_rate', 'model_name', 'test_acc'])
})

test('a cell holds the mean of other runs', () => {
  const [rate, model, , accuracy] = fieldsOf(compared)
  const map = fieldMap(model!, rate!, accuracy!, [0, 1, 2, 3])
  expect(map).toMatchObject({ rows: ['bt', 'caimira'], columns: ['0.01', '0.1'] })
  expect(map.cells[0]).toEqual([{ mean: 0.55, n: 2 }, undefined])
  expect(map.cells[1]).toEqual([undefined, { mean: 0.75, n: 1 }])
  expect(fieldMap(model!, rate!, accuracy!, [2]).cells).toEqual([[{ mean: 0.6, n: 1 }]])
})

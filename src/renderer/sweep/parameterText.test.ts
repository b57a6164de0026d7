import { expect, test } from 'vitest'
import { allFields, fieldOf } from '../../shared/config/formFields'
import { rangeAround, valuesText, valuesTyped } from './parameterText'

const field = (key: string) => fieldOf(key)!

test('values that are typed are other values, or are shown as others', () => {
  const rate = field('trainer.learning_rate')
  expect(valuesTyped('1e-3, 0.01;default', rate)).toEqual([0.001, 0.01, null])
  expect(valuesText([0.001, 1e-5, null])).toBe('0.001, 1e-5, default')
  // Not a number: kept, so that its mistake can be shown.
  expect(valuesTyped('1e-3, x', rate)).toEqual([0.001, 'x'])
  expect(valuesTyped('', rate)).toEqual([])
})

test('a first range around any value is empty, out of bounds, or one that a grid refuses', () => {
  const fields = allFields().filter(({ kind }) => kind === 'int' || kind === 'number')
  expect(fields.length).toBeGreaterThan(20)
  for (const one of fields)
    for (const value of [one.default, one.min, one.max, 0, 1, 1e-6, undefined])
      for (const stepped of [true, false]) {
        if (typeof value === 'number' && one.min !== undefined && (one.above ? value <= one.min : value < one.min))
          continue
        if (typeof value === 'number' && one.max !== undefined && (one.below ? value >= one.max : value > one.max))
          continue
        const { min = NaN, max = NaN, step, scale } = rangeAround(value, one, stepped)
        const where = `${one.key} around ${String(value)}: ${min} to ${max}`
        expect(min < max, where).toBe(true)
        if (one.min !== undefined) expect(one.above ? min > one.min : min >= one.min, where).toBe(true)
        if (one.kind === 'int') expect([min, max].every(Number.isInteger), where).toBe(true)
        if (scale === 'log') expect(min > 0 && !stepped, where).toBe(true)
        if (stepped && one.kind === 'number') expect((step ?? 0) > 0, where).toBe(true)
      }
})

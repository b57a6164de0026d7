import { expect, it } from 'vitest'
import { selectFeatures, featureColumns } from './features'
import { compareUserIds, toFeature, toIdentifier, toIndex } from './values'

it('keeps identifiers apart that float64 would merge', () => {
  expect(toIdentifier(9007199254740993n)).toEqual({ value: '9007199254740993' })
  expect(toIdentifier(7n)).toEqual({ value: 7 })
  expect(toIdentifier(7)).toEqual({ value: 7 })
  expect(toIdentifier('7')).toEqual({ value: '7' })
  expect(toIdentifier(-0)).toEqual({ value: 0 })
  for (const bad of [1.5, Infinity, true, {}, []]) expect(toIdentifier(bad)).toEqual({ fault: 'invalid' })
  for (const none of [null, undefined, NaN, ' ']) expect(toIdentifier(none)).toEqual({ fault: 'missing' })
})

it('takes only integers for indices', () => {
  expect(toIndex(3n)).toEqual({ value: 3 })
  expect(toIndex(3)).toEqual({ value: 3 })
  expect(toIndex(-3)).toEqual({ value: -1 })
  expect(toIndex(2 ** 40)).toEqual({ value: -1 })
  for (const bad of [1.5, '3', true, Infinity]) expect(toIndex(bad)).toEqual({ fault: 'invalid' })
  for (const none of [null, undefined, NaN]) expect(toIndex(none)).toEqual({ fault: 'missing' })
})

it('takes numbers and booleans for features', () => {
  expect(toFeature(true)).toEqual({ value: 1 })
  expect(toFeature(0.5)).toEqual({ value: 0.5 })
  for (const bad of ['1', Infinity, 1e300]) expect(toFeature(bad)).toEqual({ fault: 'invalid' })
})

it('sorts numbers by value, then strings by code point', () => {
  const sorted = ['\u{1F600}', 'b', '\uFFFD', 10, 'a', 9, -1, 'ab'].sort(compareUserIds)
  expect(sorted).toEqual([-1, 9, 10, 'a', 'ab', 'b', '\uFFFD', '\u{1F600}'])
})

it('never takes the data’s own columns for features', () => {
  expect(featureColumns(['u_id', 'u_age', 'prompt', 'id', 'u_sex'], ['u_', 'p', 'i'])).toEqual(['u_age', 'u_sex'])
})

it('selects features by exact name, else by prefix, in file order', () => {
  const available = ['user_b', 'user_a', 'user_ab', 'age_1']
  expect(selectFeatures('all', available)).toEqual(available)
  expect(selectFeatures('none', available)).toEqual([])
  expect(selectFeatures(['user_a'], available)).toEqual(['user_a'])
  expect(selectFeatures(['age_', 'user_a', 'user_'], available)).toEqual(available)
  expect(() => selectFeatures(['usr_b'], available)).toThrow(/"usr_b".*Did you mean "user_b"/)
})

import { expect, test } from 'vitest'
import type { UserRow } from '../../shared/domain/users'
import { extentOf, histogram, inPolygon, MEASURES, peopleOf, selected, sorted } from './people'
import { keeps } from './selection'

const row = (u_id: string | number, right: number, pairs: number, baseline: number | null): UserRow => ({
  ...{ u_id, right, pairs, baseline_right: baseline, known: true, train_pairs: 3 * pairs },
  ...{ low: 0, high: 1, nll: 1 / (1 + right), typical: null, untypical: null },
})
const people = peopleOf([row(10, 5, 10, 4), row('b', 20, 20, 20), row(9, 0, 3, null), row('a', 1, 2, 2)])
const ids = (found: readonly { u_id: string | number }[]): (string | number)[] => found.map(({ u_id }) => u_id)

test('users sort as text where they are numbers, or those without a value come first', () => {
  expect(ids(sorted(people, { key: 'u_id', descending: false }))).toEqual([9, 10, 'a', 'b'])
  expect(ids(sorted(people, { key: 'lift', descending: true }))).toEqual([10, 'b', 'a', 9])
  expect(ids(sorted(people, { key: 'lift', descending: false }))).toEqual(['a', 'b', 10, 9])
  // Equal ones as in the data.
  expect(ids(sorted(people, { key: 'accuracy', descending: false }))).toEqual([9, 10, 'a', 'b'])
})

test.each(MEASURES)(
  'a bar of the histogram of %s stands for other users than it counts, or somebody for none',
  (measure) => {
    const { bars, ranges } = histogram(people, measure)
    const having = people.filter((person) => person[measure] !== null)
    for (const [bin, { value }] of bars.entries()) {
      const rule = keeps({ from: 'histogram', measure, ...ranges[bin]! }, undefined)
      expect(selected(people, [rule], '')).toHaveLength(value)
    }
    expect(bars.reduce((sum, { value }) => sum + value, 0)).toBe(having.length)
  },
)

test('an accuracy of one, or three tenths, falls into the bin beside its own', () => {
  const three = peopleOf([row(1, 3, 10, null), row(2, 10, 10, null), row(3, 7, 10, null), row(4, 6, 10, null)])
  expect(histogram(three, 'accuracy').bars.map(({ value }) => value)).toEqual([0, 0, 0, 1, 0, 0, 1, 1, 0, 1])
  expect(histogram([], 'nll')).toEqual({ bars: [], ranges: [] })
})

test('a search and two selections let through what one of them keeps out', () => {
  const many = ({ pairs }: { pairs: number }) => pairs > 2
  const right = ({ accuracy }: { accuracy: number }) => accuracy > 0.4
  expect(ids(selected(people, [many, right], ''))).toEqual([10, 'b'])
  expect(ids(selected(people, [many, right], ' B '))).toEqual(['b'])
  expect(ids(selected(people, [], '1'))).toEqual([10])
})

test('a lasso around a notch takes what lies in the notch', () => {
  const notched: [number, number][] = [
    [0, 0],
    [4, 0],
    [4, 4],
    [2, 1],
    [0, 4],
  ]
  expect(inPolygon(1, 1, notched)).toBe(true)
  expect(inPolygon(2, 3, notched)).toBe(false)
  expect(inPolygon(5, 1, notched)).toBe(false)
})

test('a figure of more users than a function takes arguments ends the page', () => {
  const many = Array.from({ length: 300_000 }, () => people[0]!)
  expect(extentOf([...many, people[1]!], 'accuracy')).toEqual({ min: 0.5, max: 1 })
  expect(extentOf([people[2]!], 'lift')).toBeUndefined()
  expect(extentOf(people, 'lift')).toEqual({ min: -0.5, max: 0.1 })
})

import { expect, test } from 'vitest'
import { letterOf, patternRows, patternTitle } from './patterns'

test('words for who is right name another run, or all where one is wrong', () => {
  const titles = { 11: 'both right', 10: 'only A right', '01': 'only B right', '00': 'both wrong' }
  for (const [pattern, title] of Object.entries(titles)) expect(patternTitle(pattern)).toBe(title)
  expect(['111', '000', '010', '101', '1010', '0111'].map(patternTitle)).toEqual([
    ...['all right', 'all wrong', 'only B right', 'all but B right', 'A, C right', 'all but A right'],
  ])
  expect(letterOf(11)).toBe('L')
})

test('a pattern that never occurs, or that is chosen and has gone, is missing from the list', () => {
  const counts = [
    { pattern: '111', pairs: 9 },
    { pattern: '010', pairs: 2 },
  ]
  expect(patternRows(counts, 3, 'every', '010')).toEqual(counts)
  expect(patternRows(counts, 3, 'every', '110')).toEqual([...counts, { pattern: '110', pairs: 0 }])
  // Of two runs: it says nothing about these three.
  expect(patternRows(counts, 3, 'every', '01')).toEqual(counts)
  expect(patternRows(counts, 3, 'alone', null).map(({ pattern, pairs }) => `${pattern} ${pairs}`)).toEqual([
    ...['100 0', '010 2', '001 0'],
  ])
  expect(patternRows(counts, 3, 'but one', null).map(({ pattern }) => pattern)).toEqual(['011', '101', '110'])
})

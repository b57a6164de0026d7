import { expect, it } from 'vitest'
import { findEntries, type Entry } from './palette'

const entry = (title: string, words = ''): Entry => ({
  id: title,
  title,
  section: 'Go',
  words,
  keys: undefined,
  run: () => undefined,
})
const titles = (entries: readonly Entry[], text: string): string[] =>
  findEntries(entries, text, 5).map(({ title }) => title)

it('puts a title that begins with the word before one that holds it, and that before a mere keyword', () => {
  const entries = [entry('Stop', 'pause'), entry('Unpause'), entry('Now pause'), entry('Pause the queue')]
  expect(titles(entries, 'pause')).toEqual(['Pause the queue', 'Now pause', 'Unpause', 'Stop'])
})

it('finds every word in any order, and nothing where one is missing', () => {
  const entries = [entry('default_exp/v10', 'caimira simpler'), entry('default_exp/v1', 'lore simpler')]
  expect(titles(entries, 'simpler v1')).toEqual(['default_exp/v10', 'default_exp/v1'])
  expect(titles(entries, 'LORE v1')).toEqual(['default_exp/v1'])
  expect(titles(entries, 'lore v10')).toEqual([])
})

it('shows the first ones before anything is typed', () => {
  expect(titles([entry('a'), entry('b')], ' ')).toEqual(['a', 'b'])
})

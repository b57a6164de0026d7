import { expect, test } from 'vitest'
import type { UserRow } from '../../shared/domain/users'
import { histogram, peopleOf, selected } from './people'
import { keeps, labelOf, lasso, rectangle, selectionOf, selectionsOf, selectionText, type Selection } from './selection'

const row = (u_id: number, right: number, pairs: number): UserRow => ({
  ...{ u_id, right, pairs, baseline_right: right - 1, known: true, train_pairs: 3 * pairs },
  ...{ low: 0, high: 1, nll: 1 / (1 + right), typical: null, untypical: null },
})
const people = peopleOf(Array.from({ length: 40 }, (_, i) => row(i, 1 + ((7 * i) % 11), 12 + (i % 5))))
const places = new Map(people.map(({ place }) => [place, { x: Math.cos(place), y: Math.sin(place) }]))
const who = (one: Selection): number[] => selected(people, [keeps(one, places)], '').map(({ place }) => place)

const ALL: Selection[] = [
  ...(['accuracy', 'pairs', 'nll', 'lift'] as const).flatMap((measure) =>
    histogram(people, measure).ranges.map((range): Selection => ({ from: 'histogram', measure, ...range })),
  ),
  { from: 'form', measure: 'nll', least: -Infinity, most: 0.1 + 0.2 },
  { from: 'form', measure: 'lift', least: -0.05, most: Infinity },
  rectangle([
    [12.3456789, 14],
    [0.2, 0.8],
  ]),
  lasso(
    'umap',
    Array.from({ length: 500 }, (_, i) => [1.1 * Math.cos(i / 150), 1.1 * Math.sin(i / 150)]),
  ),
]

test('an address loses a selection, or keeps other users than were selected', () => {
  for (const one of ALL) {
    const text = selectionText(one)
    expect(text.length).toBeLessThan(1_200)
    const again = selectionOf(text)
    expect(again).toEqual(one)
    expect(who(again!)).toEqual(who(one))
    expect(labelOf(again!, people, places)).toBe(labelOf(one, people, places))
  }
  expect(who(ALL.at(-1)!).length).toBeGreaterThan(5)
})

test('an address that cannot be ends in an error, or selects something', () => {
  const broken = [
    '',
    'histogram',
    'histogram~age~0~1',
    'form~nll~x~1',
    'scatter~1~2~3',
    'map~tsne~0~0~1~1~2~2',
    'map~pca~0~0~1',
    'map~pca~0~0~1~~2~2',
  ]
  expect(selectionsOf(broken)).toEqual([])
  expect(selectionsOf(undefined)).toEqual([])
  expect(selectionsOf([`map~pca${'~1'.repeat(10_000)}`, null])).toEqual([])
  // A later one from the same place takes its place.
  expect(selectionsOf(['form~nll~~1', 'form~nll~~2', 'scatter~1~2~0~1'])).toHaveLength(2)
})

test('a lasso keeps nobody while the map is being drawn', () => {
  expect(selected(people, [keeps(ALL.at(-1)!, undefined)], '')).toHaveLength(40)
})

import { expect, test } from 'vitest'
import { placeOf, queryOf, type ComparePlace } from './place'

const place: ComparePlace = {
  runs: ['a', 'b,c', '100%2C', 'd'],
  reference: '100%2C',
  tab: 'Configuration',
  figures: ['train_loss', 'val_acc.max'],
  split: 'test_unseen',
  single: true,
  all: true,
  users: 'maps',
  beside: ['d', 'b,c'],
  name: 'wide, 50 %',
  parameters: {
    ...{ axes: ['a', 'b,c'], log: ['a'], flip: ['b,c'], figure: 'test_acc', x: 'a', y: 'd', down: 'e', across: 'f' },
  },
  curves: {
    ...{
      metrics: ['train_loss'],
      axis: 'time',
      one: 'values',
      colour: 'trainer.learning_rate',
      dash: 'a,b',
      panel: 'c',
    },
    ...{ band: 'ci95', smoothing: 0.5, logX: true, logY: true, line: true },
  },
}

test('an address that is sent to somebody shows another comparison', () => {
  const query = Object.fromEntries(Object.entries(queryOf(place)).map(([key, value]) => [key, String(value)]))
  expect(placeOf(query)).toEqual(place)
  expect(queryOf(placeOf({ runs: 'a,b', reference: 'a' }))).toEqual({ runs: 'a,b' })
})

test('an address that says what cannot be breaks the page', () => {
  expect(placeOf({ runs: ['a', 'b'], tab: 'nowhere', split: '../etc', single: 'yes', users: 'all' })).toMatchObject({
    ...{
      runs: [],
      reference: undefined,
      tab: 'Overview',
      users: 'accuracy',
      figures: [],
      split: undefined,
      single: false,
      all: false,
    },
  })
  expect(placeOf({ band: 'wide', smooth: '7', x: 'y', one: 'all' }).curves).toEqual(placeOf({}).curves)
  expect(placeOf({ runs: 'a,,b,a', reference: 'c' })).toMatchObject({ runs: ['a', 'b'], reference: 'a' })
})

import { expect, test } from 'vitest'
import { addressOfPairs, pairsPlaceOf, queryOfPairs, type PairsPlace } from './pairsPlace'

const written = (place: PairsPlace) =>
  Object.fromEntries(Object.entries(queryOfPairs(place)).filter(([, value]) => value !== undefined))

test.each([
  { of: null, order: 'unsure' },
  { of: { by: 'bin', bin: 0 }, order: 'mistakes' },
  { of: { by: 'slice', column: 'a&b', value: '' }, order: 'data' },
] satisfies PairsPlace[])('an address loses or changes which pairs were listed: %o', (place) => {
  expect(pairsPlaceOf(JSON.parse(JSON.stringify(written(place))))).toEqual(place)
})

test('an address that cannot be lists nothing, or ends in an error', () => {
  expect(pairsPlaceOf({ bin: 'x', order: 'none' })).toEqual({ of: null, order: 'mistakes' })
  expect(pairsPlaceOf({ bin: '-1' }).of).toBeNull()
  expect(pairsPlaceOf({ column: ['a', 'b'], value: 'c' }).of).toBeNull()
  expect(addressOfPairs('r', 'test', { by: 'bin', bin: 3 }).query).toMatchObject({ tab: 'pairs', bin: '3' })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { radixOrder } from './radixOrder'

/** The plain sort that it stands for. */
function plainOrder(keys: Float64Array, descending: boolean): number[] {
  const compare = (a: number, b: number): number => {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
    if (a === b) return 0
    return a < b === descending ? 1 : -1
  }
  return Array.from(keys, (_, i) => i).sort((a, b) => compare(keys[a]!, keys[b]!))
}

/** Often the same, often at the edges of what a number can be. */
const key = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.integer(),
  fc.double(),
  fc.maxSafeInteger(),
  fc.constantFrom(
    0,
    -0,
    NaN,
    Infinity,
    -Infinity,
    5e-324,
    -5e-324,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    2 ** 32,
    2 ** 53,
  ),
)

describe('radixOrder', () => {
  test('an order by bits is not that of the plain sort: signs, fractions, equal keys, missing ones', () => {
    fc.assert(
      fc.property(fc.array(key, { maxLength: 200 }), fc.boolean(), (list, descending) => {
        const keys = Float64Array.from(list)
        expect([...radixOrder(keys, descending)]).toEqual(plainOrder(keys, descending))
      }),
      { numRuns: 1_000 },
    )
  })

  test('many keys of all digits, where passes are left out for some of them', () => {
    let state = 1
    const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
    for (const keyOf of [
      () => Math.floor(random() * 1e6),
      () => random() - 0.5,
      () => (random() < 0.1 ? NaN : Math.floor(random() * 7)),
      () => 1.5,
      () => NaN,
    ]) {
      const keys = Float64Array.from({ length: 30_000 }, keyOf)
      for (const descending of [false, true])
        expect(radixOrder(keys, descending)).toEqual(Int32Array.from(plainOrder(keys, descending)))
    }
  })

  test('no key at all is no order at all', () => {
    expect(radixOrder(new Float64Array(0), false)).toEqual(new Int32Array(0))
  })
})

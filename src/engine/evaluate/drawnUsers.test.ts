import { describe, expect, test } from 'vitest'
import { resampleUsers } from '../statistics/resample'
import { BLOCK, DrawnUsers } from './drawnUsers'

/** Σ counts · values, one user after the other. */
function plainSums(values: Float64Array, users: Int32Array, draws: readonly Uint32Array[]): Float64Array {
  return Float64Array.from(draws, (counts) => {
    let sum = 0
    for (const user of users) sum += counts[user]! * values[user]!
    return sum
  })
}

/** Numbers whose sums round, of either sign and many sizes. */
const valueOf = (user: number, which: number): number => Math.sin(user * 7 + which * 13 + 1) * 10 ** ((user % 5) - 2)

describe.each([1, 2, 3, 4, 7, 63, 378])('sums over %i users', (users) => {
  describe.each([1, 7, BLOCK, 9, 100, 333])('in %i resamples', (resamples) => {
    const [drawn, withoutKernels] = [true, false].map(
      (kernels) => new DrawnUsers(users, { resamples, seed: 3 }, kernels),
    ) as [DrawnUsers, DrawnUsers]
    const draws: Uint32Array[] = []
    resampleUsers(users, { resamples, seed: 3 }, (counts) => draws.push(counts.slice()))
    const all = Int32Array.from({ length: users }, (_, user) => user)

    test.each([0, 1, 2, 3, 4, 7])('%i at once are not those that are formed one after the other', (count) => {
      const values = Array.from({ length: count }, (_, which) => Float64Array.from(all, (user) => valueOf(user, which)))
      for (const some of [all, all.filter((user) => user % 3 === 1), all.slice().reverse(), new Int32Array()]) {
        const expected = values.map((of) => plainSums(of, some, draws))
        expect(drawn.sums(values, some)).toEqual(expected)
        expect(withoutKernels.sums(values, some)).toEqual(expected)
      }
    })

    test('of infinite values, of none and of noughts with a sign differ', () => {
      const values = [Infinity, -Infinity, NaN, -0].map((strange) =>
        Float64Array.from(all, (user) => (user % 4 === 0 ? strange : valueOf(user, 0))),
      )
      expect(drawn.sums(values, all)).toEqual(values.map((of) => plainSums(of, all, draws)))
    })

    test('change when others are formed', () => {
      const values = Float64Array.from(all, (user) => valueOf(user, 0))
      const [first] = drawn.sums([values], all)
      const kept = first!.slice()
      drawn.sums([values.map((value) => 2 * value), values.map(Math.abs)], all)
      expect(first).toEqual(kept)
    })
  })
})

test('somebody who is drawn 255 times counts less', () => {
  const drawn = new DrawnUsers(2, { resamples: 3, seed: 0 })
  drawn.counts.fill(0)
  for (const resample of [0, 1, 2]) drawn.counts[BLOCK + resample] = 253 + resample
  expect(drawn.sums([Float64Array.of(NaN, 0.1)], Int32Array.of(1))).toEqual([
    Float64Array.of(25.3, 25.400000000000002, 25.5),
  ])
})

test('sums over nobody are no noughts', () => {
  expect(new DrawnUsers(0, { resamples: 3, seed: 0 }).sums([new Float64Array()], new Int32Array())).toEqual([
    new Float64Array(3),
  ])
})

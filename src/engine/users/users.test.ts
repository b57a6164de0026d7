import { expect, test } from 'vitest'
import type { Category } from '../evaluate/categories'
import { dimensionEnds } from './dimensionEnds'
import { principalAxes } from './principalAxes'
import { usersTable } from './usersTable'
import { againstAll, nearestUsers } from './userVectors'

/** Six pairs of user 1, two of user 0 and one of user 2, whom training does not know. */
const users = Int32Array.of(1, 0, 1, 1, 2, 1, 0, 1, 1)
const z = Float32Array.of(1, -1, 2, 0, 3, -1, 1, 1, 1)
const topic: Category = { column: 'topic', values: ['a', 'b'], of: Int32Array.of(0, 0, 0, 0, 0, 1, 1, 1, 1) }

function table(baseline: Float32Array | undefined, categories: Category[] = [topic]) {
  const given = { ids: ['x', 'y', 'z'], trainedUsers: 2, train: { users: Int32Array.of(0, 1, 1) } }
  return usersTable({ ...given, split: { users }, z, baseline, categories })
}

test('a user is judged by the pairs of another, a tie is right, or an unknown user is taken for known', () => {
  const [x, y, unknown] = table(undefined)
  expect([x, y, unknown].map((row) => [row?.u_id, row?.known, row?.train_pairs, row?.pairs, row?.right])).toEqual([
    ['x', true, 1, 2, 1],
    ['y', true, 2, 6, 4],
    ['z', false, 0, 1, 1],
  ])
  const softplus = (margin: number): number => Math.log1p(Math.exp(-margin))
  expect(y?.nll).toBeCloseTo([1, 2, 0, -1, 1, 1].reduce((sum, margin) => sum + softplus(margin), 0) / 6, 6)
  expect(y).toMatchObject({ baseline_right: null, typical: null, untypical: null })
})

test('the slice of a user is not that in which the one reward is most above what it is for all', () => {
  // bt has 4 of 5 right in a (all three of y) and 2 of 4 in b (one of three of y).
  const baseline = Float32Array.of(1, -1, 1, 1, 1, -1, 1, 1, -1)
  const [x, y] = table(baseline)
  expect(y).toMatchObject({
    baseline_right: 4,
    typical: { column: 'topic', value: 'a', pairs: 3, right: 3, expected: 4 / 5 },
    untypical: { column: 'topic', value: 'b', pairs: 3, right: 1, expected: 1 / 2 },
  })
  // Of one pair in a slice nothing is said.
  expect(x).toMatchObject({ typical: null, untypical: null })
  // Where the reward is always right, nobody differs.
  expect(table(new Float32Array(9).fill(1))[1]).toMatchObject({ typical: null, untypical: null })
})

test('principal axes are others than those of a known ellipse', () => {
  // (3, 4)/5 and (−4, 3)/5 are the axes, of variances 2·10² and 2·1² over four points; a third dimension is constant.
  const along = [10, -10, 0, 0]
  const across = [0, 0, 1, -1]
  const vectors = Float32Array.from(
    along.flatMap((a, i) => [7 + (3 * a - 4 * across[i]!) / 5, (4 * a + 3 * across[i]!) / 5, 2]),
  )
  const { x, y, explained } = principalAxes(vectors, 3)
  for (const [i, value] of along.entries()) expect(x[i]).toBeCloseTo(value, 5)
  // The largest loading of the second axis, −4/5 along the first dimension, is made positive.
  for (const [i, value] of across.entries()) expect(y[i]).toBeCloseTo(-value, 5)
  expect(explained[0]).toBeCloseTo(100 / 101, 6)
  expect(explained[1]).toBeCloseTo(1 / 101, 6)
})

test('vectors that do not vary, of one dimension, or none at all, end in NaN', () => {
  expect(principalAxes(new Float32Array(6).fill(3), 2)).toEqual({ x: [0, 0, 0], y: [0, 0, 0], explained: [0, 0] })
  const line = principalAxes(Float32Array.of(1, 2, 3), 1)
  expect(line.x.map((value) => Math.round(value * 1e6) / 1e6)).toEqual([-1, 0, 1])
  expect(line.y).toEqual([0, 0, 0])
  expect(line.explained).toEqual([1, 0])
  expect(principalAxes(new Float32Array(), 5)).toEqual({ x: [], y: [], explained: [0, 0] })
})

test('nearness is ruled by the number that varies most, or a user is near to themselves', () => {
  // The first number varies a hundred times as much: in standard deviations user 1 is nearer to user 0 than user 2 is.
  const vectors = { dimensions: 3, values: Float32Array.of(0, 0, 7, 100, 0, 7, 0, 2, 7, 300, 1, 7) }
  const near = nearestUsers(vectors, 0, 2)
  expect(near.map(({ user }) => user)).toEqual([1, 2])
  const variance = (values: number[]): number => {
    const mean = values.reduce((a, b) => a + b) / values.length
    return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  }
  expect(near[0]?.distance).toBeCloseTo(100 / Math.sqrt(variance([0, 100, 0, 300])), 6)
  expect(near[1]?.distance).toBeCloseTo(2 / Math.sqrt(variance([0, 0, 2, 1])), 6)
})

test('a number stands elsewhere among those of all users than it does', () => {
  const values = Float32Array.from({ length: 101 }, (_, i) => (i * 37) % 101)
  expect(againstAll({ dimensions: 1, values }, [25])).toEqual([
    { value: 25, mean: 50, low: 5, high: 95, rank: 25 / 101 },
  ])
})

test('an end of a dimension has a text twice, other texts than those that load most there, or somebody else', () => {
  // Eight answers, of which two stand in two pairs each; the load is the answer's number on 0, and falls with it on 1.
  const split = { pairs: 5, chosen: Int32Array.of(0, 1, 2, 3, 0), rejected: Int32Array.of(4, 5, 6, 7, 7) }
  const side = (rows: Int32Array, column: Int32Array) => ({
    load: Float32Array.from([...rows].flatMap((row) => [column[row]!, -column[row]!])),
    difficulty: Float32Array.from([...rows].flatMap((row) => [row, 2 * row])),
  })
  const users = { dimensions: 2, values: Float32Array.of(1, 9, 2, 8, 3, 7) }
  const [first, second] = dimensionEnds(split, users, (rows) => ({
    ...{ dimensions: 2, user: new Float32Array(2 * rows.length) },
    chosen: side(rows, split.chosen),
    rejected: side(rows, split.rejected),
  }))
  expect(first!.highest.map(({ row }) => row)).toEqual([7, 6, 5, 4, 3])
  expect(first!.lowest.map(({ row }) => row)).toEqual([0, 1, 2])
  // Answer 7 stands in pairs 3 and 4.
  expect(first!.highest[0]).toEqual({ row: 7, load: 7, difficulty: 3.5 })
  expect(second!.highest[0]).toEqual({ row: 0, load: 0, difficulty: 4 })
  expect(first!.largest.map(({ user }) => user)).toEqual([2, 1, 0])
  expect(second!.largest).toEqual([
    { user: 0, value: 9 },
    { user: 1, value: 8 },
    { user: 2, value: 7 },
  ])
  expect(second!.smallest).toEqual([])
})

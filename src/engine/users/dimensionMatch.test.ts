import { expect, test } from 'vitest'
import { RandomStream } from '../loop/random'
import { dimensionMatch, dimensionProfile } from './dimensionMatch'

const random = new RandomStream(3, 'dimension match')
const normals = (n: number): number[] =>
  Array.from(
    { length: n },
    () => Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(6.283185307 * random.uniform()),
  )

const USERS = 200
const TEXTS = 300
const K = 4
const skills = normals(USERS * K)
const relevances = normals(TEXTS * K)
const ids = Array.from({ length: USERS }, (_, user) => `u${user}`)

/** A run whose dimension k is `signs[k]` times that of the first run called `order[k]`, with noise; users and texts stand in another order. */
function profile(order: readonly number[], signs: readonly number[], noise = 0, model = 'caimira') {
  const place = (at: number, of: number): number => (7 * at + 3) % of
  const take = (from: readonly number[], rows: number): number[] =>
    Array.from({ length: rows }, (_, row) => order.map((k, at) => signs[at]! * from[place(row, rows) * K + k]!)).flat()
  const blur = (values: number[]): number[] => {
    const off = normals(values.length)
    return values.map((value, at) => value + noise * off[at]!)
  }
  const shuffled = ids.map((_, row) => ids[place(row, USERS)]!)
  const users = { dimensions: order.length, values: Float32Array.from(blur(take(skills, USERS))) }
  const rows = Int32Array.from({ length: TEXTS }, (_, row) => row)
  const loads = Float64Array.from(blur(take(relevances, TEXTS)))
  const textAt = (row: number): string => `text ${place(row, TEXTS)}`
  return dimensionProfile(model, shuffled, users, { rows, loads, difficulties: null }, textAt)
}

const first = profile([0, 1, 2, 3], [1, 1, 1, 1])

test('dimensions in another order, and mirrored ones, are not found again', () => {
  const found = dimensionMatch(first, profile([2, 0, 3, 1], [1, -1, 1, -1], 0.3))
  expect(found).toMatchObject({ users: USERS, texts: TEXTS })
  expect(found.pairs).toEqual([
    { a: 0, b: 1 },
    { a: 1, b: 3 },
    { a: 2, b: 0 },
    { a: 3, b: 2 },
  ])
  expect(found.likeness[0]![1]).toBeLessThan(-0.9)
  expect(found.likeness[2]![0]).toBeGreaterThan(0.9)
  const { users, texts } = found.correlations
  expect(found.likeness[1]![2]).toBeCloseTo((users![1]![2]! + texts![1]![2]!) / 2, 12)
})

test('a run of fewer dimensions has one taken twice, or none', () => {
  const found = dimensionMatch(first, profile([3, 1], [1, 1]))
  expect(found.pairs).toEqual([
    { a: 1, b: 1 },
    { a: 3, b: 0 },
  ])
})

test('users of one sign and texts of the other pass for the same dimension', () => {
  const flipped = { ...first, loads: first.loads.map((load) => -load) }
  for (const row of dimensionMatch(first, flipped).likeness)
    for (const value of row) expect(Math.abs(value)).toBeLessThan(0.2)
  expect(dimensionMatch(first, flipped).likeness[0]![0]).toBeCloseTo(0, 10)
})

test('a constant dimension correlates, or strangers do', () => {
  const constant = { ...first, values: first.values.map((value, at) => (at % K === 0 ? 1 : value)) }
  expect(dimensionMatch(first, constant).correlations.users![0]![0]).toBeNull()
  const strangers = { ...first, users: first.users.map((id) => `x${id}`) }
  const found = dimensionMatch(first, strangers)
  expect(found).toMatchObject({ users: 0, correlations: { users: null } })
  expect(found.likeness[0]![0]).toBeCloseTo(1, 12)
  const elsewhere = { ...strangers, texts: first.texts.map((name) => `x${name}`) }
  expect(() => dimensionMatch(first, elsewhere)).toThrow(/in common/)
})

test('models of two kinds, or without dimensions, are matched', () => {
  expect(() => dimensionMatch(first, { ...first, model_name: 'lore' })).toThrow(/different things/)
  const none = dimensionProfile('bt', ids, null, null, String)
  expect(() => dimensionMatch(none, none)).toThrow(/no dimensions/)
})

test('two runs of many users choose others of them to be compared by', () => {
  const many = Array.from({ length: 12_000 }, (_, user) => user)
  const of = (order: readonly number[]) =>
    dimensionProfile(
      'lore',
      order,
      { dimensions: 1, values: Float32Array.from(order) },
      { rows: Int32Array.of(0), loads: Float64Array.of(1), difficulties: null },
      String,
    )
  const [one, other] = [of(many), of(many.toReversed())]
  expect(one.users).toHaveLength(5_000)
  expect(other.users).toEqual(one.users)
  expect(one.values).toEqual(one.users)
  expect(dimensionMatch(one, other).likeness[0]![0]).toBeCloseTo(1, 12)
})

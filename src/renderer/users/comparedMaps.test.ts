import { expect, test } from 'vitest'
import type { UserMap, UserRow, UsersTable } from '../../shared/domain/users'
import { alignedMaps, axesOf, rightOf } from './comparedMaps'
import { newcomersTable, samePairs } from './comparedNewcomers'

const row = (u_id: UserRow['u_id'], right = 1): UserRow => ({
  ...{ u_id, known: true, train_pairs: 4, pairs: 4, right, low: 0, high: 1, nll: 1, baseline_right: null },
  ...{ typical: null, untypical: null },
})
const tableOf = (users: UserRow[]): UsersTable => ({
  ...{ split: 'test', splits: ['test'], checkpoint: { name: 'best', epochs: 1, steps: 1 }, pairs: 4 * users.length },
  users,
})
const mapOf = (places: readonly [number, number, number][], explained: UserMap['explained']): UserMap => ({
  ...{ method: explained ? 'pca' : 'umap', dimensions: 2, explained, users: places.map(([user]) => user) },
  ...{ x: places.map(([, x]) => x), y: places.map(([, , y]) => y) },
})

// B knows one more, has them in another order, and is turned by a quarter, mirrored, doubled and moved.
const first = {
  table: tableOf([row(1), row(2), row(3), row(4)]),
  map: mapOf(
    [
      [0, 0, 0],
      [1, 1, 0],
      [2, 0, 2],
      [3, 3, 3],
    ],
    [0.6, 0.2],
  ),
}
const turned = (x: number, y: number): [number, number] => [5 + 2 * y, 7 + 2 * x]
const second = {
  table: tableOf([row('9'), row('4'), row('3', 3), row('2'), row('1')]),
  map: mapOf(
    [
      [0, 0, 0],
      [1, ...turned(3, 3)],
      [2, ...turned(0, 2)],
      [3, ...turned(1, 0)],
      [4, ...turned(0, 0)],
    ],
    [0.5, 0.3],
  ),
}

test('maps of the same shape do not lie on each other, or a user lies on another', () => {
  const { a, b, shared, disparity } = alignedMaps(first, second)
  expect(shared).toEqual(['1', '2', '3', '4'])
  expect(disparity).toBeCloseTo(0, 12)
  for (const { key, x, y } of a.users) {
    const other = b.users.find((user) => user.key === key)
    expect(other?.x).toBeCloseTo(x, 10)
    expect(other?.y).toBeCloseTo(y, 10)
  }
  expect(b.users.map(({ key }) => key)).toContain('9')
})

test('a map without axes is turned, or one of strangers ends in NaN', () => {
  const free = (side: typeof first) => ({ ...side, map: { ...side.map, explained: null } })
  const { b, disparity } = alignedMaps(free(first), free(second))
  expect(disparity).toBeNull()
  expect(b.users[1]).toMatchObject({ key: '4', x: 11, y: 13 })
  const strangers = { ...second, table: tableOf(['v', 'w', 'x', 'y', 'z'].map((id) => row(id))) }
  expect(alignedMaps(first, strangers)).toMatchObject({ shared: [], disparity: null })
})

test('aligned maps are drawn in two frames, or one that cuts users off', () => {
  const both = alignedMaps(first, second)
  const { a, b } = axesOf(both)
  expect([b.x.min, b.x.max, b.y.min, b.y.max]).toEqual([a.x.min, a.x.max, a.y.min, a.y.max])
  for (const { x } of [...both.a.users, ...both.b.users]) {
    expect(x).toBeGreaterThanOrEqual(a.x.min!)
    expect(x).toBeLessThanOrEqual(a.x.max!)
  }
  expect((a.x.max! - a.x.min!) / a.x.interval!).toBeCloseTo(Math.round((a.x.max! - a.x.min!) / a.x.interval!), 9)
})

test('whom somebody has drawn around is judged by pairs of others', () => {
  const { b } = alignedMaps(first, second)
  expect(rightOf(b.users, new Set(['3', '4']))).toBe(0.5)
  expect(rightOf(b.users, new Set(['nobody']))).toBeNull()
})

test('newcomers of another k stand in its row, or runs on other pairs pass for the same', () => {
  const point = (k: number, acc: number) => ({ k, acc, acc_sd: 0, low: acc, high: acc, nll: 1 })
  const one = { curve: [point(0, 0.5), point(2, 0.6)], bt: { acc: 0.55, nll: 1 } }
  const other = { curve: [point(0, 0.4), point(1, 0.7)], bt: null }
  expect(newcomersTable([one, other]).map(({ label, cells }) => [label, ...cells.map((cell) => cell?.acc)])).toEqual([
    ['generic', 0.5, 0.4],
    ['1', undefined, 0.7],
    ['2', 0.6, undefined],
    ['bt', 0.55, undefined],
  ])
  const judged = { users_judged: 1, pairs: 4, users: [{ u_id: 'x', pairs: 4, vectors: {} }] }
  expect(samePairs([judged, { ...judged }])).toBe(true)
  expect(samePairs([judged, { ...judged, users: [{ u_id: 'y', pairs: 4, vectors: {} }] }])).toBe(false)
})

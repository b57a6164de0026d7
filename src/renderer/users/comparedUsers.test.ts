import { expect, test } from 'vitest'
import type { UserRow, UsersTable } from '../../shared/domain/users'
import { comparedUsers, differenceOf, sortedUsers } from './comparedUsers'

const table = (...users: [string | number, number, number][]): UsersTable => ({
  ...{ split: 'test', splits: ['test'], checkpoint: { name: 'best', epochs: 1, steps: 1 }, pairs: 0 },
  users: users.map(([u_id, right, pairs]): UserRow => ({
    ...{ u_id, right, pairs, known: true, train_pairs: 1, low: 0, high: 1, nll: 1 },
    ...{ baseline_right: null, typical: null, untypical: null },
  })),
})

test('a user of one run is set against another of the second, or one that only one run knows is lost', () => {
  const users = comparedUsers([table([1, 5, 10], [2, 8, 10]), table(['2', 9, 10], [3, 1, 4])])
  expect(users).toEqual([
    { u_id: 1, pairs: 10, accuracies: [0.5, null] },
    { u_id: 2, pairs: 10, accuracies: [0.8, 0.9] },
    { u_id: 3, pairs: 4, accuracies: [null, 0.25] },
  ])
  expect(users.map((user) => differenceOf(user, 1))).toEqual([null, expect.closeTo(0.1, 12), null])
})

test('users sort by what the second run has, not by what it has more than the first; those without come first', () => {
  const users = comparedUsers([table([10, 9, 10], [9, 2, 10], [8, 5, 10]), table([10, 8, 10], [9, 7, 10])])
  const ids = (by: 'user' | 'pairs' | number, descending: boolean) =>
    sortedUsers(users, { by, descending }).map(({ u_id }) => u_id)
  expect(ids(1, true)).toEqual([9, 10, 8])
  expect(ids(1, false)).toEqual([10, 9, 8])
  expect(ids(0, true)).toEqual([10, 8, 9])
  expect(ids('user', false)).toEqual([8, 9, 10])
})

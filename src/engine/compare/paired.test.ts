import { parquetWriteFile } from 'hyparquet-writer'
import path from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../data/dataFixture'
import { alignPairs } from './alignPairs'
import { comparePaired } from './paired'

const never = new AbortController().signal

function write(rows: readonly (readonly [user: string, id: string, z: number])[]): string {
  const filename = path.join(temporaryFolder(), 'test.parquet')
  parquetWriteFile({
    filename,
    columnData: [
      // A column that this reader does not know stands among its own.
      { name: 'r_diff', data: rows.map(() => 1), type: 'FLOAT' },
      { name: 'z', data: rows.map(([, , z]) => z), type: 'FLOAT' },
      { name: 'u_id', data: rows.map(([user]) => user), type: 'STRING' },
      { name: 'id', data: rows.map(([, id]) => id), type: 'STRING' },
    ],
  })
  return filename
}

const tables = { users: ['a', 'a', 'b', 'b'], ids: ['1', '1', '1', '2'] }

test('pairs are put beside others by their place, or an id that is not unique is taken for one', () => {
  const turned = { ...tables, users: ['b', 'a', 'b', 'a'], ids: ['2', '1', '1', '1'] }
  expect(alignPairs([tables, turned]).map((rows) => [...rows])).toEqual([
    [0, 1, 2, 3],
    [1, 3, 2, 0],
  ])
  const once = { ...tables, users: ['a', 'b'], ids: ['1', '2'] }
  expect(alignPairs([tables, once]).map((rows) => [...rows])).toEqual([[3], [1]])
})

test('the difference, its interval and its test are about other pairs than those in common', async () => {
  const users = Array.from({ length: 12 }, (_, user) => `u${user}`)
  const pairs = users.flatMap((user) => ['1', '2', '3', '4'].map((id) => [user, id] as const))
  // The reference has half of them right; the other all but one, and lacks each user's fourth pair.
  const reference = write(pairs.map(([user, id]) => [user, id, id === '1' || id === '4' ? 1 : -1]))
  const better = write(pairs.filter(([, id]) => id !== '4').map(([user, id]) => [user, id, id === '3' ? 0 : 2]))
  const { comparisons, smallest, others } = await comparePaired(
    { reference: [reference], others: [[better], [reference], [better, reference]], resamples: 1_000, seed: 0 },
    never,
  )
  expect(comparisons).toBe(3)
  const [first, same, both] = others
  expect(first).toMatchObject({
    pairs: 36,
    users: 12,
    unpaired: { reference: 12, other: 0 },
    accuracy: { reference: 12 / 36, other: 24 / 36 },
    p: 2 / 2 ** 12,
    corrected: 6 / 2 ** 12,
    verdict: 'better',
    wins: 12,
    losses: 0,
    ties: 0,
    cells: { both: 12, only_a: 0, only_b: 12, neither: 12 },
  })
  const { value, low, high } = Object(first).difference
  // Every user differs alike, so that no resample can move.
  for (const one of [value, low, high]) expect(one).toBeCloseTo(1 / 3, 12)
  expect(same).toMatchObject({ pairs: 48, p: 1, corrected: 1, verdict: 'undecided', difference: { value: 0 } })
  expect(both).toMatchObject({ pairs: 36, cells: null, accuracy: { other: 0.5 }, verdict: 'better' })
  expect(smallest).toBeCloseTo(6 / 2 ** 12, 12)
})

test('a side without a pair in common counts among the comparisons', async () => {
  const reference = write([['a', '1', 1]])
  const other = write([['b', '1', 1]])
  const result = await comparePaired({ reference: [reference], others: [[other]], resamples: 100, seed: 0 }, never)
  expect(result).toMatchObject({ comparisons: 0, smallest: 1 })
  expect(result.others).toEqual([{ skipped: 'it has no pair in common with the reference' }])
})

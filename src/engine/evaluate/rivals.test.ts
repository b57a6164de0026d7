import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Dataset, PairSplit } from '../data/dataset'
import { jsonl, parquet, temporaryFolder } from '../data/dataFixture'
import { syntheticDataset } from '../testing/syntheticDataset'
import { readCategories } from './categories'
import { withGenericUser, withShuffledUsers } from './controls'
import { Votes } from './majority'
import { TextKeys } from './textKeys'
import { BLOCK } from './drawnUsers'
import { worstDecile } from './worstDecile'

const dataset = syntheticDataset({ users: 5, unseenUsers: 2, texts: 30, width: 4, pairs: 200, features: 2 })
const { test: known, test_unseen: unknown } = dataset.splits

test('a pair keeps its own user, or the features of the user do not come along', () => {
  const shuffled = withShuffledUsers(known!, dataset)!
  expect(shuffled.users.some((user, row) => user === known!.users[row])).toBe(false)
  expect(new Set(shuffled.users)).toEqual(new Set(known!.users))
  const featuresOf = ({ users, features }: PairSplit, row: number): string =>
    `${users[row]} ${features!.subarray(2 * row, 2 * row + 2).join(' ')}`
  const own = new Set(Array.from(known!.users, (_, row) => featuresOf(known!, row)))
  for (const row of known!.users.keys()) expect(own).toContain(featuresOf(shuffled, row))
  expect(withShuffledUsers(known!, dataset)).toEqual(shuffled)
})

test('people whom training does not know are shuffled, or one alone', () => {
  expect(withShuffledUsers(unknown!, dataset)).toBeUndefined()
  expect(withShuffledUsers({ ...known!, users: new Int32Array(known!.pairs) }, dataset)).toBeUndefined()
  const mixed = { ...known!, users: known!.users.map((user, row) => (row === 0 ? 6 : user)) }
  const shuffled = withShuffledUsers(mixed, dataset)!
  expect(shuffled.users[0]).toBe(6)
  expect([...shuffled.users.subarray(1)].every((user) => user < 5)).toBe(true)
  expect(withGenericUser(known!, dataset).users.every((user) => user === 5)).toBe(true)
})

function pairs(
  name: PairSplit['name'],
  rows: [user: number, prompt: number, chosen: number, rejected: number][],
): PairSplit {
  const column = (at: number): Int32Array => Int32Array.from(rows, (row) => row[at]!)
  return {
    ...{ name, pairs: rows.length, table: dataset.splits.train.table, ids: null, features: null },
    users: column(0),
    prompts: column(1),
    chosen: column(2),
    rejected: column(3),
  }
}

test('the majority has the person in it, or another prompt, or misses those of other splits', () => {
  const train = pairs('train', [
    [1, 0, 7, 8],
    [2, 0, 8, 7],
    [1, 5, 7, 8],
  ])
  const own = pairs('test', [
    [0, 0, 7, 8],
    [0, 0, 7, 8],
    [3, 0, 8, 7],
    [0, 9, 7, 8],
    [3, 5, 8, 7],
  ])
  const voters: Dataset = { ...dataset, splits: { train, test: own } }
  // Of user 0's pair others say 7, 8, 8; of user 3's they say 7, 8, 7, 7; nobody else judged prompt 9; one says 7 of prompt 5.
  expect([...new Votes(voters, new TextKeys(voters)).majority(own)]).toEqual([0, 0, 0, NaN, 0])
  const divided = pairs('test', [[0, 0, 7, 8]])
  const two: Dataset = { ...dataset, splits: { train, test: divided } }
  expect([...new Votes(two, new TextKeys(two)).majority(divided)]).toEqual([0.5])
})

test('texts of splits with vectors of their own are not recognised', () => {
  const { train } = dataset.splits
  const { width, stride, rows } = train.table
  const values = new Float32Array(rows * stride)
  // The same vectors in reverse order, and one that is new.
  for (let row = 0; row < rows; row++)
    for (let d = 0; d < width; d++) values[row * stride + d] = train.table.values[(rows - 1 - row) * stride + d]!
  values[0] = 99
  const table = { file: 'other.npy', rows, width, stride, dtype: 'float32', values } as const
  const keys = new TextKeys({ ...dataset, splits: { train, test: { ...known!, table } } })
  expect(keys.of(table, rows - 1)).toBe(keys.of(train.table, 0))
  expect(keys.of(table, 5)).toBe(keys.of(train.table, rows - 6))
  expect(Array.from({ length: rows }, (_, row) => keys.of(train.table, row))).not.toContain(keys.of(table, 0))
})

test('the worst decile is not the lowest of those drawn', () => {
  const accuracies = Float64Array.from({ length: 20 }, (_, user) => (19 - user) / 20)
  const statistic = worstDecile(accuracies)
  // Everybody once in all but the last, two users in the last, which is the second of its block.
  const counts = new Uint8Array(2 * 20 * BLOCK).fill(1)
  for (let user = 0; user < 20; user++) counts[(20 + user) * BLOCK + 1] = { 18: 1, 3: 19 }[user] ?? 0
  const means = statistic({ users: 20, resamples: BLOCK + 2, counts })
  const everybody = (0 + 1 / 20) / 2
  expect([...means.subarray(0, -1)]).toEqual(Array(BLOCK + 1).fill(everybody))
  expect(means.at(-1)).toBeCloseTo((1 / 20 + 16 / 20) / 2, 12)
})

test.each(['jsonl', 'parquet'] as const)(
  'columns of a %s file that are texts, ids or features are slices',
  async (format) => {
    const rows = Array.from({ length: 90 }, (_, row) => ({
      u_id: row % 3,
      id: `${row % 4}`,
      prompt: `p${row % 2}`,
      chosen: `c${row}`,
      rejected: 'r',
      user_a: row % 2,
      round: [10, 2, 1][row % 3],
      serial: row,
      same: 'x',
      score: row / 7,
      topic: row === 5 ? null : ['music', 'food'][row % 2],
      essay: row % 2 ? 'long '.repeat(50) : 'short',
    }))
    const file = join(temporaryFolder(), `pairs.${format}`)
    writeFileSync(file, format === 'jsonl' ? jsonl(rows) : parquet(rows, 40))
    const found = await readCategories(file, { pairs: 90 }, ['user_'])
    expect(found.map(({ column, values }) => [column, values])).toEqual([
      ['topic', ['food', 'music']],
      ['round', ['1', '2', '10']],
    ])
    expect([...found[0]!.of.subarray(0, 7)]).toEqual([1, 0, 1, 0, 1, -1, 1])
    expect(await readCategories(file, { pairs: 89 }, ['user_'])).toEqual([])
    expect(await readCategories(join(temporaryFolder(), 'gone'), { pairs: 90 }, [])).toEqual([])
  },
)

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parquetReadObjects } from 'hyparquet'
import { describe, expect, test } from 'vitest'
import type { UserId } from '../../shared/domain/dataset'
import { temporaryFolder } from '../data/dataFixture'
import { pythonWith, runPython } from '../testing/python'
import { PredictionFiles, keysOf } from './predictions'

const Z = [0, 2, -2, 200, -200, -1000]

function write(users: UserId[], ids: (string | number)[] | null, z: number[] = Z): string {
  const file = path.join(temporaryFolder(), 'test.parquet')
  const split = { pairs: z.length, users: Int32Array.from(z, (_, i) => i % users.length), ids }
  new PredictionFiles(keysOf({ users }, split)).write(file, marginsOf(z))
  return file
}

const marginsOf = (z: number[]) => ({
  z: Float32Array.from(z),
  rewardMargin: Float32Array.from(z, () => 0.25),
  deltaMargin: Float32Array.from(z, (margin) => margin - 0.25),
})

async function read(file: string): Promise<Record<string, unknown>[]> {
  const { buffer, byteOffset, byteLength } = readFileSync(file)
  const slice = buffer.slice(byteOffset, byteOffset + byteLength)
  return parquetReadObjects({ file: slice as ArrayBuffer })
}

test('a margin and its probability disagree, or the order of rows is lost', async () => {
  const rows = await read(write([7, 9], ['a', 'b', 'c', 'd', 'e', 'f']))
  expect(rows.map(({ z }) => z)).toEqual(Z)
  expect(rows.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  expect(rows.map(({ u_id }) => u_id)).toEqual([7n, 9n, 7n, 9n, 7n, 9n])
  rows.forEach(({ p }, i) => expect(p).toBeCloseTo(1 / (1 + Math.exp(-Z[i]!)), 6))
  expect(rows.map(({ p }) => p)).toEqual(expect.not.arrayContaining([NaN]))
  expect(rows.map(({ r_diff }) => r_diff)).toEqual(Z.map(() => 0.25))
  expect(rows.map(({ delta_diff }) => delta_diff)).toEqual(Z.map((z) => z - 0.25))
  // A tie is wrong.
  expect(rows.map(({ correct }) => correct)).toEqual(Z.map((z) => z > 0))
})

test('users that are strings, or look like numbers, come back as something else', async () => {
  const rows = await read(write(['007', 'ü — "x"'], null))
  expect(rows.map(({ u_id }) => u_id).slice(0, 2)).toEqual(['007', 'ü — "x"'])
  expect(rows.map(({ id }) => id)).toEqual([0n, 1n, 2n, 3n, 4n, 5n])
})

test('large ids, fractions and mixtures lose their digits', async () => {
  const rows = await read(write([2 ** 52 + 1, -3], [1, 'b', 2.5, 0, -1, 2 ** 53]))
  expect(rows.map(({ u_id }) => u_id).slice(0, 2)).toEqual([BigInt(2 ** 52 + 1), -3n])
  expect(rows.map(({ id }) => id)).toEqual(['1', 'b', '2.5', '0', '-1', '9007199254740992'])
})

test('many rows are cut', async () => {
  const z = Array.from({ length: 250_003 }, (_, i) => (i % 7) - 3)
  const rows = await read(write([1, 2, 3], null, z))
  expect(rows.map((row) => row['z'])).toEqual(z)
  expect(rows.map(({ correct }) => correct)).toEqual(z.map((margin) => margin > 0))
  expect(rows.at(-1)).toMatchObject({ id: 250_002n, delta_diff: z.at(-1)! - 0.25 })
})

test('a second run on the split gets the margins of the first, or other keys', async () => {
  const files = new PredictionFiles({ users: ['a', 'b', 'a'], ids: [1, 2, 3] })
  const [first, second] = ['1', '2'].map((name) => path.join(temporaryFolder(), `${name}.parquet`))
  files.write(first!, marginsOf([1, 2, 3]))
  files.write(second!, marginsOf([-4, 5, -6]))
  const all = [...(await read(first!)), ...(await read(second!))]
  expect(all.map(({ u_id, id, z, correct }) => [u_id, id, z, correct])).toEqual([
    ...[
      ['a', 1n, 1, true],
      ['b', 2n, 2, true],
      ['a', 3n, 3, true],
    ],
    ...[
      ['a', 1n, -4, false],
      ['b', 2n, 5, true],
      ['a', 3n, -6, false],
    ],
  ])
})

test('an unwritable place is no AppError', () => {
  const nowhere = path.join(temporaryFolder(), 'no', 'x.parquet')
  const none = new Float32Array()
  expect(() =>
    new PredictionFiles({ users: [], ids: [] }).write(nowhere, { z: none, rewardMargin: none, deltaMargin: none }),
  ).toThrow(expect.objectContaining({ code: 'unwritable' }))
})

const python = pythonWith('pandas', 'pyarrow')
const READ = `
import json, sys, pandas
d = pandas.read_parquet(sys.argv[1])
print(json.dumps({"types": {c: str(t) for c, t in d.dtypes.items()}, "rows": d.values.tolist()}))`

describe.skipIf(!python)(
  'read by pandas (skipped without it: set DELTA_PYTHON to a Python that has pandas and pyarrow)',
  () => {
    test('columns have other types or values', () => {
      const file = write(['u 1', 'u 2'], [5, 6, 7, 8, 9, 10])
      expect(runPython(python!, READ, file)).toMatchObject({
        types: {
          u_id: expect.stringMatching(/object|str/),
          id: 'int64',
          z: 'float32',
          p: 'float32',
          r_diff: 'float32',
          delta_diff: 'float32',
          correct: 'bool',
        },
        rows: Z.map((z, i) => [
          `u ${1 + (i % 2)}`,
          5 + i,
          z,
          expect.closeTo(1 / (1 + Math.exp(-z)), 6),
          0.25,
          z - 0.25,
          z > 0,
        ]),
      })
    })
  },
)

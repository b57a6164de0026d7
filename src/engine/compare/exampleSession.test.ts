import fs from 'node:fs'
import path from 'node:path'
import { parquetWriteFile } from 'hyparquet-writer'
import { expect, test } from 'vitest'
import { exampleSelectionSchema, LONGEST_EXAMPLE, type ExampleSelection } from '../../shared/domain/examples'
import { temporaryFolder } from '../data/dataFixture'
import { ExampleSession } from './exampleSession'

const never = new AbortController().signal
type Row = readonly [user: string, id: string, z: number]

function write(rows: readonly Row[]): string {
  const filename = path.join(temporaryFolder(), 'test.parquet')
  parquetWriteFile({
    filename,
    columnData: [
      { name: 'u_id', data: rows.map(([user]) => user), type: 'STRING' },
      { name: 'id', data: rows.map(([, id]) => id), type: 'STRING' },
      { name: 'z', data: rows.map(([, , z]) => z), type: 'FLOAT' },
    ],
  })
  return filename
}

function pairsFile(rows: readonly object[]): string {
  const file = path.join(temporaryFolder(), 'test.jsonl')
  fs.writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  return file
}

const texts = (n: number) => ({ prompt: `prompt ${n}`, chosen: `chosen ${n}`, rejected: `rejected ${n}` })
/** ann's pairs 1 and 2, her id 3 twice, and bob's 1. */
const A: Row[] = [
  ['ann', '1', 1],
  ['ann', '2', -1],
  ['ann', '3', 2],
  ['ann', '3', -2],
  ['bob', '1', 0],
  ['bob', 'only a', 1],
]
const B: Row[] = [
  ['bob', '1', 3],
  ['ann', '3', -1],
  ['ann', '3', -3],
  ['ann', '2', -1],
  ['ann', '1', 2],
]
/** Users stand as they are in the predictions, ids as numbers: they are the same all the same. */
const FILE = [
  { u_id: 'bob', id: 1, ...texts(5) },
  { u_id: 'ann', id: 1, ...texts(1) },
  { u_id: 'ann', id: 3, ...texts(3) },
  { u_id: 'ann', id: 3, ...texts(4) },
]

function page(session: ExampleSession, selection: ExampleSelection) {
  const answer = session.answer({ type: 'pairs', ...exampleSelectionSchema.parse(selection) })
  if (answer.type !== 'pairs') throw new Error(answer.type)
  return answer.page
}

test('a pair stands beside another, or with the texts of another, or in a cell that is not its own', async () => {
  const session = await ExampleSession.open({ a: write(A), b: write(B), pairs: pairsFile(FILE) }, never)
  expect(session.answer({ type: 'agreement' })).toEqual({
    type: 'agreement',
    agreement: {
      ...{ pairs: 5, unpaired: { a: 1, b: 0 }, cells: { both: 1, only_a: 1, only_b: 1, neither: 2 } },
      users: [
        { user: 'ann', pairs: 4, right_a: 2, right_b: 1 },
        { user: 'bob', pairs: 1, right_a: 0, right_b: 1 },
      ],
    },
  })
  // A tie of the first is wrong.
  const [won] = page(session, { cell: 'only_b' }).rows
  expect(won).toMatchObject({ user: 'bob', id: '1', cell: 'only_b', p: { a: 0.5 }, texts: texts(5) })
  expect(won?.p.b).toBeCloseTo(1 / (1 + Math.exp(-3)), 12)
  expect(page(session, { cell: 'only_a' }).rows).toMatchObject([{ user: 'ann', id: '3', texts: texts(3) }])
  expect(page(session, { cell: 'neither', order: 'data' }).rows.map((row) => row.texts)).toEqual([null, texts(4)])
  // 1 → 2, 2 → −1, −2 → −3, 0 → 3 and −1 → −1, the furthest apart first.
  const ann = page(session, { user: 'ann', limit: 3 })
  expect(ann).toMatchObject({ total: 4, cells: { both: 1, only_a: 1, only_b: 0, neither: 2 } })
  expect(ann.rows.map(({ id, cell }) => `${id} ${cell}`)).toEqual(['3 only_a', '1 both', '3 neither'])
  expect(page(session, { user: 'ann', offset: 3 }).rows).toMatchObject([{ id: '2', p: { a: expect.any(Number) } }])
  session.close()
})

test('without a file nothing is shown but the predictions; a text without end is sent', async () => {
  const bare = await ExampleSession.open({ a: write(A), b: write(B) }, never)
  expect(page(bare, {}).rows.every((row) => row.texts === null)).toBe(true)
  const long = [{ u_id: 'bob', id: '1', ...texts(1), prompt: 'x'.repeat(1_000_000) }]
  const session = await ExampleSession.open({ a: write(A), b: write(B), pairs: pairsFile(long) }, never)
  expect(page(session, { user: 'bob' }).rows[0]?.texts?.prompt).toHaveLength(LONGEST_EXAMPLE)
  session.close()
})

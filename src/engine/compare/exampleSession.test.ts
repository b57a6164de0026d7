import fs from 'node:fs'
import path from 'node:path'
import { parquetWriteFile } from 'hyparquet-writer'
import { expect, test } from 'vitest'
import {
  exampleSelectionSchema,
  LONGEST_EXAMPLE,
  MOST_BESIDE,
  type ExampleSelection,
} from '../../shared/domain/examples'
import { temporaryFolder } from '../data/dataFixture'
import { permutation, RandomStream } from '../loop/random'
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

test('a pair stands beside another, or with the texts of another, or under a pattern that is not its own', async () => {
  const session = await ExampleSession.open({ runs: [write(A), write(B)], pairs: pairsFile(FILE) }, never)
  expect(session.answer({ type: 'agreement' })).toEqual({
    type: 'agreement',
    agreement: {
      ...{ pairs: 5, unpaired: [1, 0] },
      patterns: [{ pattern: '00', pairs: 2 }, ...['11', '10', '01'].map((pattern) => ({ pattern, pairs: 1 }))],
      users: [
        { user: 'ann', pairs: 4, right: [2, 1] },
        { user: 'bob', pairs: 1, right: [0, 1] },
      ],
    },
  })
  // A tie of the first is wrong.
  const [won] = page(session, { pattern: '01' }).rows
  expect(won).toMatchObject({ user: 'bob', id: '1', pattern: '01', p: [0.5, expect.any(Number)], texts: texts(5) })
  expect(won?.p[1]).toBeCloseTo(1 / (1 + Math.exp(-3)), 12)
  expect(page(session, { pattern: '10' }).rows).toMatchObject([{ user: 'ann', id: '3', texts: texts(3) }])
  expect(page(session, { pattern: '00', order: 'data' }).rows.map((row) => row.texts)).toEqual([null, texts(4)])
  // 1 → 2, 2 → −1, −2 → −3, 0 → 3 and −1 → −1, the furthest apart first.
  const ann = page(session, { user: 'ann', limit: 3 })
  expect(ann).toMatchObject({ total: 4, patterns: [{ pattern: '00', pairs: 2 }, { pairs: 1 }, { pairs: 1 }] })
  expect(ann.rows.map(({ id, pattern }) => `${id} ${pattern}`)).toEqual(['3 10', '1 11', '3 00'])
  expect(page(session, { user: 'ann', offset: 3 }).rows).toMatchObject([{ id: '2' }])
  session.close()
})

/** What counting by hand finds: a pair that all runs have once. */
function countByHand(runs: readonly (readonly Row[])[]) {
  const [first = [], ...others] = runs
  const patterns = new Map<string, number>()
  const apart: number[] = []
  for (const [user, id, own] of first) {
    const found = others.map((rows) => rows.find(([u, i]) => u === user && i === id)?.[2])
    if (found.includes(undefined)) continue
    const z = [own, ...found.map(Number)]
    const pattern = z.map((one) => (one > 0 ? '1' : '0')).join('')
    patterns.set(pattern, (patterns.get(pattern) ?? 0) + 1)
    const p = z.map((one) => 1 / (1 + Math.exp(-one))).sort((one, other) => one - other)
    apart.push(p.at(-1)! - p[0]!)
  }
  return { patterns, apart: apart.sort((one, other) => other - one) }
}

test('of several runs a pair is counted under another pattern than by hand, or stands in another order', async () => {
  const stream = new RandomStream(7, 'patterns')
  const random = (): number => stream.uniform()
  for (const count of [3, 5, MOST_BESIDE]) {
    // Each run lacks some pairs and has the others in an order of its own; some margins are exactly zero.
    const runs = Array.from({ length: count }, (): Row[] =>
      Array.from(permutation(300, stream))
        .map((pair): Row => [`user ${pair % 11}`, `${pair}`, random() < 0.05 ? 0 : Math.fround(random() * 6 - 3)])
        .filter(() => random() > 0.02),
    )
    const session = await ExampleSession.open({ runs: runs.map(write) }, never)
    const { patterns, apart } = countByHand(runs)
    const answer = session.answer({ type: 'agreement' })
    if (answer.type !== 'agreement') throw new Error(answer.type)
    const { agreement } = answer
    expect(new Map(agreement.patterns.map(({ pattern, pairs }) => [pattern, pairs]))).toEqual(patterns)
    expect(agreement.pairs).toBe(apart.length)
    expect(agreement.unpaired).toEqual(runs.map((rows) => rows.length - apart.length))
    expect(agreement.users.reduce((sum, { pairs }) => sum + pairs, 0)).toBe(apart.length)
    for (const [run, rows] of runs.entries()) {
      const right = [...patterns].reduce((sum, [pattern, pairs]) => sum + (pattern[run] === '1' ? pairs : 0), 0)
      expect(agreement.users.reduce((sum, user) => sum + user.right[run]!, 0)).toBe(right)
      expect(rows.length).toBeGreaterThan(apart.length)
    }
    const shown = page(session, { limit: 20 }).rows.map(({ p }) => Math.max(...p) - Math.min(...p))
    for (const [at, one] of shown.entries()) expect(one).toBeCloseTo(apart[at]!, 12)
    const [{ pattern, pairs } = { pattern: '', pairs: 0 }] = agreement.patterns
    const opened = page(session, { pattern })
    expect(opened.total).toBe(pairs)
    expect(opened.rows.every((row) => row.pattern === pattern)).toBe(true)
    session.close()
  }
})

test('without a file nothing is shown but the predictions; a text without end is sent', async () => {
  const bare = await ExampleSession.open({ runs: [write(A), write(B)] }, never)
  expect(page(bare, {}).rows.every((row) => row.texts === null)).toBe(true)
  const long = [{ u_id: 'bob', id: '1', ...texts(1), prompt: 'x'.repeat(1_000_000) }]
  const session = await ExampleSession.open({ runs: [write(A), write(B)], pairs: pairsFile(long) }, never)
  expect(page(session, { user: 'bob' }).rows[0]?.texts?.prompt).toHaveLength(LONGEST_EXAMPLE)
  session.close()
})

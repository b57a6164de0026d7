import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { jsonArray, jsonl, parquetFiles } from '../../../fuzz/seeds'
import type { BrowseQuery, RowFilter, RowPage } from '../../shared/domain/browse'
import { pairStats } from '../prep/pairStats'
import { BrowseSession } from './session'
import { TextPool } from './textPool'

let folder: string
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-browse-'))
})
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

let files = 0
function file(content: string | Uint8Array, extension = 'jsonl'): string {
  const name = path.join(folder, `${files++}.${extension}`)
  fs.writeFileSync(name, content)
  return name
}
const lines = (rows: readonly unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

async function opened(
  splits: { split: 'train' | 'dev' | 'test' | 'test_unseen'; file: string }[],
): Promise<BrowseSession> {
  const session = new BrowseSession(splits)
  await session.open(() => {}, new AbortController().signal)
  return session
}

type Ask = Partial<Extract<BrowseQuery, { type: 'rows' }>>

async function page(session: BrowseSession, ask: Ask = {}): Promise<RowPage> {
  const answer = await session.answer({
    ...{ type: 'rows', split: 'train', search: '', filters: [], sort: null, offset: 0, limit: 500, view: 'v' },
    ...ask,
  })
  if (answer.type === 'page') return answer.page
  throw new Error(answer.type === 'error' ? answer.error.message : answer.type)
}

const numbers = async (session: BrowseSession, ask: Ask = {}): Promise<number[]> =>
  (await page(session, ask)).rows.map(({ row }) => row)

const pair = fc.record({
  u_id: fc.integer({ min: 0, max: 3 }),
  prompt: fc.constantFrom('p', 'q', 'Straße'),
  chosen: fc.constantFrom('a', 'bb b', 'Ärger ÄÖ', 'line\nbreak'),
  rejected: fc.constantFrom('a', 'bb b', 'Ärger ÄÖ', 'line\nbreak'),
  topic: fc.option(fc.constantFrom('x', 'y')),
})

describe('rows', () => {
  test('a filter keeps other rows than the figures count', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(pair, { minLength: 1, maxLength: 40 }),
        fc.array(pair, { minLength: 1, maxLength: 20 }),
        async (train, held) => {
          const splits = [
            { split: 'train' as const, file: file(lines(train)) },
            { split: 'test_unseen' as const, file: file(lines(held)) },
          ]
          const stats = await pairStats({ task: 'stats', splits, user: 'u_id', topic: 'topic' })
          const session = await opened(splits)
          const count = async (split: 'train' | 'test_unseen', filter: RowFilter): Promise<number> =>
            (await page(session, { split, filters: [filter] })).total
          const [one, other] = stats.splits
          expect(await count('train', { type: 'reversed' })).toBe(Math.round(one!.reversed * one!.pairs))
          expect(await count('train', { type: 'duplicate' })).toBe(one!.duplicates)
          expect(await count('train', { type: 'conflict' })).toBe(one!.conflicts)
          expect(await count('train', { type: 'same_answer' })).toBe(one!.chosenEqualsRejected)
          for (const { topic, pairs } of other!.topics)
            expect(await count('test_unseen', { type: 'value', column: 'topic', test: 'is', value: topic })).toBe(pairs)
          for (const { from, to, pairs } of one!.lengths.chosen.histogram)
            expect(await count('train', { type: 'length', column: 'chosen', unit: 'characters', from, to })).toBe(pairs)
          for (const { from, to, pairs } of one!.lengths.rejected.words.histogram)
            expect(await count('train', { type: 'length', column: 'rejected', unit: 'words', from, to })).toBe(pairs)
          for (const { from, to, users } of one!.pairsPerUser.histogram) {
            const found = await page(session, { filters: [{ type: 'user_pairs', from, to }] })
            const column = found.columns.findIndex(({ name }) => name === 'u_id')
            expect(new Set(found.rows.map(({ cells }) => cells[column])).size).toBe(users)
          }
          const [overlap] = stats.overlaps
          expect(await count('test_unseen', { type: 'shared', what: 'pairs', with: 'train' })).toBe(overlap!.samePairs)
          expect(await count('test_unseen', { type: 'shared', what: 'texts', with: 'train' })).toBe(
            overlap!.rowsWithSharedText,
          )
          session.close()
        },
      ),
      { numRuns: 40 },
    )
  })

  test('a search is not what a person would find by reading', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            u_id: fc.nat(3),
            prompt: fc.string({ unit: 'grapheme' }),
            chosen: fc.string(),
            rejected: fc.string(),
          }),
          {
            minLength: 1,
            maxLength: 30,
          },
        ),
        fc.oneof(
          fc.string({ minLength: 1, maxLength: 3 }),
          fc.string({ unit: 'grapheme', minLength: 1, maxLength: 2 }),
        ),
        async (rows, needle) => {
          const session = await opened([{ split: 'train', file: file(lines(rows)) }])
          const lower = needle.toLowerCase()
          // As a file holds it: half of a surrogate pair becomes a replacement character there.
          const kept = (text: string): string => Buffer.from(text).toString()
          const wanted = rows.flatMap(({ u_id, ...texts }, i) => {
            const inTexts = Object.values(texts).some((text) => kept(text).toLowerCase().includes(lower))
            return inTexts || (needle.trim() !== '' && Number(needle) === u_id) ? [i] : []
          })
          expect(await numbers(session, { search: needle })).toEqual(wanted)
          session.close()
        },
      ),
      { numRuns: 150 },
    )
  })

  test('sorted rows are not sorted, equal ones change places, or missing values come first', async () => {
    const values = [3, null, -1, 3, 2.5, null, 0]
    const rows = values.map((score, n) => ({ u_id: 1, id: n, prompt: 'p', chosen: `t${score}`, rejected: 'r', score }))
    const session = await opened([{ split: 'train', file: file(lines(rows)) }])
    const by = (column: string, descending: boolean): Promise<number[]> =>
      numbers(session, { sort: { column, descending } })
    expect(await by('score', false)).toEqual([2, 6, 4, 0, 3, 1, 5])
    expect(await by('score', true)).toEqual([0, 3, 4, 6, 2, 1, 5])
    expect(await by('chosen', false)).toEqual([2, 6, 4, 0, 3, 1, 5])
    await expect(by('__proto__', false)).rejects.toThrow('has no column')
  })

  test('a line that cannot be read shifts the rows after it, or a late column those before it', async () => {
    const good = (n: number): string => JSON.stringify({ u_id: n, prompt: `p${n}`, chosen: 'a', rejected: 'b' })
    const late = JSON.stringify({ u_id: 3, prompt: 'p3', chosen: 'a', rejected: 'b', extra: { deep: [1, 'two'] } })
    const session = await opened([
      { split: 'train', file: file([good(0), '{"u_id":', good(2), late, '', good(5)].join('\n')) },
    ])
    const found = await page(session)
    expect(found.rows.map(({ row, fault }) => [row, fault !== undefined])).toEqual([
      [0, false],
      [1, true],
      [2, false],
      [3, false],
      [4, true],
      [5, false],
    ])
    const at = (name: string): number => found.columns.findIndex((column) => column.name === name)
    expect(found.rows.map(({ cells }) => cells[at('prompt')])).toEqual(['p0', null, 'p2', 'p3', null, 'p5'])
    expect(found.rows.map(({ cells }) => cells[at('extra')])).toEqual([
      null,
      null,
      null,
      '{"deep":[1,"two"]}',
      null,
      null,
    ])
    expect(await numbers(session, { filters: [{ type: 'unusable' }] })).toEqual([1, 4])
  })

  test('a broken file crashes the reader, or says nothing', async () => {
    const all = [...jsonl, ...jsonArray]
      .map((content) => file(content))
      .concat(parquetFiles.map((content) => file(content, 'parquet')))
    for (const one of [...all, path.join(folder, 'nowhere.jsonl')]) {
      const session = await opened([{ split: 'train', file: one }])
      for (const ask of [{}, { search: 'answer' }, { filters: [{ type: 'reversed' } as const] }]) {
        const answer = await session.answer({
          ...{ type: 'rows', split: 'train', search: '', filters: [], sort: null, offset: 0, limit: 10, view: 'v' },
          ...ask,
        })
        if (answer.type === 'error') expect(answer.error.message).not.toBe('')
      }
      session.close()
    }
  })

  test('another selection of the same view does not end the one before', async () => {
    const rows = Array.from({ length: 30_000 }, (_, n) => ({
      u_id: n % 9,
      prompt: `p${n}`,
      chosen: `a${n} ${'x'.repeat(600)}`,
      rejected: 'ü',
    }))
    const session = await opened([{ split: 'train', file: file(lines(rows)) }])
    const [first, second] = await Promise.allSettled([
      page(session, { search: 'ÜBUNG' }),
      page(session, { search: 'p29999' }),
    ])
    expect(first.status === 'rejected' && String(first.reason)).toContain('taken its place')
    expect(second.status === 'fulfilled' && second.value.total).toBe(1)
  })
})

test('texts beyond the memory are lost, or found no more', async () => {
  const pool = new TextPool(1 << 20)
  const texts = Array.from({ length: 3_000 }, (_, n) => `${n} ${'häufig '.repeat(n % 900)}`)
  const codes = texts.map((text) => pool.add(text))
  expect(codes.map((code) => pool.get(code))).toEqual(texts)
  expect(texts.map((text) => pool.add(text))).toEqual(codes)
  const found = await pool.search('2999 H', async () => {})
  expect([...found.keys()].filter((code) => found[code] === 1)).toEqual([2999])
  expect([...(await pool.search('HÄUFIG', async () => {}))].reduce((sum, bit) => sum + bit, 0)).toBe(
    texts.filter((text) => text.includes('häufig')).length,
  )
  pool.close()
})

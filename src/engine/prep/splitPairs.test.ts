import { readFileSync, writeFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { parquetReadObjects } from 'hyparquet'
import { describe, expect, test } from 'vitest'
import { dataFileSchema } from '../../shared/config/data'
import { splitTaskSchema, type SplitResult, type SplitTask } from '../../shared/domain/preparation'
import { load } from 'js-yaml'
import { jsonl, parquet, temporaryFolder, type Row } from '../data/dataFixture'
import { splitPairs } from './splitPairs'

const task = (folder: string, change: Partial<SplitTask>): SplitTask =>
  splitTaskSchema.parse({
    task: 'split',
    input: join(folder, 'raw.jsonl'),
    output: join(folder, 'out'),
    dts_name: 'made',
    format: 'jsonl',
    by: ['qid'],
    user: 'u_id',
    time: 'time',
    stratify: [],
    test: 0.2,
    dev: 0.1,
    unseen: 0.2,
    perUser: false,
    sharedTexts: 'report',
    prefixColumns: [],
    seed: 0,
    ...change,
  })

interface Made {
  result: SplitResult
  /** Rows of every split's file, and of the dropped file. */
  rows: Record<string, Row[]>
  dropped: Row[]
  folder: string
}

async function run(rows: readonly unknown[] | string, change: Partial<SplitTask> = {}): Promise<Made> {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'raw.jsonl'), typeof rows === 'string' ? rows : jsonl(rows))
  const result = await splitPairs(task(folder, change))
  const out: Record<string, Row[]> = {}
  for (const { split, file } of result.splits) out[split] = await readRows(file)
  const dropped = result.droppedFile === null ? [] : lines(result.droppedFile)
  return { result, rows: out, dropped, folder: join(folder, 'out') }
}

const lines = (file: string): Row[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))

async function readRows(file: string): Promise<Row[]> {
  if (file.endsWith('.jsonl')) return lines(file)
  const bytes = readFileSync(file)
  return parquetReadObjects({ file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) })
}

/** Each question has its own prompt and answers; every user judges all of them. */
function questions(count: number, users = 4): Row[] {
  return Array.from({ length: count * users }, (_, n) => {
    const q = Math.floor(n / users)
    return {
      qid: `q${q}`,
      topic: `t${q % 3}`,
      id: n,
      u_id: n % users,
      time: q,
      prompt: `prompt ${q}`,
      chosen: `a ${q} ${n % 2}`,
      rejected: `a ${q} ${(n + 1) % 2}`,
    }
  })
}

describe('a split', () => {
  test('a group stands in two splits, or a row is lost or doubled, for some data', async () => {
    let carriedOut = 0
    const row = fc.record({
      qid: fc.option(fc.integer({ min: 0, max: 12 }), { nil: null, freq: 20 }),
      session: fc.integer({ min: 0, max: 40 }),
      u_id: fc.option(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant('x')), { nil: null, freq: 20 }),
      prompt: fc.option(fc.integer({ min: 0, max: 9 }).map(String), { nil: null, freq: 20 }),
      chosen: fc.integer({ min: 0, max: 9 }).map(String),
      rejected: fc.oneof(fc.integer({ min: 0, max: 9 }).map(String), fc.constant(5)),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 30, maxLength: 120 }),
        fc.constantFrom<string[][]>(['qid'], ['session'], ['qid', 'session'], ['user', 'session'], ['prompt']),
        fc.nat(100),
        async (data, by, seed) => {
          const numbered = data.map((each, n) => ({ n, ...each }))
          let made: Made
          try {
            made = await run(numbered, { by, seed })
          } catch (error) {
            // Too few groups for three splits, or no usable row, is a fair answer; anything else is not.
            expect(error).toMatchObject({ code: expect.stringMatching(/^(config|data)_invalid$/) })
            return
          }
          carriedOut++
          const { rows, dropped, result } = made
          const kept = Object.values(rows).flat()
          const all = [...kept.map(({ n }) => n), ...dropped.map(({ row: n }) => n)]
          expect(all.map(Number).sort((a, b) => a - b)).toEqual(numbered.map(({ n }) => n))
          expect(result.dropped.reduce((sum, each) => sum + each.rows, 0)).toBe(dropped.length)
          for (const column of by.filter((name) => name !== 'user')) {
            const seen = new Map<unknown, string>()
            // Unseen users are asked what test asks: only the person is new.
            for (const [name, own] of Object.entries(rows))
              for (const each of own) {
                const split = name === 'test_unseen' ? 'test' : name
                expect(seen.get(each[column]) ?? split).toBe(split)
                seen.set(each[column], split)
              }
          }
          const trained = new Set(['train', 'dev', 'test'].flatMap((split) => (rows[split] ?? []).map((r) => r.u_id)))
          for (const each of rows['test_unseen'] ?? []) expect(trained.has(each.u_id)).toBe(false)
          const texts: string[] = JSON.parse(readFileSync(result.textFile, 'utf8'))
          for (const each of kept)
            for (const column of ['prompt', 'chosen', 'rejected'])
              expect(texts[Number(each[`${column}_emb_idx`])]).toBe(each[column])
        },
      ),
      { numRuns: 40 },
    )
    expect(carriedOut).toBeGreaterThan(10)
  })

  test('sizes are missed although the groups allow them, or a seed changes nothing, or an equal one does', async () => {
    const data = questions(100)
    const one = await run(data, { seed: 1 })
    expect(one.result.splits.map(({ split, pairs }) => [split, pairs])).toEqual([
      ['train', 280],
      ['dev', 40],
      ['test', 80],
    ])
    const qids = ({ rows }: Made): unknown[] => rows['test']!.map(({ qid }) => qid)
    expect(qids(await run(data, { seed: 1 }))).toEqual(qids(one))
    expect(qids(await run(data, { seed: 2 }))).not.toEqual(qids(one))
    const counted = await run(data, { test: 20, dev: 0 })
    expect(counted.result.splits.map(({ split, pairs }) => [split, pairs])).toEqual([
      ['train', 380],
      ['test', 20],
    ])
  })

  test('strata are left to chance', async () => {
    const { rows } = await run(questions(90), { stratify: ['topic'] })
    for (const [split, share] of [
      ['train', 0.7],
      ['dev', 0.1],
      ['test', 0.2],
    ] as const)
      for (const topic of ['t0', 't1', 't2'])
        expect(rows[split]!.filter((row) => row['topic'] === topic)).toHaveLength(Math.round(30 * 4 * share))
  })

  test('a cut by time mixes early and late', async () => {
    const data = questions(50).reverse()
    const { rows } = await run(data, { by: ['time'] })
    const times = (split: string): number[] => rows[split]!.map(({ time }) => Number(time))
    expect(Math.max(...times('train'))).toBeLessThan(Math.min(...times('dev')))
    expect(Math.max(...times('dev'))).toBeLessThan(Math.min(...times('test')))
    expect([times('train').length, times('dev').length, times('test').length]).toEqual([140, 20, 40])
    const own = await run(
      data.map((row) => ({ ...row, time: `2024-01-${String(1 + (Number(row['time']) % 28)).padStart(2, '0')}` })),
      { by: ['time'], perUser: true },
    )
    for (const user of [0, 1, 2, 3]) {
      const of = (split: string): number[] =>
        own.rows[split]!.filter(({ u_id }) => u_id === user).map(({ time }) => Date.parse(String(time)))
      expect(Math.max(...of('train'))).toBeLessThan(Math.min(...of('test')))
    }
  })

  test('an unseen user is asked what train learned, and nobody is told', async () => {
    const { rows, dropped, result } = await run(questions(40, 10), { by: ['user', 'qid'] })
    const learned = new Set([...rows['train']!, ...rows['dev']!].map(({ qid }) => qid))
    expect(rows['test_unseen']!.length).toBeGreaterThan(0)
    for (const { qid } of rows['test_unseen']!) expect(learned.has(qid)).toBe(false)
    expect(new Set(rows['test_unseen']!.map(({ u_id }) => u_id)).size).toBe(2)
    expect(dropped).toHaveLength(2 * learned.size)
    expect(result.dropped[0]).toMatchObject({ reason: 'unseen_user_elsewhere', rows: 2 * learned.size })
  })

  test('texts that groups share are not reported, or not kept together when asked', async () => {
    const data = questions(40).map((row, n) => ({ ...row, prompt: `shared ${Math.floor(n / 8)}` }))
    const told = await run(data)
    expect(told.result.overlaps.some(({ prompts, rowsWithSharedText }) => prompts > 0 && rowsWithSharedText > 0)).toBe(
      true,
    )
    const joined = await run(data, { sharedTexts: 'join' })
    for (const overlap of joined.result.overlaps)
      expect(overlap).toMatchObject({ prompts: 0, answers: 0, rowsWithSharedText: 0, samePairs: 0, groups: { qid: 0 } })
  })

  test('a broken line or a gap ends everything, or vanishes', async () => {
    const good = questions(30)
    const text = `${jsonl(good.slice(0, 60))}not json\n\n${jsonl([
      { ...good[60], chosen: null },
      { ...good[61], u_id: 1.5 },
    ])}${jsonl(good.slice(62))}`
    const { result, dropped, rows } = await run(text)
    expect(result.dropped).toEqual([
      expect.objectContaining({ reason: 'row_malformed', rows: 2, firstRow: 60 }),
      expect.objectContaining({ reason: 'value_missing', column: 'chosen', rows: 1, firstRow: 62 }),
      expect.objectContaining({ reason: 'value_invalid', column: 'u_id', rows: 1, firstRow: 63 }),
    ])
    expect(dropped.map(({ row }) => row)).toEqual([60, 61, 62, 63])
    expect(dropped[2]).toMatchObject({ values: { ...good[60], chosen: null } })
    expect(Object.values(rows).flat()).toHaveLength(118)
  })

  test('metadata, late columns, long integers and nested values do not survive', async () => {
    const data = questions(30).map((row, n) => ({
      ...row,
      persona: `p${n % 4}`,
      prompt_emb_idx: 99,
      nested: { a: [n] },
      ...(n > 100 && { late: n / 3 }),
    }))
    const text = jsonl(data).replace('"persona"', '"long":9007199254740993,"persona"')
    const { rows, result } = await run(text, { user: 'persona', format: 'parquet' })
    const kept = Object.values(rows).flat()
    const first = kept.find(({ id }) => id === 0n)!
    expect(first).toMatchObject({
      u_id: 'p0',
      persona: 'p0',
      u_id_original: 0n,
      long: 9007199254740993n,
      nested: '{"a":[0]}',
    })
    expect(first['prompt_emb_idx']).not.toBe(99n)
    expect(kept.find(({ id }) => id === 110n)).toMatchObject({ late: 110 / 3 })
    expect(result.notes.join('\n')).toMatch(/made anew[^]*u_id_original[^]*nested/)
  })

  test('a Parquet file comes out different from the same rows as JSON Lines', async () => {
    const folder = temporaryFolder()
    const data = questions(30)
    writeFileSync(join(folder, 'raw.parquet'), parquet(data, 7))
    const fromParquet = await splitPairs(task(folder, { input: join(folder, 'raw.parquet') }))
    const fromJson = await run(data)
    for (const [i, { file }] of fromParquet.splits.entries())
      expect(readFileSync(file, 'utf8')).toBe(readFileSync(fromJson.result.splits[i]!.file, 'utf8'))
  })

  test('the configuration that is written cannot be read, or an earlier data set is overwritten', async () => {
    const { folder, result } = await run(questions(30), { format: 'parquet' })
    const config = dataFileSchema.parse(load(readFileSync(join(folder, 'data_configs.yaml'), 'utf8')))
    expect(config['made']).toMatchObject({
      dts_path: '.',
      train: { df_file: 'df_train.parquet', text_file: 'texts.json' },
    })
    expect(existsSync(result.splits[0]!.file)).toBe(true)
    await expect(splitPairs(task(join(folder, '..'), {}))).rejects.toMatchObject({ code: 'usage' })
  })

  test.for<[Partial<SplitTask>, RegExp]>([
    [{ by: ['qidd'] }, /no column "qidd".*Did you mean "qid"/],
    [{ test: 200 }, /leave none of 120 pairs/],
    [{ by: ['user'], unseen: 4 }, /nobody is left/],
    [{ by: ['user'], unseen: 0 }, /--unseen is 0/],
    [{ by: ['qid', 'u_id'], user: 'id' }, /1 group by qid, u_id cannot fill 3 splits/],
  ])('%o is carried out all the same', async ([change, message]) => {
    await expect(run(questions(30), change)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringMatching(message),
    })
  })
})

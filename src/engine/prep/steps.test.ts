import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SPLIT_NAMES } from '../../shared/domain/dataset'
import { dataFixture, jsonl, temporaryFolder, writeData, type Row, type SplitFixture } from '../data/dataFixture'
import { readBow, readVocabulary } from '../data/bow'
import { prepareDataset } from '../data/prepare'
import { pythonWith, runPython } from '../testing/python'
import { bagOfWords } from './bagOfWords'
import { dedupePairs } from './dedupePairs'
import { indexTexts } from './indexTexts'
import { pairStats } from './pairStats'
import { previewPairs } from './previewPairs'
import { addUserFeatures } from './userFeatures'

function file(rows: readonly unknown[], name = 'pairs.jsonl'): string {
  const path = join(temporaryFolder(), name)
  writeFileSync(path, jsonl(rows))
  return path
}

const lines = (path: string): Row[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))

const judgement = fc.record({
  u_id: fc.integer({ min: 0, max: 3 }),
  prompt: fc.constantFrom('p', 'q'),
  chosen: fc.constantFrom('a', 'bb', 'ccc'),
  rejected: fc.constantFrom('a', 'bb', 'ccc'),
})

describe('statistics', () => {
  test('the ceiling without users is not the best of all predictors of the questions', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(judgement, { minLength: 1, maxLength: 25 }), async (rows) => {
        const { splits } = await pairStats({
          task: 'stats',
          splits: [{ split: 'train', file: file(rows) }],
          user: 'u_id',
          topic: 'topic',
        })
        // Every function from questions to an answer, by brute force over at most 2^6 of them.
        const keys = [...new Set(rows.map((r) => [r.prompt, ...[r.chosen, r.rejected].sort()].join('|')))]
        let best = 0
        for (let choice = 0; choice < 2 ** keys.length; choice++) {
          const right = rows.filter((r) => {
            if (r.chosen === r.rejected) return false
            const at = keys.indexOf([r.prompt, ...[r.chosen, r.rejected].sort()].join('|'))
            return ((choice >> at) & 1) === Number(r.chosen > r.rejected)
          }).length
          best = Math.max(best, right)
        }
        expect(splits[0]!.userBlindCeiling).toBeCloseTo(best / rows.length, 12)
        const reversed = rows.filter(
          (r) =>
            r.chosen !== r.rejected &&
            rows.some((o) => o.prompt === r.prompt && o.chosen === r.rejected && o.rejected === r.chosen),
        ).length
        expect(splits[0]!.reversed).toBeCloseTo(reversed / rows.length, 12)
        const key = (r: (typeof rows)[number]): string => Object.values(r).join('|')
        expect(splits[0]!.duplicates).toBe(rows.length - new Set(rows.map(key)).size)
      }),
      { numRuns: 60 },
    )
  })

  test('users, lengths, topics or what splits share are counted wrongly', async () => {
    const row = (u_id: number, prompt: string, chosen: string, rejected: string, topic = 'x'): Row => ({
      u_id,
      prompt,
      chosen,
      rejected,
      topic,
    })
    const train = [row(1, 'p', 'aaaa', 'bb'), row(1, 'q', 'aaaa', 'c', 'y'), row(2, 'p', 'bb', 'aaaa')]
    const test_ = [row(1, 'p', 'bb', 'aaaa'), row(3, 'z', 'd', 'ee'), { u_id: null }]
    const { splits, overlaps } = await pairStats({
      task: 'stats',
      splits: [
        { split: 'train', file: file(train) },
        { split: 'test', file: file(test_) },
      ],
      user: 'u_id',
      topic: 'topic',
    })
    expect(splits[0]).toMatchObject({
      pairs: 3,
      users: 2,
      prompts: 2,
      answers: 3,
      texts: 5,
      chosenLonger: 2 / 3,
      topics: [
        { topic: 'x', pairs: 2 },
        { topic: 'y', pairs: 1 },
      ],
      pairsPerUser: { min: 1, median: 1.5, mean: 1.5, max: 2 },
      lengths: { chosen: { mean: 10 / 3, median: 4, p95: 4, max: 4 } },
      reversed: 2 / 3,
      userBlindCeiling: 2 / 3,
    })
    expect(splits[0]!.pairsPerUser.histogram).toEqual([
      { from: 1, to: 1, users: 1 },
      { from: 2, to: 3, users: 1 },
    ])
    expect(splits[1]).toMatchObject({ pairs: 2, unusable: 1 })
    expect(overlaps).toEqual([
      { splits: ['train', 'test'], users: 1, prompts: 1, answers: 2, rowsWithSharedText: 1, samePairs: 1, groups: {} },
    ])
  })
})

describe('dedupe', () => {
  test('a repetition stays, or anything else goes, or what goes is not written down', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(judgement, { minLength: 1, maxLength: 30 }), fc.boolean(), async (data, drop) => {
        const rows = data.map((row, n) => ({ n, ...row }))
        const input = file(rows)
        const result = await dedupePairs({
          task: 'dedupe',
          input,
          output: `${input}.out.jsonl`,
          droppedFile: `${input}.dropped`,
          format: 'jsonl',
          user: 'u_id',
          conflicts: drop ? 'drop' : 'keep',
        })
        const key = ({ u_id, prompt, chosen, rejected }: (typeof rows)[number]): string =>
          [u_id, prompt, chosen, rejected].join('|')
        const flipped = (row: (typeof rows)[number]): string =>
          key({ ...row, chosen: row.rejected, rejected: row.chosen })
        const keys = new Set(rows.map(key))
        const firsts = rows.filter((row, i) => rows.findIndex((other) => key(other) === key(row)) === i)
        const conflicting = (row: (typeof rows)[number]): boolean =>
          row.chosen !== row.rejected && keys.has(flipped(row))
        const expected = firsts.filter((row) => !drop || !conflicting(row))
        expect(lines(`${input}.out.jsonl`)).toEqual(expected)
        expect(result).toMatchObject({
          kept: expected.length,
          duplicates: rows.length - firsts.length,
          conflictingRows: firsts.filter(conflicting).length,
        })
        const told = result.droppedFile === null ? [] : lines(result.droppedFile)
        const lost = told.filter((line) => line['dropped'] === true).map((line) => Number(line['row']))
        expect([...lost, ...expected.map(({ n }) => n)].sort((a, b) => a - b)).toEqual(rows.map(({ n }) => n))
      }),
      { numRuns: 40 },
    )
  })
})

describe('user features', () => {
  const people = (rows: Row[]): Row[] => rows.map((row) => ({ prompt: 'p', chosen: 'a', rejected: 'b', ...row }))
  const task = (train: Row[], others: Row[], change: object = {}) => ({
    task: 'features' as const,
    data: [
      { split: 'train' as const, file: file(people(train)) },
      { split: 'test' as const, file: file(people(others)) },
    ],
    user: 'u_id',
    oneHot: ['job'],
    scale: ['age'],
    scaling: 'standard' as const,
    prefix: 'user_',
    maxCategories: 10,
    ...change,
  })

  test('a user with many rows weighs more, test is fitted on, or a gap passes for a value', async () => {
    const given = task(
      [
        { u_id: 1, job: 'A b', age: 20 },
        { u_id: 1, job: 'A b', age: 20 },
        { u_id: 1, job: 'A b', age: 20 },
        { u_id: 2, job: 'A-b', age: 40 },
        { u_id: 3, job: null, age: null },
      ],
      [
        { u_id: 4, job: 'cook', age: 1000 },
        { u_id: 5, job: 'A b', age: 30 },
      ],
    )
    const result = await addUserFeatures(given)
    expect(result).toMatchObject({
      prefixes: ['user_job__', 'user_age__'],
      features: [
        { kind: 'one_hot', missingColumn: 'user_job__missing', unknownRows: 1 },
        { kind: 'scaled', shift: 30, scale: 10, missingColumn: 'user_age__missing' },
      ],
    })
    const [train, tested] = given.data.map((each) => lines(each.file))
    const pick = (row: Row): Row => Object.fromEntries(Object.entries(row).filter(([name]) => name.includes('__')))
    expect(train!.map(pick)[0]).toEqual({
      user_job__A_b: 1,
      'user_job__A-b': 0,
      user_job__missing: 0,
      user_age__scaled: -1,
      user_age__missing: 0,
    })
    expect(train!.map(pick)[4]).toEqual({
      user_job__A_b: 0,
      'user_job__A-b': 0,
      user_job__missing: 1,
      user_age__scaled: 0,
      user_age__missing: 1,
    })
    expect(tested![0]).toMatchObject({ job: 'cook', user_job__A_b: 0, 'user_job__A-b': 0, user_age__scaled: 97 })
    await expect(addUserFeatures(given)).rejects.toMatchObject({ message: expect.stringContaining('already have') })
  })

  test('categories that read alike share a column, or an unfit column is taken', async () => {
    const rows = [
      { u_id: 1, job: 'a b', age: 1 },
      { u_id: 2, job: 'a_b', age: 1 },
      { u_id: 3, job: 'missing', age: 1 },
    ]
    const { features } = await addUserFeatures(task(rows, rows, { scale: [] }))
    const [jobs] = features
    expect(jobs?.kind === 'one_hot' && jobs.categories.map(({ column }) => column)).toEqual([
      'user_job__a_b',
      'user_job__a_b_2',
      'user_job__missing_value',
    ])
    await expect(addUserFeatures(task(rows, rows, { maxCategories: 2 }))).rejects.toThrow(/3 different values/)
    await expect(addUserFeatures(task(rows, rows, { scale: ['job'], oneHot: [] }))).rejects.toThrow(/no finite number/)
    const constant = await addUserFeatures(task(rows, rows, { oneHot: [] }))
    expect(constant.features[0]).toMatchObject({ shift: 1, scale: 1 })
  })

  test('the new columns are not the features that training finds', async () => {
    const fixture = dataFixture()
    for (const split of SPLIT_NAMES)
      for (const row of fixture[split].rows) row['job'] = Number(row['u_id']) % 2 === 0 ? 'even' : 'odd'
    const data = await writeData(fixture)
    const { prefixes } = await addUserFeatures({
      task: 'features',
      data: SPLIT_NAMES.map((split) => ({ split, file: data[split]!.df_file })),
      user: 'u_id',
      oneHot: ['job'],
      scale: [],
      scaling: 'standard',
      prefix: '',
      maxCategories: 5,
    })
    const { dataset } = await prepareDataset({ ...data, prefix_columns: prefixes })
    expect(dataset?.featureColumns).toEqual(['job__even', 'job__odd'])
    expect([...dataset!.splits.train.features!.slice(0, 2)]).toEqual([0, 1])
  })
})

describe('bags of words', () => {
  test('a word of test gets into the vocabulary, or a limit is not kept', async () => {
    const data = await bowData()
    const result = await bagOfWords(bowTask(data))
    expect(await readVocabulary(bowTask(data).vocabFile)).toEqual(['cat', 'dog', 'über'])
    expect(result.leftOut).toEqual({ stopWords: 2, rare: 1, frequent: 1, beyondLimit: 0 })
    const bow = await readBow(bowTask(data).files[0]!.bowFile, { rows: 6, words: 3 })
    expect([...bow.offsets]).toEqual([0, 0, 2, 3, 5, 6, 6])
    expect([...bow.indices]).toEqual([0, 1, 1, 0, 2, 2])
    expect([...bow.counts]).toEqual([2, 1, 1, 1, 1, 1])
    const few = await bagOfWords({ ...bowTask(data), maxWords: 1 })
    expect(few).toMatchObject({ words: 1, leftOut: { beyondLimit: 2 } })
    await expect(bagOfWords({ ...bowTask(data), minDf: 9 })).rejects.toMatchObject({ code: 'config_invalid' })
  })

  const python = pythonWith('scipy', 'numpy')
  test.skipIf(!python)('SciPy cannot read the counts (needs $DELTA_PYTHON with SciPy)', async () => {
    const data = await bowData()
    await bagOfWords(bowTask(data))
    const dense = runPython(
      python!,
      'import sys, json, scipy.sparse as s; m = s.load_npz(sys.argv[1]); print(json.dumps([m.format, m.has_canonical_format, m.toarray().tolist()]))',
      bowTask(data).files[0]!.bowFile,
    )
    expect(dense).toEqual([
      'csr',
      true,
      [
        [0, 0, 0],
        [2, 1, 0],
        [0, 1, 0],
        [1, 0, 1],
        [0, 0, 1],
        [0, 0, 0],
      ],
    ])
  })

  async function bowData() {
    const texts = ['all the', 'Cat, cat & dog all', 'dog all rare', 'ÜBER cat all', 'über it all', 'test test']
    const split = (rows: number[][]): SplitFixture => ({
      texts,
      vectors: texts.map(() => [0]),
      rows: rows.map(([prompt, chosen, rejected]) => ({
        u_id: 1,
        prompt: texts[prompt!],
        chosen: texts[chosen!],
        rejected: texts[rejected!],
      })),
    })
    return writeData({
      train: split([
        [0, 1, 2],
        [0, 3, 4],
        [0, 1, 4],
      ]),
      test: split([[0, 5, 1]]),
    })
  }

  const bowTask = (data: Awaited<ReturnType<typeof bowData>>) => ({
    task: 'bow' as const,
    data,
    files: [{ textFile: data.train.text_file, bowFile: `${data.train.text_file}.npz` }],
    vocabFile: `${data.train.text_file}.vocab.txt`,
    minDf: 2,
    maxDf: 0.9,
    maxWords: 100,
    minLetters: 3,
    stopWords: ['THE', 'it'],
  })
})

describe('index columns', () => {
  test('a missing text file is not made, or indices point at other texts', async () => {
    const fixture = dataFixture()
    for (const split of SPLIT_NAMES)
      for (const row of fixture[split].rows)
        for (const column of ['prompt', 'chosen', 'rejected']) delete row[`${column}_emb_idx`]
    const data = await writeData(fixture)
    const shared = join(data.dts_path, 'all_texts.json')
    const changed = { ...data }
    for (const split of SPLIT_NAMES) changed[split] = { ...data[split]!, text_file: shared }
    const result = await indexTexts({ task: 'index', data: changed })
    expect(result).toEqual({
      task: 'index',
      textFiles: [{ file: shared, texts: 20, made: true }],
      indexed: SPLIT_NAMES.map((split) => data[split]!.df_file),
    })
    const texts: string[] = JSON.parse(readFileSync(shared, 'utf8'))
    for (const split of SPLIT_NAMES)
      for (const row of lines(data[split]!.df_file)) expect(texts[Number(row['chosen_emb_idx'])]).toBe(row['chosen'])
    expect(await indexTexts({ task: 'index', data: changed })).toMatchObject({ indexed: [] })
  })

  test('a text that the text file lacks is passed over', async () => {
    const fixture = dataFixture()
    for (const row of fixture.train.rows) for (const c of ['prompt', 'chosen', 'rejected']) delete row[`${c}_emb_idx`]
    fixture.train.rows[3]!['chosen'] = 'unheard of'
    const data = await writeData({ train: fixture.train })
    await expect(indexTexts({ task: 'index', data })).rejects.toMatchObject({
      code: 'data_invalid',
      details: { file: data.train.df_file, row: 3, column: 'chosen' },
    })
  })
})

describe('preview', () => {
  test('columns are guessed from one row, or gaps and broken lines are not told', async () => {
    const path = file([
      { a: 1, b: 'x' },
      { a: 2.5, b: null, late: [1] },
    ])
    writeFileSync(path, `${readFileSync(path, 'utf8')}broken\n`)
    expect(await previewPairs({ task: 'preview', input: path, rows: 1 })).toEqual({
      task: 'preview',
      format: 'jsonl',
      totalRows: 2,
      sampledRows: 2,
      columns: [
        { name: 'a', type: 'number', missing: 0, distinct: 2, example: '1' },
        { name: 'b', type: 'text', missing: 1, distinct: 1, example: 'x' },
        { name: 'late', type: 'json', missing: 1, distinct: 1, example: '[1]' },
      ],
      rows: [{ a: 1, b: 'x' }],
      malformed: 1,
    })
  })
})

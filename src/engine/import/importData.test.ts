import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ImportOptions, ImportReason, ImportResult } from '../../shared/domain/importing'
import { jsonl, parquet, temporaryFolder } from '../data/dataFixture'
import { readTexts } from '../data/texts'
import { validateData } from '../data/validate'
import { writeNpy } from '../data/npy'
import { importData } from './importData'

type Row = Record<string, unknown>

interface Imported {
  result: ImportResult
  rows: Row[]
  texts: string[]
  reasons: Partial<Record<ImportReason, number>>
}

/** Writes the sources into a folder of the test's own, imports them and reads back what came of it. */
async function run(
  files: Record<string, string | Uint8Array>,
  options: Partial<Omit<ImportOptions, 'inputs' | 'survey'>> & Pick<ImportOptions, 'format'> & { survey?: string },
): Promise<Imported> {
  const folder = temporaryFolder()
  for (const [name, content] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), content)
  const { survey, ...rest } = options
  const result = await importData(
    {
      columns: {},
      context: 'full',
      min_gap: 0,
      output: path.join(folder, 'out'),
      ...rest,
      inputs: Object.keys(files)
        .filter((name) => name !== survey)
        .map((name) => path.join(folder, name)),
      ...(survey !== undefined && { survey: path.join(folder, survey) }),
    },
    () => {},
  )
  const rows = fs
    .readFileSync(result.df_file, 'utf8')
    .trim()
    .split('\n')
    .map((line): Row => JSON.parse(line))
  const texts: string[] = []
  await readTexts(result.text_file, (text) => texts.push(text))
  const reasons = Object.fromEntries(result.notes.map(({ reason, count }) => [reason, count]))
  expect(result).toMatchObject({ pairs: rows.length, texts: texts.length })
  expect(new Set(texts).size).toBe(texts.length)
  expect(new Set(rows.map((row) => row['id'])).size).toBe(rows.length)
  for (const row of rows) for (const name of ['prompt', 'chosen', 'rejected']) expect(texts).toContain(row[name])
  return { result, rows, texts, reasons }
}

const pairsOf = (rows: readonly Row[]): unknown[][] =>
  rows.map(({ u_id, prompt, chosen, rejected }) => [u_id, prompt, chosen, rejected])

/** The shape of PRISM's conversations.jsonl and survey.jsonl, by its data card; the people are invented. */
const message = (turn: number, content: string, score?: number, if_chosen?: boolean, model_name = 'm'): Row =>
  score === undefined
    ? { turn, role: 'user', content }
    : { turn, role: 'model', content, model_name, score, if_chosen, within_turn_id: 0 }
const conversations: Row[] = [
  {
    conversation_id: 'c0',
    user_id: 'user0',
    conversation_type: 'unguided',
    opening_prompt: 'Tea?',
    conversation_turns: 2,
    conversation_history: [
      message(0, 'Tea?'),
      message(0, 'Green tea.', 80, true, 'm1'),
      message(0, 'Black tea.', 30, false, 'm2'),
      message(0, 'No.', 80, false, 'm3'),
      message(1, 'Why?'),
      message(1, 'It is fresh.', 60, true, 'm1'),
      message(1, 'It is green.', 50, false, 'm1'),
    ],
    included_in_balanced_subset: true,
  },
  {
    conversation_id: 'c1',
    user_id: 'user1',
    conversation_history: [message(0, 'Rain?'), message(0, 'Yes.', 10, false), message(0, 'No.', 5, false)],
  },
  { conversation_id: 'c2', user_id: null, conversation_history: [] },
]
const survey: Row[] = [
  {
    user_id: 'user0',
    age: '25-34 years old',
    gender: 'Female',
    education: 'University Bachelors Degree',
    employment_status: 'Working full-time',
    marital_status: 'Never been married',
    english_proficiency: 'Fluent',
    order_stated_prefs: { values: 1, creativity: 2, fluency: 3, factuality: 4, safety: null },
  },
  { user_id: 'user7', age: '18-24 years old', gender: null, order_stated_prefs: {} },
]

describe('PRISM', () => {
  const files = { 'conversations.jsonl': jsonl(conversations), 'survey.jsonl': jsonl(survey) }

  test('a chosen reply is not preferred to every other, or a later turn forgets the conversation', async () => {
    const { rows, reasons } = await run(files, { format: 'prism', survey: 'survey.jsonl' })
    const before = 'User: Tea?\n\nAssistant: Green tea.\n\nUser: Why?'
    expect(pairsOf(rows)).toEqual([
      ['user0', 'Tea?', 'Green tea.', 'Black tea.'],
      ['user0', 'Tea?', 'Green tea.', 'No.'],
      ['user0', before, 'It is fresh.', 'It is green.'],
    ])
    expect(rows.map(({ id }) => id)).toEqual(['c0/0/0', 'c0/0/1', 'c0/1'])
    expect(rows[0]).toMatchObject({
      conversation_type: 'unguided',
      included_in_balanced_subset: true,
      chosen_score: 80,
      chosen_model_name: 'm1',
      rejected_score: 30,
      rejected_model_name: 'm2',
      turn: 0,
    })
    expect(reasons).toEqual({ no_user: 1, no_choice: 1 })
  })

  test('the survey is not one-hot, or a missing answer looks like a no', async () => {
    const { rows, result } = await run(files, { format: 'prism', survey: 'survey.jsonl' })
    expect(rows[0]).toMatchObject({
      preference__values: 1,
      preference__creativity: 1,
      preference__fluency: 1,
      preference__missing: 0,
      'age__25-34 years old': 1,
      'age__18-24 years old': 0,
      gender__Female: 1,
      gender__missing: 0,
      english_proficiency__Fluent: 1,
    })
    expect(rows[0]).not.toHaveProperty('preference__factuality')
    expect(result.feature_columns).toContain('gender__missing')
    for (const row of rows) for (const name of result.feature_columns) expect([0, 1]).toContain(row[name])
  })

  test('a person whom the survey does not know is left out, or looks like one who answered', async () => {
    const known = conversations[0]!
    const { rows, reasons } = await run(
      { 'c.jsonl': jsonl([{ ...known, user_id: 'stranger' }, known]), 'survey.jsonl': jsonl(survey) },
      { format: 'prism', survey: 'survey.jsonl', context: 'last' },
    )
    expect(reasons).toMatchObject({ no_profile: 1 })
    expect(rows[0]).toMatchObject({ u_id: 'stranger', age__missing: 1, gender__Female: 0 })
    // The same conversation twice: ids stay distinct, which run() checks, and the second turn is its last message.
    expect(reasons.id_repeated).toBe(3)
    expect(rows[2]?.['prompt']).toBe('Why?')
  })

  test('equal scores give a pair, or scores are not in order', async () => {
    const { rows, reasons } = await run({ 'c.jsonl': jsonl(conversations) }, { format: 'prism', pairs: 'all' })
    expect(pairsOf(rows).map(([, , chosen, rejected]) => [chosen, rejected])).toEqual([
      ['Green tea.', 'Black tea.'],
      ['No.', 'Black tea.'],
      ['It is fresh.', 'It is green.'],
      ['Yes.', 'No.'],
    ])
    expect(reasons.tie).toBe(1)
  })
})

describe('Personalized Soups', () => {
  test("reward data loses its preference, which stands in the file's name", async () => {
    const row = {
      user_input: 'Explain rain.',
      completion_a: 'Drops fall.',
      completion_b: 'Precipitation occurs.',
      n: 3,
    }
    const { rows } = await run({ 'rm_P1A.json': JSON.stringify([row], null, 2) }, { format: 'psoups' })
    expect(pairsOf(rows)).toEqual([['P1A', 'Explain rain.', 'Drops fall.', 'Precipitation occurs.']])
    expect(rows[0]).toMatchObject({ n: 3 })
  })

  test('annotations are read as if the first output were always preferred', async () => {
    const base = { instruction: 'Sum up.', input: 'A text.', output_1: 'one', output_2: 'two', who: 'P2B' }
    const { rows, reasons } = await run(
      { 'all.json': JSON.stringify([1, 2, 0, 'x', 1].map((preference) => ({ ...base, preference }))) },
      { format: 'psoups', columns: { user: 'who' } },
    )
    expect(pairsOf(rows)).toEqual([
      ['P2B', 'Sum up.\n\nA text.', 'one', 'two'],
      ['P2B', 'Sum up.\n\nA text.', 'two', 'one'],
      ['P2B', 'Sum up.\n\nA text.', 'one', 'two'],
    ])
    expect(reasons).toEqual({ tie: 1, bad_value: 1 })
  })

  test('everybody is one user where nothing says whose preference it is', async () => {
    await expect(
      run({ 'all.json': '[{"user_input":"a","completion_a":"b"}]' }, { format: 'psoups' }),
    ).rejects.toMatchObject({ code: 'data_invalid', details: { fix: expect.stringContaining('--user') } })
  })
})

describe('LoRe', () => {
  const prepared = {
    data_source: 'prism',
    prompt: [
      { role: 'user', content: 'Tea?' },
      { role: 'assistant', content: 'Yes.' },
      { role: 'user', content: 'Why?' },
    ],
    extra_info: {
      user_id: 'u1',
      seen: true,
      turn_nb: 1,
      chosen_utterance: 'fresh',
      rejected_utterance: ['green', 'old'],
    },
  }

  test.each([
    ['x.jsonl', jsonl([prepared])],
    ['x.json', JSON.stringify([prepared])],
  ])('what its preparation writes gives no pair for each rejected answer: %s', async (name, content) => {
    const { rows } = await run({ [name]: content }, { format: 'lore' })
    const prompt = 'User: Tea?\n\nAssistant: Yes.\n\nUser: Why?'
    expect(pairsOf(rows)).toEqual([
      ['u1', prompt, 'fresh', 'green'],
      ['u1', prompt, 'fresh', 'old'],
    ])
    expect(rows[0]).toMatchObject({ data_source: 'prism', seen: true, turn_nb: 1 })
  })

  test('a comparison of summaries is read without its choice', async () => {
    const row = (choice: unknown) => ({
      info: { id: 't3', post: 'A long post.', subreddit: 'tea' },
      summaries: [
        { text: 'first', policy: 'p' },
        { text: 'second', policy: 'q' },
      ],
      choice,
      worker: 'w9',
      split: 'train',
    })
    const { rows, reasons } = await run({ 'c.jsonl': jsonl([row(1), row(0), row(null)]) }, { format: 'lore' })
    expect(pairsOf(rows)).toEqual([
      ['w9', 'A long post.', 'second', 'first'],
      ['w9', 'A long post.', 'first', 'second'],
    ])
    expect(rows[0]).toMatchObject({ info_subreddit: 'tea', split: 'train' })
    expect(reasons).toEqual({ no_choice: 1 })
  })
})

describe('generic sources', () => {
  const row = { user: 'ann', question: 'Q?', topic: 'tea' }

  test.each([
    ['JSON Lines', 'p.jsonl', jsonl([{ ...row, preferred: 'a', rejected: 'b' }])],
    ['a JSON array', 'p.json', `\ufeff[ ${JSON.stringify({ ...row, preferred: 'a', rejected: 'b' })} ]`],
    ['CSV', 'p.csv', '\ufeffuser,question,topic,preferred,rejected\r\nann,Q?,tea,a,b\r\n'],
    ['CSV with semicolons', 'p.csv', 'user;question;topic;preferred;rejected\nann;"Q?";tea;a;b'],
    ['Parquet', 'p.parquet', parquet([{ ...row, preferred: 'a', rejected: 'b' }])],
  ])('pairs in %s cannot be read, or lose a column', async (_, name, content) => {
    const { rows, result } = await run({ [name]: content }, { format: 'pairs' })
    expect(rows).toEqual([{ u_id: 'ann', id: 0, prompt: 'Q?', chosen: 'a', rejected: 'b', topic: 'tea' }])
    expect(result.notes).toEqual([])
    expect(result.metadata_columns).toEqual(['topic'])
  })

  test('a list best first does not give every pair, or the best alone', async () => {
    const list = { 'r.jsonl': jsonl([{ ...row, answers: ['a', 'b', 'c'], id: 7 }]) }
    const all = await run(list, { format: 'ranked' })
    expect(pairsOf(all.rows).map((pair) => pair.slice(2).join('>'))).toEqual(['a>b', 'a>c', 'b>c'])
    expect(all.rows.map(({ id }) => id)).toEqual(['7/0', '7/1', '7/2'])
    const best = await run(list, { format: 'ranked', pairs: 'best' })
    expect(pairsOf(best.rows).map((pair) => pair.slice(2).join('>'))).toEqual(['a>b', 'a>c'])
    const ranks = await run(
      { 'r.csv': 'user,question,answers,ranks\nann,Q?,"[""a"",""b"",""c""]","[2,1,2]"\n' },
      { format: 'ranked' },
    )
    expect(pairsOf(ranks.rows).map((pair) => pair.slice(2).join('>'))).toEqual(['b>a', 'b>c'])
    expect(ranks.reasons).toEqual({ tie: 1 })
  })

  test('ratings a row each are not put together, or a small gap is no tie', async () => {
    const long = [
      'ann,Q?,a,5',
      'bob,Q?,a,1',
      'ann,Q?,b,3',
      'bob,Q?,b,2',
      'ann,Q?,c,4.5',
      'ann,Q?,a,1',
      'ann,R?,a,1',
      'ann,Q?,d,many',
    ]
    const { rows, reasons } = await run(
      { 'r.csv': `user,question,answer,rating\n${long.join('\n')}\n` },
      { format: 'ratings', min_gap: 1 },
    )
    expect(pairsOf(rows)).toEqual([
      ['ann', 'Q?', 'a', 'b'],
      ['ann', 'Q?', 'c', 'b'],
      ['bob', 'Q?', 'b', 'a'],
    ])
    expect(reasons).toEqual({ tie: 1, repeated_answer: 1, too_few_answers: 1, bad_value: 1 })
    const wide = await run(
      { 'r.jsonl': jsonl([{ ...row, answers: ['a', 'b'], ratings: [1, 2] }]) },
      { format: 'ratings' },
    )
    expect(pairsOf(wide.rows)).toEqual([['ann', 'Q?', 'b', 'a']])
  })

  test('the best of n is one of the others, or a wrong place is ignored', async () => {
    const answers = ['a', 'b', 'c']
    const { rows, reasons } = await run(
      {
        'b.jsonl': jsonl([
          { ...row, answers, best: 1 },
          { ...row, answers, best: 'c' },
          { ...row, answers, best: 3 },
        ]),
      },
      { format: 'best_of_n' },
    )
    expect(pairsOf(rows).map((pair) => pair.slice(2).join('>'))).toEqual(['b>a', 'b>c', 'c>a', 'c>b'])
    expect(reasons).toEqual({ no_choice: 1 })
  })

  test('a vote goes to the wrong answer, or an object of votes to one person', async () => {
    const vote = (value: unknown) => ({ ...row, answer_a: 'x', answer_b: 'y', vote: value })
    const { rows, reasons } = await run(
      { 'v.jsonl': jsonl([vote('a'), vote('model_b'), vote('tie'), vote('?'), vote({ p: 'a', q: 'b' })]) },
      { format: 'votes' },
    )
    expect(pairsOf(rows)).toEqual([
      ['ann', 'Q?', 'x', 'y'],
      ['ann', 'Q?', 'y', 'x'],
      ['p', 'Q?', 'x', 'y'],
      ['q', 'Q?', 'y', 'x'],
    ])
    expect(reasons).toEqual({ tie: 1, bad_value: 1 })
  })

  test('a column that is named like one of ours is lost, or takes its place', async () => {
    const { rows, reasons } = await run(
      { 'p.jsonl': jsonl([{ person: 'ann', prompt: 'Q?', chosen: 'a', rejected: 'b', u_id: 5, prompt_emb_idx: 9 }]) },
      { format: 'pairs', columns: { user: 'person' } },
    )
    expect(rows[0]).toMatchObject({ u_id: 'ann', source_u_id: 5, source_prompt_emb_idx: 9 })
    expect(reasons).toEqual({ column_renamed: 2 })
  })

  test('what is left out is not counted with its place', async () => {
    const good = { user: 'ann', prompt: 'Q?', chosen: 'a', rejected: 'b' }
    const lines = [
      good,
      { ...good, user: ' ' },
      { ...good, prompt: 3 },
      { ...good, chosen: '' },
      { ...good, rejected: 'a' },
    ]
    const { result } = await run({ 'p.jsonl': `${jsonl(lines)}{"user":\n[1]\n` }, { format: 'pairs' })
    expect(result).toMatchObject({ rows: 7, pairs: 1 })
    // A piece of the file is cut into rows before any of them is read, hence the order.
    expect(result.notes.map(({ reason, count, row, line }) => [reason, count, row, line])).toEqual([
      ['malformed', 2, 5, 6],
      ['no_user', 1, 1, 2],
      ['no_prompt', 1, 2, 3],
      ['no_answer', 1, 3, 4],
      ['same_text', 1, 4, 5],
    ])
  })

  test('a source of another format becomes an empty data set', async () => {
    const files = { 'p.jsonl': jsonl([{ user: 'ann', prompt: '', chosen: 'a', rejected: 'b' }]) }
    await expect(run(files, { format: 'pairs' })).rejects.toMatchObject({
      code: 'data_invalid',
      details: { findings: [expect.stringContaining('p.jsonl:1')] },
    })
    await expect(run(files, { format: 'votes' })).rejects.toMatchObject({
      message: expect.stringContaining('answer a'),
      details: { fix: expect.stringContaining('--answer_a') },
    })
    await expect(run(files, { format: 'pairs', columns: { chosen: 'chosn' } })).rejects.toMatchObject({
      message: expect.stringContaining('Did you mean'),
    })
  })
})

test('a value that is nested 20,000 deep ends the import with a stack overflow', async () => {
  const row = '{"user":"ann","prompt":"Q?","chosen":"a","rejected":"b"'
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
  const { reasons } = await run({ 'p.jsonl': `${row}}\n${row},"x":${deep}}\n` }, { format: 'pairs' })
  expect(reasons).toEqual({ malformed: 1 })
})

test('what was imported is not what validation reads', async () => {
  const { result } = await run(
    { 'c.jsonl': jsonl(conversations), 'survey.jsonl': jsonl(survey) },
    { format: 'prism', survey: 'survey.jsonl' },
  )
  const emb_file = path.join(result.dir, 'emb.npy')
  await writeNpy(emb_file, new Float32Array(result.texts * 2).fill(1), [result.texts, 2])
  const report = await validateData({
    dts_name: 'imported',
    dts_path: result.dir,
    prefix_columns: result.prefix_columns,
    train: { df_file: result.df_file, text_file: result.text_file, emb_file },
  })
  expect(report.problems).toEqual([])
  expect(report.splits[0]).toMatchObject({ pairs: 3, users: 1, featureColumns: result.feature_columns })
})

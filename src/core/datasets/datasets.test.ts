import fs from 'node:fs'
import path from 'node:path'
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { yaml } from '../../../fuzz/seeds'
import type { AppEvent } from '../../shared/api/events'
import { createCore, type Core } from '../createCore'
import { childProcessSpawner } from '../engine/childProcessSpawner'
import { ENGINE, buildCli, workspace } from '../testing/workspace'

let cwd: string
let core: Core
let events: AppEvent[]
beforeAll(() => buildCli())
beforeEach(() => {
  const folder = workspace()
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  cwd = folder
  core = open()
})

function open(): Core {
  events = []
  const opened = createCore({
    logDir: path.join(cwd, 'logs'),
    dataDir: path.join(cwd, 'home'),
    spawner: childProcessSpawner(ENGINE),
    roots: { cwd, installed: cwd },
    browse: [path.join(cwd, 'data'), path.join(cwd, 'picked')],
  })
  opened.subscribe((event) => events.push(event))
  onTestFinished(() => opened.close())
  return opened
}

async function ask(route: string, input: unknown): Promise<Record<string, never>> {
  const reply = await core.request(route, input)
  if (!reply.ok)
    throw new Error(`${reply.error.code}: ${reply.error.message} ${(reply.error.details.findings ?? []).join('; ')}`)
  return Object(reply.data)
}

interface Listed {
  key: string
  name: string
  file: string
  source: string
  state: string
  error?: { message: string }
  checked: unknown
  work: unknown[]
}
const list = async (): Promise<Listed[]> => Object(await ask('datasets.list', {})).datasets
const keyOf = async (name: string): Promise<string> => (await list()).find((one) => one.name === name)?.key ?? ''
const write = (name: string, content: string | Uint8Array): string => {
  const file = path.join(cwd, 'picked', name)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, content)
  return file
}

describe('the list', () => {
  test('hostile configurations break it, or hide behind an empty line', async () => {
    for (const [i, content] of yaml.entries()) {
      const file = write(`hostile-${i}.yaml`, content)
      const reply = await core.request('datasets.register', { paths: [file] })
      if (reply.ok) continue
      expect(reply.error.message, file).not.toBe('')
      expect(reply.error.code).toMatch(/config_invalid|unreadable/)
    }
    for (const one of await list())
      if (one.source === 'registered') expect(one.state === 'broken' ? one.error?.message : 'x').toBeTruthy()
  })

  test('two data sets of one name cannot be told apart', async () => {
    const files = '{ df_file: train.jsonl, text_file: texts.json, emb_file: emb.npy }'
    for (const at of ['a/data.yaml', 'b/data.yaml']) write(at, `small:\n  dts_path: ../../data\n  train: ${files}\n`)
    await ask('datasets.register', { paths: [path.join(cwd, 'picked', 'a'), path.join(cwd, 'picked', 'b')] })
    const named = (await list()).filter(({ name }) => name === 'small')
    expect(named.map(({ source }) => source)).toEqual(['bundled', 'registered', 'registered'])
    expect(new Set(named.map(({ key }) => key)).size).toBe(3)
  })

  test('a registered file is forgotten at the next start, or shown as sound when it is gone', async () => {
    const file = write('mine.yaml', 'mine:\n  dts_path: ../data\n  train: { df_file: a, text_file: b, emb_file: c }\n')
    const { keys } = await ask('datasets.register', { paths: [file] })
    await core.close()
    core = open()
    expect((await list()).find(({ name }) => name === 'mine')?.state).toBe('missing')
    fs.renameSync(file, `${file}.moved.yaml`)
    const gone = (await list()).find((one) => one.file === file)
    expect(gone).toMatchObject({ state: 'missing', name: 'mine.yaml' })
    await ask('datasets.locate', { key: gone!.key, path: `${file}.moved.yaml` })
    expect((await list()).filter((one) => one.source === 'registered').map(({ name }) => name)).toEqual(['mine'])
    await ask('datasets.remove', { key: await keyOf('mine') })
    expect((await list()).filter((one) => one.source === 'registered')).toEqual([])
    expect(fs.existsSync(`${file}.moved.yaml`)).toBe(true)
    expect(keys).toHaveLength(1)
  })
})

describe('a check', () => {
  test('names the first row of a problem alone, or reads a million problems into one answer', async () => {
    const rows = Array.from({ length: 3_000 }, (_, n) => ({
      u_id: n % 2 ? n % 5 : null,
      prompt: 'prompt 0',
      chosen: 'answer 9',
      rejected: n % 3 ? 'answer 10' : 'lost',
    }))
    write('train.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    const file = write(
      'data.yaml',
      'many:\n  dts_path: .\n  train: { df_file: train.jsonl, text_file: ../data/texts.json, emb_file: ../data/emb.npy }\n',
    )
    const { keys } = await ask('datasets.register', { paths: [file] })
    const key = Array.isArray(keys) ? String(keys[0]) : ''
    const { problems } = await ask('datasets.check', { key })
    const found: { kind: string; count: number; listed: number }[] = problems
    const missing = found.findIndex(({ kind }) => kind === 'value_missing')
    expect(found[missing]).toMatchObject({ count: 1_500, listed: 1_500 })
    const page = await ask('datasets.problems', { key, problem: missing, offset: 1_000, limit: 3 })
    expect(page).toMatchObject({ total: 1_500, places: [{ row: 2_000, line: 2_001 }, { row: 2_002 }, { row: 2_004 }] })
    const shown = await ask('datasets.rows', {
      key,
      split: 'train',
      filters: [{ type: 'problem', problem: missing }],
      offset: 0,
      limit: 1,
    })
    expect(shown).toMatchObject({ total: 1_500, of: 3_000 })
    expect(
      events.some(
        ({ event, payload }) => event === 'dataset.work' && payload.kind === 'check' && payload.state === 'done',
      ),
    ).toBe(true)
  })

  test('is done again though nothing has changed, or believed though a file has', async () => {
    const key = await keyOf('small')
    const first = await ask('datasets.check', { key })
    expect((await ask('datasets.check', { key })).at).toBe(first.at)
    expect((await list()).find((one) => one.key === key)?.checked).toMatchObject({ errors: 0, pairs: 240 })
    fs.appendFileSync(path.join(cwd, 'data', 'train.jsonl'), '{}\n')
    expect((await list()).find((one) => one.key === key)?.checked).toBeNull()
    const again = await ask('datasets.check', { key })
    expect(again.at).not.toBe(first.at)
    expect(again.problems).not.toEqual([])
    expect(Object(await ask('datasets.rows', { key, split: 'train', offset: 160, limit: 5 })).rows).toHaveLength(1)
  })

  test('cannot be cancelled', async () => {
    const key = await keyOf('small')
    const checking = core.request('datasets.check', { key })
    await expect.poll(async () => (await list()).find((one) => one.key === key)?.work).not.toEqual([])
    expect(await ask('datasets.cancel', { key, kind: 'check' })).toEqual({ cancelled: true })
    expect(await checking).toMatchObject({ ok: false, error: { code: 'stopped' } })
    expect((await list()).find((one) => one.key === key)).toMatchObject({ work: [], checked: null })
    expect(await core.request('datasets.check', { key })).toMatchObject({ ok: true })
  })
})

describe('a data set that is made', () => {
  test('changes the files of the one it is made of', async () => {
    const before = fs.readFileSync(path.join(cwd, 'data', 'train.jsonl'), 'utf8')
    const key = await keyOf('small')
    const steps = {
      words: { task: 'bow', min_df: 1, min_letters: 1, stop_words: 'none' },
      people: { task: 'features', one_hot: ['user_a'], prefix: 'group_' },
      once: { task: 'dedupe' },
      cut: { task: 'split', by: ['prompt'], test: 0.25, dev: 0 },
    }
    for (const [name, step] of Object.entries(steps)) {
      const made = await ask('datasets.prepare', { key, name, step })
      const check = await ask('datasets.check', { key: made.key })
      const errors: { kind: string }[] = Object(check).problems.filter(
        (one: { severity: string }) => one.severity === 'error',
      )
      // Splitting leaves vectors to be made.
      expect(
        errors.map(({ kind }) => kind),
        name,
      ).toEqual(name === 'cut' ? ['file_missing'] : [])
    }
    expect(fs.readFileSync(path.join(cwd, 'data', 'train.jsonl'), 'utf8')).toBe(before)
    expect(fs.readdirSync(path.join(cwd, 'data')).sort()).toEqual([
      'broken.jsonl',
      'dev.jsonl',
      'emb.npy',
      'test.jsonl',
      'texts.json',
      'train.jsonl',
    ])
    const plan = await ask('datasets.plan', { prepare: { key, name: 'other', step: steps.people } })
    expect(String(plan.commands)).toContain('data features --dts_config_file')
  })

  test('leaves half of itself behind when it fails', async () => {
    const key = await keyOf('small')
    const step = { task: 'features', one_hot: ['no_such_column'] }
    expect(await core.request('datasets.prepare', { key, name: 'half', step })).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('no_such_column') },
    })
    expect(fs.existsSync(path.join(cwd, 'home', 'datasets', 'half'))).toBe(false)
    expect(await core.request('datasets.prepare', { key, name: 'half', step: { task: 'dedupe' } })).toMatchObject({
      ok: true,
    })
  })

  test('runs what stands in a column name', async () => {
    const key = await keyOf('small')
    const step = { task: 'split', by: ['prompt'], user: '$(touch /tmp/hacked)', stratify: ['--json'] }
    const { commands } = await ask('datasets.plan', { prepare: { key, name: 'hostile', step } })
    expect(String(commands)).toContain("--user '$(touch /tmp/hacked)'")
    expect(String(commands)).toContain('--stratify=--json')
    expect(await core.request('datasets.prepare', { key, name: 'hostile', step })).toMatchObject({
      ok: false,
      error: { code: 'config_invalid' },
    })
    expect(
      await core.request('datasets.plan', { prepare: { key, name: 'x', step: { ...step, by: ['a,b'] } } }),
    ).toMatchObject({
      ok: false,
      error: { code: 'usage' },
    })
  })

  test('a table with foreign columns is not understood, or its rows are lost in silence', async () => {
    const rows = Array.from(
      { length: 60 },
      (_, n) => `w${n % 4},q${n % 12},${n === 7 ? '' : `a${n % 5}`},b${n % 6},${n}`,
    )
    const file = write('votes.csv', `Worker ID,Question,Chosen,Rejected,age\n${rows.join('\n')}\n`)
    const found = await ask('datasets.inspect', { paths: [file] })
    expect(found).toMatchObject({
      name: 'votes',
      link: null,
      imports: {
        format: 'pairs',
        columns: { user: 'Worker ID', prompt: 'Question', chosen: 'Chosen', rejected: 'Rejected' },
      },
    })
    const made = await ask('datasets.create', {
      ...{ how: 'import', name: 'votes', inputs: [file], ...Object(found).imports },
      split: { by: ['prompt'], test: 0.25, dev: 0 },
    })
    expect(Object(made).notes.join('\n')).toMatch(/60 rows became 59 pairs[^]*1 no_answer/)
    const { splits } = await ask('datasets.stats', { key: made.key })
    expect(Object(splits).map((one: { split: string }) => one.split)).toEqual(['train', 'test'])
  })

  test('pairs alone, linked where they lie, cannot be given texts and vectors, or are changed by it', async () => {
    const rows = Array.from({ length: 8 }, (_, n) => ({
      u_id: n % 2,
      prompt: 'tea?',
      chosen: n % 2 ? 'yes' : 'no',
      rejected: n % 2 ? 'no' : 'yes',
    }))
    const file = write('alone/train.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    const before = fs.readFileSync(file, 'utf8')
    const { link, name } = await ask('datasets.inspect', { paths: [file] })
    const linked = await ask('datasets.create', { how: 'link', name, splits: link })
    expect((await list()).find(({ key }) => key === linked.key)?.state).toBe('missing')
    const made = await ask('datasets.prepare', { key: linked.key, name: 'alone-minilm', step: { task: 'embed' } })
    expect(Object(made).notes.join('\n')).toContain(' texts embedded')
    const { problems, splits } = await ask('datasets.check', { key: made.key })
    expect(problems).toEqual([])
    expect(splits).toMatchObject([{ split: 'train', pairs: 8, texts: 3, width: 384 }])
    expect(fs.readFileSync(file, 'utf8')).toBe(before)
    expect((await list()).find(({ key }) => key === made.key)).toMatchObject({
      state: 'ready',
      embedder: expect.stringContaining('MiniLM'),
    })
  })

  test('files are taken for other splits than their names say', async () => {
    for (const name of ['df_train.jsonl', 'df_eval.jsonl', 'df_test.jsonl', 'df_test_unseen.jsonl'])
      write(`set/${name}`, '{"u_id":1,"prompt":"p","chosen":"a","rejected":"b"}\n')
    write('set/texts_train.json', '["p","a","b"]')
    write('set/texts_eval.json', '["p","a","b","c"]')
    const { link } = await ask('datasets.inspect', { paths: [path.join(cwd, 'picked', 'set')] })
    const names = Object.fromEntries(
      Object.entries(Object(link)).map(([split, files]) => [
        split,
        Object.values(Object(files)).map((one) => path.basename(String(one))),
      ]),
    )
    expect(names).toEqual({
      train: ['df_train.jsonl', 'texts_train.json'],
      dev: ['df_eval.jsonl', 'texts_eval.json'],
      test: ['df_test.jsonl'],
      test_unseen: ['df_test_unseen.jsonl'],
    })
  })
})

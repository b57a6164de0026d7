import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AppEvent } from '../../shared/api/events'
import type { Reply } from '../../shared/api/requests'
import { evaluationSchema } from '../../shared/domain/evaluation'
import {
  explainedPairSchema,
  userDetailSchema,
  userMapSchema,
  usersRequests,
  usersTableSchema,
} from '../../shared/domain/users'
import { createCore, type Core } from '../createCore'
import { childProcessSpawner } from '../engine/childProcessSpawner'
import { ENGINE, buildCli, workspace } from '../testing/workspace'
import { adaptCommand } from './adaptCommand'

let cwd: string
let core: Core
let id: string
let dir: string

/** A core on the workspace of these tests; `logs` is its log folder. */
function open(logs: string): Core {
  return createCore({
    logDir: path.join(cwd, logs),
    dataDir: undefined,
    spawner: childProcessSpawner(ENGINE),
    roots: { cwd, installed: cwd },
  })
}

beforeAll(async () => {
  buildCli()
  cwd = workspace()
  core = open('logs')
  const ended = new Promise<void>((resolve) => {
    core.subscribe(({ event, payload }) => {
      if (event === 'run.status' && payload.status === 'finished') resolve()
    })
  })
  const changes = { 'caimira.n_dim': 3, 'trainer.max_epochs': 20 }
  const started = await core.request('runs.start', { experiment: { dts_name: 'small', changes } })
  if (!started.ok) throw new Error(started.error.message)
  id = Object(started.data).id
  dir = Object(started.data).dir
  await ended
})
afterAll(async () => {
  await core.close()
  fs.rmSync(cwd, { recursive: true, force: true })
})

function data(reply: Reply<unknown>): unknown {
  if (reply.ok) return reply.data
  throw new Error(`${reply.error.code}: ${reply.error.message} ${(reply.error.details.findings ?? []).join('; ')}`)
}

test('users add up to other figures than the run’s own evaluation', async () => {
  const table = usersTableSchema.parse(data(await core.request('users.table', { id, split: 'test' })))
  const evaluation = evaluationSchema.parse(
    JSON.parse(fs.readFileSync(path.join(dir, 'evaluation', 'test.json'), 'utf8')),
  )
  const sum = (of: (user: (typeof table.users)[number]) => number): number =>
    table.users.reduce((total, user) => total + of(user), 0)
  expect(table.splits).toEqual(['dev', 'test'])
  expect(table.checkpoint).toEqual(evaluation.checkpoint)
  expect(sum(({ pairs }) => pairs)).toBe(evaluation.pairs)
  expect(table.users).toHaveLength(evaluation.users)
  expect(sum(({ right }) => right) / table.pairs).toBeCloseTo(evaluation.accuracy?.value ?? NaN, 12)
  expect(sum(({ right, pairs }) => right / pairs) / table.users.length).toBeCloseTo(
    evaluation.user_accuracy?.value ?? NaN,
    12,
  )
  expect(sum(({ nll, pairs }) => nll * pairs) / table.pairs).toBeCloseTo(evaluation.nll?.value ?? NaN, 6)
  const bt = evaluation.comparisons.find(({ name }) => name === 'bt')
  expect(sum(({ baseline_right }) => baseline_right ?? NaN) / table.pairs).toBeCloseTo(bt?.accuracy?.value ?? NaN, 12)
  expect(table.users.every(({ low, high, right, pairs }) => low <= right / pairs && right / pairs <= high)).toBe(true)
})

test('a map has other users than the table, or no place for one', async () => {
  const map = userMapSchema.parse(data(await core.request('users.map', { id, split: 'test', method: 'pca' })))
  expect(map).toMatchObject({ dimensions: 3, users: [0, 1, 2, 3, 4, 5] })
  expect(map.x).toHaveLength(6)
  expect(map.x.every(Number.isFinite) && map.y.every(Number.isFinite)).toBe(true)
  expect(map.explained![0]).toBeGreaterThanOrEqual(map.explained![1])
  const umap = userMapSchema.parse(data(await core.request('users.map', { id, split: 'test', method: 'umap' })))
  expect(umap).toMatchObject({ method: 'umap', users: [0, 1, 2, 3, 4, 5], explained: null })
  expect(umap.x.length === 6 && [...umap.x, ...umap.y].every(Number.isFinite)).toBe(true)
})

test('a user has pairs of another, other texts than the data, or reasons that add up to something else', async () => {
  const table = usersTableSchema.parse(data(await core.request('users.table', { id, split: 'test' })))
  const user = userDetailSchema.parse(data(await core.request('users.one', { id, split: 'test', user: 4 })))
  expect(user.user).toEqual(table.users.find(({ u_id }) => u_id === 4))
  const rows = fs
    .readFileSync(path.join(cwd, 'data', 'test.jsonl'), 'utf8')
    .trim()
    .split('\n')
  const own = rows.flatMap((line, row) => (JSON.parse(line).u_id === 4 ? [row] : []))
  expect(user.pairs.map(({ row }) => row).sort((a, b) => a - b)).toEqual(own)
  // The most confident mistake first.
  expect(user.pairs.map(({ z }) => z)).toEqual(user.pairs.map(({ z }) => z).sort((a, b) => a - b))
  expect(user.pairs.filter(({ z }) => z > 0)).toHaveLength(user.user.right)
  expect(user.pairs.filter(({ baseline_right }) => baseline_right)).toHaveLength(user.user.baseline_right ?? NaN)
  expect(user.vector).toHaveLength(3)
  expect(user.nearest.map(({ u_id }) => u_id).sort()).toEqual([0, 1, 2, 3, 5])
  for (const listed of user.pairs) {
    const pair = explainedPairSchema.parse(
      data(await core.request('users.pair', { id, split: 'test', row: listed.row })),
    )
    const { prompt, chosen, rejected } = JSON.parse(rows[listed.row]!)
    expect(pair).toMatchObject({ prompt, chosen, rejected, z: listed.z, r_diff: 0 })
    expect(listed).toMatchObject({ prompt, chosen, rejected, id: JSON.parse(rows[listed.row]!).id })
    const sum = pair.dimensions!.reduce((total, { contribution }) => total + contribution, 0)
    expect(sum).toBeCloseTo(pair.delta_diff, 5)
    for (const { user: skill, chosen: w, rejected: l, contribution } of pair.dimensions!)
      expect(w.load * (skill - w.difficulty!) - l.load * (skill - l.difficulty!)).toBeCloseTo(contribution, 12)
    expect(pair.p).toBeCloseTo(1 / (1 + Math.exp(-pair.z)), 12)
  }
})

test('a name of a dimension is lost, moves to another, or leaves the run’s folder', async () => {
  const shown = data(await core.request('users.dimensions', { id, split: 'test' }))
  expect(shown).toMatchObject({ model_name: 'caimira', names: [], topics: null })
  expect(Object(shown).dimensions).toHaveLength(3)
  expect(Object(shown).dimensions[0].highest[0].text).toMatch(/^answer \d+$/)
  await core.request('users.nameDimension', { id, dimension: 2, name: ' brevity ' })
  await core.request('users.nameDimension', { id, dimension: 0, name: 'warmth' })
  const names = ['warmth', '', 'brevity']
  expect(data(await core.request('users.dimensions', { id, split: 'dev' }))).toMatchObject({ names })
  expect(data(await core.request('users.one', { id, split: 'test', user: 1 }))).toMatchObject({ names })
  expect(JSON.parse(fs.readFileSync(path.join(dir, 'dimensions.json'), 'utf8'))).toEqual({ format: 1, names })
  expect(data(await core.request('users.nameDimension', { id, dimension: 2, name: '' }))).toEqual({ names: ['warmth'] })
  expect(await core.request('users.nameDimension', { id, dimension: 1e9, name: 'x' })).toMatchObject({ ok: false })
})

test('of names that are given at once all but the last are lost, or a file that holds something else is', async () => {
  const name = (dimension: number) => core.request('users.nameDimension', { id, dimension, name: `d${dimension}` })
  await Promise.all([0, 1, 2].map(name))
  expect(data(await core.request('users.dimensions', { id, split: 'test' }))).toMatchObject({
    names: ['d0', 'd1', 'd2'],
  })
  const file = path.join(dir, 'dimensions.json')
  const later = '{"format":2,"names":{"0":"of a later version"}}'
  fs.writeFileSync(file, later)
  expect(await name(1)).toMatchObject({ ok: false, error: { code: 'unreadable' } })
  expect(fs.readFileSync(file, 'utf8')).toBe(later)
  expect(data(await core.request('users.dimensions', { id, split: 'test' }))).toMatchObject({ names: [] })
  fs.rmSync(file)
})

test('nobody’s pair, a stranger, or answers that cannot be embedded are made up', async () => {
  const about = { id, split: 'test' }
  expect(await core.request('users.one', { ...about, user: '04' })).toMatchObject({ error: { code: 'not_found' } })
  expect(await core.request('users.pair', { ...about, row: 40 })).toMatchObject({ error: { code: 'out_of_range' } })
  const pasted = { ...about, user: 4, prompt: 'x', first: 'y', second: 'z' }
  // The data does not say what made its vectors.
  expect(await core.request('users.prefer', pasted)).toMatchObject({
    error: { code: 'usage', details: { key: 'embedder' } },
  })
})

test('somebody else is fitted than was asked for, or users whom training knows are called new', async () => {
  const how = { choose: 'informative', k: [0, 1, 2], repeats: 3, seed: 0 }
  const one = usersRequests['users.adapt'].output.parse(
    data(await core.request('users.adapt', { id, split: 'test', user: 4, ...how })),
  )
  const table = usersTableSchema.parse(data(await core.request('users.table', { id, split: 'test' })))
  const own = table.users.find(({ u_id }) => u_id === 4)
  expect(one.users.map(({ u_id, pairs }) => [u_id, pairs])).toEqual([[4, own?.pairs]])
  expect(one).toMatchObject({ users_judged: 1, pairs: own?.pairs, repeats: 3, choose: 'informative', command: null })
  expect(one.curve.map(({ k }) => k)).toEqual([0, 1, 2])
  expect(one.bt?.acc).toBeGreaterThan(0)
  for (const user of [null, 77]) {
    const reply = await core.request('users.adapt', { id, split: 'test', user, ...how })
    expect(reply).toMatchObject({ ok: false, error: { code: user === null ? 'usage' : 'not_found' } })
  }
})

test('a fit goes on when nobody waits for it any more, or says to another page how far it is', async () => {
  const heard: AppEvent[] = []
  let first: () => void
  const begun = new Promise<void>((resolve) => (first = resolve))
  const unsubscribe = core.subscribe((event) => {
    if (event.event !== 'users.work') return
    heard.push(event)
    first()
  })
  const about = { id, split: 'test', user: 4, choose: 'random', seed: 0 }
  // Some minutes, unless somebody ends it.
  const long = { ...about, k: Array.from({ length: 50 }, (_, k) => k), repeats: 50 }
  const [mine, theirs] = [`mine`, `theirs`]
  const left = core.request('users.adapt', { ...long, ticket: mine })
  await begun
  const others = core.request('users.adapt', { ...about, k: [0, 1], repeats: 2, ticket: theirs })
  await core.request('users.cancel', { ticket: mine })
  expect(await left).toMatchObject({ ok: false, error: { code: 'stopped' } })
  // The other one is not ended with it, nor is the engine, which answers at once.
  expect(data(await others)).toMatchObject({ repeats: 2 })
  unsubscribe()
  expect(heard[0]).toMatchObject({ payload: { ticket: mine } })
  const told = heard.flatMap(({ payload }) => (Object(payload).ticket === theirs ? [payload] : []))
  expect(told.at(-1)).toMatchObject({ done: Object(told.at(-1)).total })
})

test('the command of a fit is another than the command line reads, or runs what a folder is called', () => {
  const files = { df_file: "/a b/'$(x)'.jsonl", text_file: '/t.json', emb_file: '/e.npy' }
  const question = { user: 'it’s; me', choose: 'random' as const, k: [0, 2], repeats: 2, seed: 1 }
  expect(adaptCommand('/runs/v0', files, question)).toBe(
    `npm run -s delta -- adapt /runs/v0 --input '/a b/'\\''$(x)'\\''.jsonl' --text_file /t.json --emb_file /e.npy --user 'it’s; me' --choose random --k 0,2 --repeats 2 --seed 1`,
  )
})

test('a split that the data lacks is answered, and a run that does not exist', async () => {
  const lacking = await core.request('users.table', { id, split: 'test_unseen' })
  expect(lacking).toMatchObject({ ok: false, error: { code: 'not_found', details: { fix: 'It has dev, test.' } } })
  const gone = await core.request('users.table', { id: 'nobody', split: 'test' })
  expect(gone).toMatchObject({ ok: false, error: { code: 'not_found' } })
})

/** The run as somebody else may hand it over: its files, with `change` made to one of them. */
function foreign(logs: string, change: (dir: string) => void): string {
  const target = path.join(cwd, logs, 'theirs', 'v0')
  fs.cpSync(dir, target, { recursive: true })
  const record = path.join(target, 'run.json')
  fs.writeFileSync(record, fs.readFileSync(record, 'utf8').replaceAll(id, `foreign-${logs}`))
  change(target)
  return `foreign-${logs}`
}

const SECRET = 'a secret of somebody else'

test.each([
  ['hparams.yaml names any file as texts', 'text_file', 'elsewhere/texts.json'],
  ['hparams.yaml names any file as pairs', 'df_file', 'elsewhere/pairs.jsonl'],
  ['hparams.yaml climbs out of an allowed folder', 'df_file', 'configs/../elsewhere/pairs.jsonl'],
  ['hparams.yaml goes through a link', 'text_file', 'configs/link.json'],
  ['hparams.yaml names a file of the system', 'df_file', '/etc/passwd'],
])('a foreign run shows what nobody has allowed: %s', async (title, key, file) => {
  fs.mkdirSync(path.join(cwd, 'elsewhere'), { recursive: true })
  fs.writeFileSync(path.join(cwd, 'elsewhere', 'texts.json'), JSON.stringify([SECRET]))
  fs.writeFileSync(path.join(cwd, 'elsewhere', 'pairs.jsonl'), `{"u_id":"${SECRET}"}\n`)
  const link = path.join(cwd, 'configs', 'link.json')
  if (!fs.existsSync(link)) fs.symlinkSync(path.join(cwd, 'elsewhere', 'texts.json'), link)
  const logs = `logs-${title.length}`
  const target = path.isAbsolute(file) ? file : `${cwd}/${file}`
  const foreignId = foreign(logs, (folder) => {
    const hparams = path.join(folder, 'hparams.yaml')
    const text = fs.readFileSync(hparams, 'utf8')
    const changed = text.replace(new RegExp(`${key}: .*`), () => `${key}: ${JSON.stringify(target)}`)
    expect(changed).not.toBe(text)
    fs.writeFileSync(hparams, changed)
  })
  const other = open(logs)
  const more: Record<string, object> = {
    'users.table': {},
    'users.map': { method: 'pca' },
    'users.one': { user: 4 },
    'users.pair': { row: 0 },
    'users.dimensions': {},
    'users.matchDimensions': { other: foreignId },
    'runs.evaluate': {},
    'users.prefer': { user: 4, prompt: '', first: 'a', second: 'b' },
  }
  for (const [route, rest] of Object.entries(more)) {
    const reply = await other.request(route, { id: foreignId, split: 'test', ...rest })
    expect(reply).toMatchObject({ ok: false, error: { code: 'forbidden_path', details: { fix: /Data sets page/ } } })
    expect(JSON.stringify(reply)).not.toMatch(new RegExp(`root:x|${SECRET}`))
  }
  await other.close()
})

test('a foreign run whose data is that of a known data set is refused', async () => {
  const foreignId = foreign('logs-sound', () => {})
  const other = open('logs-sound')
  usersTableSchema.parse(data(await other.request('users.table', { id: foreignId, split: 'test' })))
  await other.close()
})

test('an older run cannot be evaluated, or what is computed is not kept', async () => {
  const logs = 'logs-older'
  const older = foreign(logs, (folder) => fs.rmSync(path.join(folder, 'evaluation'), { recursive: true }))
  const other = open(logs)
  const about = { id: older, split: 'test' }
  expect(data(await other.request('runs.evaluation', about))).toEqual({ evaluation: null, splits: ['dev', 'test'] })
  const made = data(await other.request('runs.evaluate', about))
  const own = JSON.parse(fs.readFileSync(path.join(dir, 'evaluation', 'test.json'), 'utf8'))
  expect(made).toEqual({ evaluation: own })
  expect(data(await other.request('runs.evaluation', about))).toMatchObject({ evaluation: own })
  await other.close()
})

test('an evaluation is written through a link out of a foreign run’s folder', async () => {
  const logs = 'logs-write'
  const outside = path.join(cwd, 'outside')
  fs.mkdirSync(outside)
  const target = foreign(logs, (folder) => {
    fs.rmSync(path.join(folder, 'evaluation'), { recursive: true })
    fs.symlinkSync(outside, path.join(folder, 'evaluation'))
  })
  const other = open(logs)
  const reply = await other.request('runs.evaluate', { id: target, split: 'test' })
  expect(reply).toMatchObject({ ok: false, error: { code: 'unwritable' } })
  expect(fs.readdirSync(outside)).toEqual([])
  await other.close()
})

test('a link leads out of a foreign run’s folder', async () => {
  const foreignId = foreign('logs-link', (folder) => {
    fs.renameSync(path.join(folder, 'checkpoints'), path.join(cwd, 'elsewhere-checkpoints'))
    fs.symlinkSync(path.join(cwd, 'elsewhere-checkpoints'), path.join(folder, 'checkpoints'))
  })
  const other = open('logs-link')
  const reply = await other.request('users.table', { id: foreignId, split: 'test' })
  expect(reply).toMatchObject({ ok: false, error: { code: 'unreadable', message: expect.stringMatching(/link/) } })
  await other.close()
})

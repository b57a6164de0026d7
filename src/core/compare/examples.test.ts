import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exampleRequests } from '../../shared/domain/examples'
import { RUN_FILES } from '../../shared/domain/run'
import { createCore, type Core } from '../createCore'
import { childProcessSpawner } from '../engine/childProcessSpawner'
import { ENGINE, buildCli, workspace } from '../testing/workspace'

let cwd: string
let core: Core
const runs: { id: string; dir: string }[] = []
/** Whether it stood beside each run, as its end was told, what it was tested on. */
const written: boolean[] = []
const SECRET = 'a secret of somebody else'

function open(logs: string): Core {
  return createCore({
    logDir: path.join(cwd, logs),
    dataDir: undefined,
    spawner: childProcessSpawner(ENGINE),
    roots: { cwd, installed: cwd },
  })
}

async function ask(of: Core, route: string, input: object): Promise<unknown> {
  const reply = await of.request(route, input)
  if (reply.ok) return reply.data
  throw new Error(`${reply.error.code}: ${reply.error.message}`)
}

beforeAll(async () => {
  buildCli()
  cwd = workspace()
  core = open('logs')
  for (const size of [5, 2]) {
    const ended = new Promise<void>((resolve) => {
      const undo = core.subscribe(({ event, payload }) => {
        if (event !== 'run.status' || payload.status !== 'finished') return
        undo()
        written.push(fs.existsSync(path.join(cwd, 'logs', 'default_exp', `k${size}`, RUN_FILES.environment)))
        resolve()
      })
    })
    const changes = { 'caimira.n_dim': size, 'trainer.max_epochs': 10 }
    const experiment = { dts_name: 'small', exp_version: `k${size}`, changes }
    const { id, dir } = Object(await ask(core, 'runs.start', { experiment }))
    runs.push({ id, dir })
    await ended
  }
})
afterAll(async () => {
  await core.close()
  fs.rmSync(cwd, { recursive: true, force: true })
})

const both = (): object => ({ runs: [runs[0]!.id, runs[1]!.id], split: 'test' })
const agreement = async (of: Core, input: object) =>
  exampleRequests['compare.agreement'].output.parse(await ask(of, 'compare.agreement', input))
const examples = async (of: Core, input: object) =>
  exampleRequests['compare.examples'].output.parse(await ask(of, 'compare.examples', input))

test('a run is told as finished before it is written down what it was tested on', () => {
  expect(written).toEqual([true, true])
})

test('patterns say something else than the paired test, or pairs stand with other texts than in the data', async () => {
  const { pairs, patterns, hidden, users } = await agreement(core, both())
  const paired = await ask(core, 'compare.paired', {
    ...{ reference: [runs[0]!.id], others: [[runs[1]!.id]], split: 'test', resamples: 100 },
  })
  const count = (wanted: string): number => patterns.find(({ pattern }) => pattern === wanted)?.pairs ?? 0
  const cells = { both: count('11'), only_a: count('10'), only_b: count('01'), neither: count('00') }
  expect(paired).toMatchObject({ others: [{ pairs, cells }] })
  expect({ pairs, hidden, users: users.length }).toEqual({ pairs: 40, hidden: null, users: 6 })
  const { rows, total } = await examples(core, { ...both(), limit: 200 })
  expect(total).toBe(40)
  const lines = fs
    .readFileSync(path.join(cwd, 'data', 'test.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
  const data = new Map(lines.map((line) => JSON.parse(line)).map((row) => [`${row.u_id} ${row.id}`, row]))
  for (const { user, id, texts } of rows) {
    const { prompt, chosen, rejected } = data.get(`${user} ${id}`)
    expect(texts).toEqual({ prompt, chosen, rejected })
  }
})

/** Both runs as somebody else may hand them over, with `change` made to each. */
function foreign(logs: string, change: (dir: string) => void): object {
  const ids = runs.map(({ id, dir }, at) => {
    const target = path.join(cwd, logs, 'theirs', `v${at}`)
    fs.cpSync(dir, target, { recursive: true })
    const record = path.join(target, 'run.json')
    fs.writeFileSync(record, fs.readFileSync(record, 'utf8').replaceAll(id, `${logs}-${at}`))
    change(target)
    return `${logs}-${at}`
  })
  return { runs: ids, split: 'test' }
}

function pointTo(file: string): (dir: string) => void {
  return (dir) => {
    const hparams = path.join(dir, 'hparams.yaml')
    const text = fs.readFileSync(hparams, 'utf8')
    const changed = text.replaceAll(/df_file: .*/g, () => `df_file: ${JSON.stringify(file)}`)
    expect(changed).not.toBe(text)
    fs.writeFileSync(hparams, changed)
  }
}

test('a folder of runs that comes from elsewhere reads any file as texts', async () => {
  const elsewhere = path.join(cwd, 'elsewhere', 'pairs.jsonl')
  fs.mkdirSync(path.dirname(elsewhere), { recursive: true })
  const rows = fs.readFileSync(path.join(cwd, 'data', 'test.jsonl'), 'utf8')
  fs.writeFileSync(elsewhere, rows.replaceAll(/"prompt":"[^"]*"/g, `"prompt":"${SECRET}"`))
  const link = path.join(cwd, 'configs', 'link.jsonl')
  fs.symlinkSync(elsewhere, link)
  for (const [at, file] of [elsewhere, link, path.join(cwd, 'configs', '..', 'elsewhere', 'pairs.jsonl')].entries()) {
    const logs = `attack-${at}`
    const input = foreign(logs, pointTo(file))
    const other = open(logs)
    const seen = await agreement(other, input)
    expect(seen).toMatchObject({ pairs: 40, hidden: { code: 'forbidden_path', details: { fix: /Data sets page/ } } })
    const page = await examples(other, input)
    expect(page.rows.every(({ texts }) => texts === null)).toBe(true)
    expect(JSON.stringify([seen, page])).not.toContain(SECRET)
    await other.close()
  }
})

test('a known file that has changed since is shown beside predictions that it does not belong to', async () => {
  const input = foreign('changed', pointTo(path.join(cwd, 'data', 'dev.jsonl')))
  const other = open('changed')
  expect(await agreement(other, input)).toMatchObject({ hidden: { code: 'data_invalid' } })
  expect((await examples(other, input)).rows.every(({ texts }) => texts === null)).toBe(true)
  await other.close()
})

test('predictions are a link out of the folder of a run', async () => {
  const input = foreign('link', (dir) => {
    const file = path.join(dir, 'predictions', 'test.parquet')
    fs.renameSync(file, path.join(cwd, `${path.basename(dir)}.parquet`))
    fs.symlinkSync(path.join(cwd, `${path.basename(dir)}.parquet`), file)
  })
  const other = open('link')
  await expect(agreement(other, input)).rejects.toThrow(/unreadable: test\.parquet is a link/)
  await other.close()
})

test('runs without predictions of a split, or that do not exist, are compared', async () => {
  await expect(agreement(core, { ...both(), split: 'test_unseen' })).rejects.toThrow(/no predictions of test_unseen/)
  await expect(agreement(core, { ...both(), runs: [runs[0]!.id, '../../etc'] })).rejects.toThrow(/not_found/)
})

import fs from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { AppEvent } from '../../shared/api/events'
import { hasEnded, type RunStatus } from '../../shared/domain/lifecycle'
import { runRecordSchema } from '../../shared/domain/run'
import { resolveExperiment } from '../config/resolveExperiment'
import { childProcessSpawner } from '../engine/childProcessSpawner'
import { memorySpawner } from '../engine/memorySpawner'
import type { EngineSpawner } from '../engine/spawner'
import { parseMetrics } from '../runs/metricsFile'
import { openStore, type Store } from '../store/openStore'
import { ENGINE, buildCli, workspace } from '../testing/workspace'
import { RunService, type RunServiceOptions } from './runService'
import { ownerOf } from './thisProcess'

let cwd: string
let n = 0
beforeAll(() => {
  buildCli()
  cwd = workspace()
})
afterAll(() => fs.rmSync(cwd, { recursive: true, force: true }))

let logDir: string
let dataDir: string
let store: Store
let events: AppEvent[]
const services: RunService[] = []
const stores: Store[] = []

beforeEach(() => {
  n++
  logDir = path.join(cwd, `logs-${n}`)
  dataDir = path.join(cwd, `history-${n}`)
  store = open()
  events = []
})
afterEach(async () => {
  await Promise.all(services.splice(0).map((one) => one.close()))
  for (const one of stores.splice(0)) one.close()
})

function open(): Store {
  const opened = openStore({ dir: dataDir })
  stores.push(opened)
  return opened
}

function service(options: Partial<RunServiceOptions> = {}): RunService {
  const made = new RunService({
    store,
    logDir,
    spawner: childProcessSpawner(ENGINE),
    publish: (event) => events.push(event),
    changed: () => {},
    cores: 1,
    tickMs: 50,
    ...options,
  })
  services.push(made)
  made.start()
  return made
}

function experiment(name: string, trainer: Record<string, unknown> = {}) {
  const overrides = new Map(
    Object.entries(trainer).map(([key, value]) => [`trainer.${key}`, { value, flag: `--${key}` }]),
  )
  const resolved = resolveExperiment({ dts_name: 'small', exp_name: name, overrides }, { cwd, installed: cwd })
  return { ...resolved, command: 'delta train', cwd, place: 'end' as const }
}
const endless = { max_epochs: 10_000_000 }

const status = (id: string): RunStatus => store.runs.get(id).status
const life = (id: string): RunStatus[] => store.runs.transitions(id).map(({ to }) => to)
const record = (dir: string) => runRecordSchema.parse(JSON.parse(fs.readFileSync(path.join(dir, 'run.json'), 'utf8')))
const curve = (id: string, metric = 'train_loss') => {
  const [series] = store.history.query({ runs: [id], metrics: [metric], buckets: 2_000 }).series
  return series ? Array.from(series.y) : []
}
const measured = (dir: string, metric = 'train_loss') =>
  parseMetrics(fs.readFileSync(path.join(dir, 'metrics.jsonl'), 'utf8')).history.flatMap(({ values }) => {
    const value = values[metric]
    return value === undefined ? [] : [value]
  })

async function until(what: string, condition: () => boolean): Promise<void> {
  await expect.poll(condition, { message: what }).toBe(true)
}
const ended = (id: string) =>
  until(`${id} has ended`, () => hasEnded(status(id)) && store.runs.get(id).owner_pid === null)
const training = (id: string) => until(`${id} trains`, () => status(id) === 'running' && curve(id).length > 0)
const enginePid = (id: string): number => store.runs.get(id).owner_pid ?? -1

describe('a queued run', () => {
  test('is trained without a trace of it in the history, or one that differs from its folder', async () => {
    const { id, dir } = service().add(experiment('one'))
    expect(record(dir).id).toBe(id)
    await ended(id)
    expect(life(id)).toEqual(['queued', 'starting', 'running', 'finished'])
    expect(store.runs.transitions(id).every(({ reason, at }) => reason !== '' && at > 0)).toBe(true)
    expect(record(dir)).toMatchObject({ status: 'finished', result: { epochs: 3 } })
    expect(curve(id)).toEqual(measured(dir))
    expect(curve(id)).toHaveLength(3)
  })

  test('is published before it is persisted, or with numbers that do not follow each other', async () => {
    const behind: number[] = []
    let last = 0
    const publish = (event: AppEvent): void => {
      events.push(event)
      if (event.event !== 'run.metrics') return
      // Another connection sees only what has been committed.
      const seen = reader.runs.get(event.payload.runId).sequence
      if (seen < event.payload.sequence) behind.push(seen)
      expect(event.payload.first).toBe(last + 1)
      last = event.payload.sequence
    }
    const reader = open()
    const { id } = service({ publish }).add(experiment('published', { max_epochs: 30 }))
    await ended(id)
    expect(last).toBeGreaterThan(1)
    expect(behind).toEqual([])
    expect(events.flatMap((event) => (event.event === 'run.status' ? [event.payload.status] : []))).toEqual([
      'running',
      'finished',
    ])
  })

  test('whose configuration is deleted while it waits hangs, or is trained with another', async () => {
    const made = service()
    made.set({ paused: true })
    const { id, dir } = made.add(experiment('gone'))
    fs.rmSync(path.join(dir, 'hparams.yaml'))
    made.set({ paused: false })
    await ended(id)
    expect(record(dir)).toMatchObject({ status: 'failed', reason: expect.stringContaining('hparams.yaml') })
    expect(life(id)).toEqual(['queued', 'starting', 'failed'])
  })

  test('whose data is gone when its turn comes stays queued for ever', async () => {
    const broken = experiment('nodata')
    broken.config.data.train.df_file = path.join(cwd, 'nowhere.jsonl')
    const { id, dir } = service().add(broken)
    await ended(id)
    expect(status(id)).toBe('failed')
    expect(record(dir).reason).toMatch(/nowhere\.jsonl|data/)
  })

  test('is lost with the database, though its folder says that it waits', async () => {
    const first = service()
    first.set({ paused: true })
    const { id, dir } = first.add(experiment('kept'))
    await first.close()
    store = openStore({ dir: path.join(cwd, `rebuilt-${n}`) })
    stores.push(store)
    const { syncLogDir } = await import('../store/syncRuns')
    await syncLogDir(store, logDir)
    service({ store })
    await ended(id)
    expect(record(dir).status).toBe('finished')
  })
})

describe('a run that is going on', () => {
  test('is stopped without its checkpoint, or goes on from somewhere else', async () => {
    const made = service()
    const { id, dir } = made.add(experiment('stopped', endless))
    await training(id)
    expect(made.stop(id)).toBe('stopping')
    await ended(id)
    expect(life(id)).toEqual(['queued', 'starting', 'running', 'stopping', 'stopped'])
    expect(fs.existsSync(path.join(dir, 'checkpoints', 'last.safetensors'))).toBe(true)
    const epochs = measured(dir).length
    expect(() => made.stop(id)).toThrow(/ended already/)
    made.resume(id, { 'trainer.max_epochs': epochs + 2 }, 'end')
    await until('it goes on', () => status(id) === 'finished')
    expect(life(id).slice(4)).toEqual(['stopped', 'queued', 'starting', 'running', 'finished'])
    expect(measured(dir)).toHaveLength(epochs + 2)
    expect(curve(id)).toEqual(measured(dir))
    expect(record(dir).id).toBe(id)
  })

  test('is resumed with settings that make it another run', async () => {
    const made = service()
    const { id } = made.add(experiment('fixed'))
    await ended(id)
    expect(() => made.resume(id, { 'trainer.seed': 5 }, 'end')).toThrow(/cannot change/)
    expect(status(id)).toBe('finished')
  })

  test('whose engine is killed is called finished, keeps no reason, or loses what was acknowledged', async () => {
    const made = service()
    const { id, dir } = made.add(experiment('killed', endless))
    await training(id)
    const acknowledged = curve(id).length
    process.kill(enginePid(id), 'SIGKILL')
    await ended(id)
    expect(record(dir)).toMatchObject({ status: 'crashed', reason: expect.stringContaining('SIGKILL') })
    const row = store.db.handle.prepare('SELECT exit_code, exit_signal FROM runs WHERE id = ?').get(id)
    expect(row).toEqual({ exit_code: null, exit_signal: 'SIGKILL' })
    expect(curve(id).length).toBeGreaterThanOrEqual(acknowledged)
    expect(curve(id)).toEqual(measured(dir))
  })

  test('is restarted after a crash for ever, or not at all when it was asked for', async () => {
    const made = service()
    const { id } = made.add({ ...experiment('restarted', endless), restarts: 1 })
    await training(id)
    process.kill(enginePid(id), 'SIGKILL')
    await until('it runs again', () => life(id).filter((to) => to === 'running').length === 2)
    await until('its engine is known', () => enginePid(id) > 0)
    process.kill(enginePid(id), 'SIGKILL')
    await ended(id)
    expect(life(id)).toEqual([
      ...['queued', 'starting', 'running', 'crashed'],
      ...['queued', 'starting', 'running', 'crashed'],
    ])
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(status(id)).toBe('crashed')
  })

  test('ends with the workbench as if a person had stopped it', async () => {
    const made = service()
    const { id, dir } = made.add(experiment('closing', endless))
    await training(id)
    await made.close()
    expect(record(dir)).toMatchObject({ status: 'interrupted', reason: 'the workbench was closed' })
    expect(status(id)).toBe('interrupted')
    expect(fs.existsSync(path.join(dir, 'checkpoints', 'last.safetensors'))).toBe(true)
  })

  test('whose configuration is deleted under way fails, or goes on later with another', async () => {
    const made = service()
    const { id, dir } = made.add(experiment('deleted', endless))
    await training(id)
    fs.rmSync(path.join(dir, 'hparams.yaml'))
    made.stop(id)
    await ended(id)
    expect(record(dir).status).toBe('stopped')
    expect(() => made.resume(id, {}, 'end')).toThrow(/hparams\.yaml/)
    expect(status(id)).toBe('stopped')
  })

  test('dies of a history that refuses writes, or its figures are missing from it afterwards', async () => {
    const { id, dir } = service().add(experiment('refused', { max_epochs: 60 }))
    const refuse = open()
    refuse.db.handle.exec(`CREATE TRIGGER refuse BEFORE INSERT ON points BEGIN SELECT RAISE(ABORT, 'full'); END`)
    await until('it has measured', () => fs.existsSync(path.join(dir, 'metrics.jsonl')) && measured(dir).length > 5)
    refuse.db.handle.exec('DROP TRIGGER refuse')
    await ended(id)
    expect(record(dir).status).toBe('finished')
    expect(curve(id)).toEqual(measured(dir))
    expect(curve(id)).toHaveLength(60)
  })
})

describe('the queue', () => {
  test('starts more than its limit, in another order, or what was taken out', async () => {
    const made = service()
    made.set({ paused: true })
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => made.add(experiment(name, { max_epochs: 1 })).id)
    if (!a || !b || !c || !d) throw new Error('no runs')
    made.reorder([c, b])
    expect(made.queue.waiting(logDir).map(({ id }) => id)).toEqual([c, b, a, d])
    expect(() => made.reorder(['no such run'])).toThrow(/not in the queue/)
    expect(made.stop(a)).toBe('stopped')
    let most = 0
    const watch = setInterval(() => (most = Math.max(most, made.queue.active().length)), 5)
    made.set({ paused: false, concurrency: 1 })
    for (const id of [b, c, d]) await ended(id)
    clearInterval(watch)
    expect(most).toBe(1)
    const begun = (id: string): number => store.runs.transitions(id).find(({ to }) => to === 'starting')?.at ?? 0
    expect([c, b, d].map(begun)).toEqual([c, b, d].map(begun).toSorted((x, y) => x - y))
    expect(status(a)).toBe('stopped')
    expect(life(a)).toEqual(['queued', 'stopped'])
  })

  test('a pause ends what runs, or starts what waits; "now" waits for either', async () => {
    const made = service()
    const first = made.add(experiment('first', endless)).id
    await training(first)
    made.set({ paused: true })
    const second = made.add(experiment('second')).id
    const third = made.add({ ...experiment('third', { max_epochs: 1 }), place: 'now' }).id
    await ended(third)
    expect([status(first), status(second), status(third)]).toEqual(['running', 'queued', 'finished'])
    made.stop(first)
    await ended(first)
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(status(second)).toBe('queued')
  })

  test('by itself uses more cores than the kernels leave free, or fewer', async () => {
    const ready = memorySpawner((port) => {
      port.listen((frame) => {
        const { type, folder } = Object(frame)
        if (type === 'stop') port.exit({ code: 0 })
        if (type !== 'train') return
        const { id } = record(folder)
        const sizes = { pairs: 1, users: 1, parameters: 1, epochs: 1 }
        port.say({ type: 'started', runId: id, dir: folder, backend: 'fused', threads: 2, ...sizes })
      })
      port.say({ type: 'ready' })
    })
    const made = service({ cores: 5, spawner: ready })
    const ids = Array.from({ length: 4 }, (_, i) => made.add(experiment(`threads${i}`)).id)
    // 2 + 2 threads leave one core for a third; 6 leave none for the fourth.
    await until('three run', () => ids.filter((id) => status(id) === 'running').length === 3)
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(ids.map(status)).toEqual(['running', 'running', 'running', 'queued'])
  })

  test('an experiment is cloned with keys that nothing knows, or without its changes', async () => {
    const made = service()
    const { id } = made.add(experiment('base'))
    await ended(id)
    expect(() => made.clone(id, { 'trainer.lerning_rate': 1 }, 'end')).toThrow(/learning_rate/)
    expect(() => made.clone(id, { 'trainer.max_epochs': -1 }, 'end')).toThrow(/max_epochs/)
    const clone = made.clone(id, { 'trainer.max_epochs': 2, 'caimira.n_dim': 3 }, 'end')
    await ended(clone.id)
    expect(record(clone.dir)).toMatchObject({ status: 'finished', exp_version: 'v0-2', result: { epochs: 2 } })
    expect(record(clone.dir).command).toContain('--set trainer.max_epochs=2 --set caimira.n_dim=3')
    expect(fs.readFileSync(path.join(clone.dir, 'hparams.yaml'), 'utf8')).toContain('n_dim: 3')
  })
})

describe('two workbenches on one history', () => {
  test('train a run twice, or more at once than the limit says', async () => {
    const other = open()
    const [first, second] = [service(), service({ store: other })]
    first.set({ concurrency: 2 })
    let most = 0
    const watch = setInterval(() => (most = Math.max(most, first.queue.active().length)), 5)
    const ids = Array.from({ length: 6 }, (_, i) =>
      (i % 2 === 0 ? first : second).add(experiment(`both${i}`, { max_epochs: 1 })),
    )
    for (const { id } of ids) await ended(id)
    clearInterval(watch)
    expect(ids.map(({ id }) => life(id))).toEqual(ids.map(() => ['queued', 'starting', 'running', 'finished']))
    expect(most).toBe(2)
  })

  test('cannot stop what the other one trains', async () => {
    const { id } = service().add(experiment('theirs', endless))
    await training(id)
    const other = service({ store: open() })
    expect(other.stop(id)).toBe('stopping')
    await ended(id)
    expect(status(id)).toBe('stopped')
  })
})

describe('on start', () => {
  /** A process that has been there and is gone. */
  async function gonePid(): Promise<number> {
    const { spawn } = await import('node:child_process')
    const child = spawn(process.execPath, ['-e', ''])
    await new Promise((resolve) => child.on('close', resolve))
    return child.pid ?? -1
  }

  test.for<[string, RunStatus, RegExp]>([
    ['before its engine was there', 'interrupted', /workbench was gone before/],
    ['with its engine', 'crashed', /Its process \(\d+\) and the workbench/],
  ])('a run whose workbench died %s stays active, or has no way to go on', async ([when, expected, reason]) => {
    const made = service()
    made.set({ paused: true })
    const { id, dir } = made.add(experiment(`gone-${expected}`))
    const gone = { ...ownerOf(process.pid), pid: await gonePid(), started: 'boot/1' }
    expect(made.queue.claim(id, 'queued', gone, 'by a workbench that dies', Date.now())).toBe(true)
    if (when === 'with its engine') {
      fs.writeFileSync(path.join(dir, 'run.json'), JSON.stringify({ ...record(dir), status: 'running', pid: gone.pid }))
      store.runs.transition(id, 'starting', 'running', 'r', Date.now())
      store.runs.own(id, gone, Date.now())
    }
    await until('it is settled', () => hasEnded(status(id)))
    expect(status(id)).toBe(expected)
    expect(record(dir)).toMatchObject({ status: expected, reason: expect.stringMatching(reason) })
    made.set({ paused: false })
    made.resume(id, {}, 'end')
    await until('it goes on', () => status(id) === 'finished')
  })

  test('a run is settled though its workbench, or its engine, lives', async () => {
    const made = service()
    made.set({ paused: true })
    const { id } = made.add(experiment('alive'))
    made.queue.claim(id, 'queued', ownerOf(process.ppid), 'by a workbench that lives', Date.now())
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(status(id)).toBe('starting')
    const gone = { ...ownerOf(process.pid), pid: await gonePid(), started: 'boot/1' }
    store.runs.own(id, ownerOf(process.ppid), Date.now())
    made.queue.take(id, gone, Date.now())
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(status(id)).toBe('starting')
  })

  test('what its folder says of the end is overruled by a guess', async () => {
    const made = service()
    made.set({ paused: true })
    const { id, dir } = made.add(experiment('told'))
    const gone = { ...ownerOf(process.pid), pid: await gonePid(), started: 'boot/1' }
    const told = { ...record(dir), status: 'interrupted', reason: 'the program that started it is gone' }
    fs.writeFileSync(path.join(dir, 'run.json'), JSON.stringify(told))
    made.queue.claim(id, 'queued', gone, 'by a workbench that dies', Date.now())
    store.runs.own(id, gone, Date.now())
    await until('it is settled', () => hasEnded(status(id)))
    expect(status(id)).toBe('interrupted')
    expect(store.runs.transitions(id).at(-1)?.reason).toBe('the program that started it is gone')
  })
})

test('an engine that never gets ready keeps its run starting', async () => {
  const silent: EngineSpawner = memorySpawner(() => {})
  const { id, dir } = service({ spawner: silent, readyTimeoutMs: 50 }).add(experiment('silent'))
  await ended(id)
  expect(record(dir)).toMatchObject({ status: 'crashed', reason: expect.stringContaining('did not start') })
})

test('an engine that does not stop is waited for without end, or called finished', async () => {
  const deaf: EngineSpawner = memorySpawner((port) => port.say({ type: 'ready' }))
  const made = service({ spawner: deaf, stopGraceMs: 50 })
  const { id, dir } = made.add(experiment('deaf'))
  await until('it starts', () => status(id) === 'starting')
  made.stop(id)
  await ended(id)
  expect(record(dir)).toMatchObject({ status: 'stopped', reason: expect.stringContaining('did not stop') })
})

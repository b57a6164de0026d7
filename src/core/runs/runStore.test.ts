import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RunRecord } from '../../shared/domain/run'
import type { Surroundings } from './liveness'
import { processInfo } from './processes'
import { RunStore } from './runStore'

let folder: string
let logDir: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'delta-runs-'))
  logDir = join(folder, 'lightning_logs')
  mkdirSync(logDir)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function record(changes: Partial<RunRecord> = {}): RunRecord {
  return {
    format: 1,
    id: 'id-1',
    exp_name: 'exp',
    exp_version: 'v0',
    model_name: 'caimira',
    dts_name: 'simpler',
    status: 'finished',
    created: 1000,
    pid: 12345,
    host: 'here',
    command: 'delta train',
    version: '0.1.0',
    warnings: [],
    ...changes,
  }
}

function write(version: string, files: Record<string, string>, experiment = 'exp'): string {
  const dir = join(logDir, experiment, version)
  mkdirSync(dir, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  return dir
}

const line = (epoch: number, values: Record<string, number>): string =>
  `${JSON.stringify({ epoch, step: epoch, time: 1, values })}\n`

function store(surroundings: Partial<Surroundings> = {}): RunStore {
  return new RunStore(logDir, () => ({
    host: 'here',
    now: Date.now(),
    monotonic: performance.now(),
    processInfo: () => ({ alive: false }),
    ...surroundings,
  }))
}

describe('what is listed', () => {
  it('is nothing where the folder does not exist', async () => {
    expect(await new RunStore(join(folder, 'nowhere')).list()).toEqual({ runs: [], unreadable: [] })
  })

  it('is every run, newest first, with the last value of each metric and the epochs trained', async () => {
    write('v0', { 'run.json': JSON.stringify(record({ created: 1 })) })
    const metrics =
      line(0, { train_loss: 0.7, val_loss: 0.6 }) + line(1, { train_loss: 0.5 }) + line(2, { test_acc: 0.8 })
    write('v1', { 'run.json': JSON.stringify(record({ id: 'id-2', created: 2 })), 'metrics.jsonl': metrics })
    const { runs, unreadable } = await store().list()
    expect(unreadable).toEqual([])
    expect(runs.map(({ id }) => id)).toEqual(['id-2', 'id-1'])
    expect(runs[0]).toMatchObject({ figures: { train_loss: 0.5, val_loss: 0.6, test_acc: 0.8 }, epochs: 2 })
  })

  it('leaves out what is not a run at all, and names what is a broken one', async () => {
    mkdirSync(join(logDir, 'exp', 'notes'), { recursive: true })
    writeFileSync(join(logDir, 'a-file'), '')
    write('half', { 'run.json': '{"format": 1,' })
    write('other', { 'run.json': JSON.stringify({ ...record(), status: 'dancing' }) })
    write('none', { 'hparams.yaml': 'a: 1' })
    const { runs, unreadable } = await store().list()
    expect(runs).toEqual([])
    expect(unreadable.map(({ dir, reason }) => [dir.slice(logDir.length + 1), reason])).toEqual([
      ['exp/half', 'run.json is not valid JSON'],
      ['exp/none', 'run.json is missing'],
      ['exp/other', expect.stringMatching(/^run\.json is not a run's record \(status: /)],
    ])
  })

  it('keeps a run whose metrics have a broken line, and tells the line', async () => {
    const metrics = `${line(0, { train_loss: 1 })}not json\n${line(2, { train_loss: 0.5 })}`
    write('v0', { 'run.json': JSON.stringify(record()), 'metrics.jsonl': metrics })
    const { runs, unreadable } = await store().list()
    expect(runs[0]?.figures).toEqual({ train_loss: 0.5 })
    expect(unreadable[0]?.reason).toBe('metrics.jsonl: line 2 cannot be read and is left out')
  })

  it('shows a copied folder once and says that it is a copy', async () => {
    write('v0', { 'run.json': JSON.stringify(record()) })
    write('v0-copy', { 'run.json': JSON.stringify(record()) })
    const { runs, unreadable } = await store().list()
    expect(runs.map(({ dir }) => dir)).toEqual([join(logDir, 'exp', 'v0')])
    expect(unreadable[0]?.reason).toMatch(/^is a copy/)
  })

  it('has no figures of a file that was replaced by a shorter one (a stale cache)', async () => {
    const dir = write('v0', { 'run.json': JSON.stringify(record()), 'metrics.jsonl': line(0, { train_loss: 1 }) })
    const runs = store()
    expect((await runs.list()).runs[0]?.figures).toEqual({ train_loss: 1 })
    appendFileSync(join(dir, 'metrics.jsonl'), line(1, { train_loss: 0.5 }))
    expect((await runs.list()).runs[0]?.figures).toEqual({ train_loss: 0.5 })
    truncateSync(join(dir, 'metrics.jsonl'))
    expect((await runs.list()).runs[0]?.figures).toEqual({})
  })
})

describe('files that someone else placed', () => {
  it('are not read through links out of the log folder', async () => {
    const secret = join(folder, 'secret')
    mkdirSync(join(secret, 'v0'), { recursive: true })
    writeFileSync(join(secret, 'v0', 'run.json'), JSON.stringify(record({ id: 'secret' })))
    writeFileSync(join(secret, 'key'), 'PRIVATE KEY')
    symlinkSync(secret, join(logDir, 'linked-experiment'))
    mkdirSync(join(logDir, 'exp'))
    symlinkSync(join(secret, 'v0'), join(logDir, 'exp', 'linked-run'))
    const dir = write('v0', { 'run.json': JSON.stringify(record()) })
    symlinkSync(join(secret, 'key'), join(dir, 'run.log'))
    symlinkSync(join(secret, 'key'), join(dir, 'hparams.yaml'))
    symlinkSync(join(secret, 'key'), join(dir, 'metrics.jsonl'))

    const runs = store()
    const { runs: listed, unreadable } = await runs.list()
    expect(listed.map(({ id }) => id)).toEqual(['id-1'])
    expect(unreadable.filter(({ reason }) => reason.includes('link out of the log folder'))).toHaveLength(3)
    const detail = await runs.get('id-1')
    expect(JSON.stringify(detail)).not.toContain('PRIVATE')
    expect(detail.problems).toHaveLength(3)
  })

  it('are read through links that stay inside', async () => {
    write('v0', { 'run.json': JSON.stringify(record()) }, 'real')
    symlinkSync(join(logDir, 'real'), join(logDir, 'zz-alias'))
    const { runs, unreadable } = await store().list()
    expect(runs).toHaveLength(1)
    expect(unreadable[0]?.reason).toMatch(/^is a copy/)
  })

  it.skipIf(process.platform === 'win32')('do not hang the list: a pipe in place of a file', async () => {
    const dir = write('v0', { 'run.json': JSON.stringify(record()) })
    execFileSync('mkfifo', [join(dir, 'metrics.jsonl'), join(dir, 'run.log')])
    const runs = store()
    expect((await runs.list()).unreadable[0]?.reason).toBe('metrics.jsonl is not a regular file')
    expect((await runs.get('id-1')).log).toEqual([])
  })

  it('are not read whole when they are huge', async () => {
    const dir = write('v0', { 'run.json': JSON.stringify(record()), 'metrics.jsonl': '', 'run.log': 'first\n' })
    truncateSync(join(dir, 'metrics.jsonl'), 65 * 2 ** 20)
    for (let i = 0; i < 3000; i++) appendFileSync(join(dir, 'run.log'), `line ${i} ${'x'.repeat(50)}\n`)
    const runs = store()
    expect((await runs.list()).unreadable[0]?.reason).toBe('metrics.jsonl is larger than 64 MiB')
    const { log } = await runs.get('id-1')
    expect(log).toHaveLength(200)
    expect(log.at(-1)).toMatch(/^line 2999 /)
  })
})

describe('one run', () => {
  it('comes with its history, configuration and log; half a last line is waited for', async () => {
    write('v0', {
      'run.json': JSON.stringify(record()),
      'hparams.yaml': 'seed: 0\n',
      'metrics.jsonl': `${line(0, { train_loss: 1 })}{"epoch": 1, "st`,
      'run.log': 'one\r\ntwo\n',
    })
    const detail = await store().get('id-1')
    expect(detail).toMatchObject({ hparams: 'seed: 0\n', log: ['one', 'two'], problems: [] })
    expect(detail.history.map(({ epoch }) => epoch)).toEqual([0])
  })

  it('is not found by a path', async () => {
    write('v0', { 'run.json': JSON.stringify(record()) })
    for (const id of ['../../etc', 'exp/v0', join(logDir, 'exp', 'v0')]) {
      await expect(store().get(id)).rejects.toMatchObject({ code: 'not_found' })
    }
  })
})

describe('a run that says it is running', () => {
  const running = (changes: Partial<RunRecord> = {}) =>
    write('v0', { 'run.json': JSON.stringify(record({ status: 'running', ...changes })) })
  const status = async (surroundings: Partial<Surroundings>) => (await store(surroundings).list()).runs[0]?.status

  it('is believed while its process lives', async () => {
    running()
    expect(await status({ processInfo: () => ({ alive: true }) })).toBe('running')
  })

  it('has crashed when its process is gone, and says so', async () => {
    running()
    expect((await store().list()).runs[0]).toMatchObject({
      status: 'crashed',
      reason: 'Its process (12345) ended without a word',
    })
  })

  it('has crashed when another process took its number after a restart', async () => {
    running()
    expect(await status({ processInfo: () => ({ alive: true, started: Date.now() + 60_000 }) })).toBe('crashed')
    expect(await status({ processInfo: () => ({ alive: true, started: Date.now() - 60_000 }) })).toBe('running')
  })

  it('on another machine counts as dead after a quarter of an hour without a sign', async () => {
    const dir = running({ host: 'elsewhere' })
    expect(await status({})).toBe('running')
    const old = new Date(Date.now() - 16 * 60_000)
    utimesSync(join(dir, 'run.json'), old, old)
    expect(await status({})).toBe('crashed')
    writeFileSync(join(dir, 'run.log'), 'still here\n')
    expect(await status({})).toBe('running')
  })

  it('is called dead when the clock is set forward, though its process is the one that wrote the record', async () => {
    const { token, started } = processInfo(process.pid)
    running({ process_start: token, pid: process.pid })
    const shifted = (pid: number) => ({ ...processInfo(pid), started: (started ?? 0) + 3_600_000 })
    expect(await status({ processInfo: shifted })).toBe('running')
  })

  it('is believed though another process took its number, in the tick of its own start', async () => {
    running({ process_start: 'boot/1', pid: 77 })
    expect(await status({ processInfo: () => ({ alive: true, token: 'boot/2', started: 0 }) })).toBe('crashed')
    expect(await status({ processInfo: () => ({ alive: true, token: 'boot/1', started: 0 }) })).toBe('running')
    // After a restart of the machine ticks begin anew.
    expect(await status({ processInfo: () => ({ alive: true, token: 'next boot/1' }) })).toBe('crashed')
  })

  it('on another machine is called dead when the clock here is set forward, while it still gives signs', async () => {
    const dir = running({ host: 'elsewhere' })
    let [now, monotonic] = [Date.now(), 0]
    const runs = new RunStore(logDir, () => ({ host: 'here', now, monotonic, processInfo: () => ({ alive: false }) }))
    const status = async () => (await runs.list()).runs[0]?.status
    const beat = (n: number) => utimesSync(join(dir, 'run.json'), new Date(1e12 + n), new Date(1e12 + n))
    writeFileSync(join(dir, '.owner'), '')
    for (const file of ['.owner', 'run.json']) utimesSync(join(dir, file), new Date(1e12), new Date(1e12))
    now = 1e12 + 1_000
    expect(await status()).toBe('running')
    beat(1_000)
    expect(await status()).toBe('running')
    ;[now, monotonic] = [now + 3_600_000, 30_000]
    expect(await status()).toBe('running')
    monotonic = 61_000
    expect(await status()).toBe('crashed')
    beat(2_000)
    expect(await status()).toBe('running')
  })

  it('is seen as it is by the real process table', async () => {
    running({ pid: process.pid, host: (await import('node:os')).hostname() })
    expect((await new RunStore(logDir).list()).runs[0]?.status).toBe('running')
  })
})

describe('a glance at many runs that have ended', () => {
  const COUNT = 700
  const version = (n: number): string => `v${String(n).padStart(3, '0')}`
  const text = (n: number, changes: Partial<RunRecord> = {}): string =>
    JSON.stringify(record({ id: `id-${n}`, exp_version: version(n), ...changes }))

  async function many(): Promise<RunStore> {
    for (let n = 0; n < COUNT; n++) write(version(n), { 'run.json': text(n) })
    settle()
    const runs = store()
    await runs.scan()
    return runs
  }
  /** Folders that nobody has touched for a while. */
  const settle = (): void => {
    for (const dir of [logDir, join(logDir, 'exp')]) utimesSync(dir, 1, 1)
  }

  it('misses a run or an experiment that is new, or one that is gone', async () => {
    const runs = await many()
    expect((await runs.glance()).runs).toHaveLength(COUNT)
    write('new', { 'run.json': text(1000) })
    expect((await runs.glance()).runs).toHaveLength(COUNT + 1)
    settle()
    const { signature } = await runs.glance()
    rmSync(join(logDir, 'exp', version(650)), { recursive: true })
    const found = await runs.glance()
    expect(found.runs.map(({ id }) => id)).not.toContain('id-650')
    expect(found.signature).not.toBe(signature)
    settle()
    await runs.glance()
    mkdirSync(join(logDir, 'empty'))
    expect((await runs.glance()).folders).toContain(join(logDir, 'empty'))
  })

  it('takes a run that trains for one that has ended, or its end for none', async () => {
    const runs = await many()
    write(version(690), { 'run.json': text(690, { status: 'running', host: 'elsewhere' }) })
    settle()
    await runs.scan()
    const before = await runs.glance()
    expect(before.runs.find(({ id }) => id === 'id-690')?.status).toBe('running')
    write(version(690), { 'run.json': text(690, { status: 'stopped', reason: 'by hand' }) })
    const after = await runs.glance()
    expect(after.runs.find(({ id }) => id === 'id-690')?.status).toBe('stopped')
    expect(after.signature).not.toBe(before.signature)
  })

  it('never looks at some of them again, or reads all each time', async () => {
    const runs = await many()
    const first = await runs.glance()
    write(version(699), { 'annotations.json': '{}' })
    settle()
    const signatures: string[] = []
    for (let look = 0; look < 12; look++) signatures.push((await runs.glance()).signature)
    expect(signatures[0]).toBe(first.signature)
    expect(new Set(signatures).size).toBe(2)
    expect(signatures.at(-1)).toBe((await runs.scan()).signature)
  })

  it('an unreadable record is told of once only, or still when it is mended', async () => {
    const runs = await many()
    write('broken', { 'run.json': '{' })
    await runs.glance()
    settle()
    for (let look = 0; look < 3; look++) expect((await runs.glance()).unreadable).toHaveLength(1)
    write('broken', { 'run.json': text(1000) })
    const mended = await runs.glance()
    expect(mended.unreadable).toEqual([])
    expect(mended.runs).toHaveLength(COUNT + 1)
  })
})

import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import BetterSqlite from 'better-sqlite3'
import { defaultDataFolder, dataFolder } from './location'
import { migrate, MIGRATIONS } from './migrations'
import { HISTORY_FILE, openStore, type Store } from './openStore'
import { batches, newRun, temporaryFolder } from './testing/storeFixture'

let dir: string
let remove: () => void
let store: Store
beforeEach(() => {
  ;({ dir, remove } = temporaryFolder())
  store = openStore({ dir })
})
afterEach(() => {
  store.close()
  remove()
})

const rows = (sql: string): unknown[] => store.db.handle.prepare(sql).raw().all()

describe('where the history lies', () => {
  const at = (platform: NodeJS.Platform, home: string, env = {}): string => defaultDataFolder({ platform, home, env })

  test('a platform gets a folder that is not its own', () => {
    expect(at('linux', '/home/a')).toBe('/home/a/.local/share/delta-workbench')
    expect(at('linux', '/home/a', { XDG_DATA_HOME: '/data' })).toBe('/data/delta-workbench')
    expect(at('linux', '/home/a', { XDG_DATA_HOME: 'relative' })).toBe('/home/a/.local/share/delta-workbench')
    expect(at('darwin', '/Users/a')).toBe('/Users/a/Library/Application Support/Delta Workbench')
    expect(at('win32', 'C:\\Users\\a', { APPDATA: 'D:\\roaming' })).toBe('D:\\roaming\\Delta Workbench')
    expect(at('win32', 'C:\\Users\\a')).toBe('C:\\Users\\a\\AppData\\Roaming\\Delta Workbench')
  })

  test('the flag loses to the environment, or the environment to the platform', () => {
    const machine = { platform: 'linux' as const, home: '/home/a', env: { DELTA_HOME: '/env' } }
    expect(dataFolder('given', '/work', machine)).toBe('/work/given')
    expect(dataFolder(undefined, '/work', machine)).toBe('/env')
    expect(dataFolder(undefined, '/work', { ...machine, env: {} })).toBe('/home/a/.local/share/delta-workbench')
  })

  test("a test writes into a person's history", () => {
    for (const env of [{ VITEST: 'true' }, { NODE_ENV: 'test' }, { DELTA_TEST: '1' }])
      expect(() => dataFolder(undefined, '/work', { platform: 'linux', home: '/home/a', env })).toThrow(/test/)
    // With this process's own environment, in which vitest has set VITEST.
    const given = process.env['DELTA_HOME']
    delete process.env['DELTA_HOME']
    expect(() => dataFolder(undefined, '/work')).toThrow(/test/)
    if (given !== undefined) process.env['DELTA_HOME'] = given
  })
})

describe('the database', () => {
  test('runs without the settings that its promises rest on', () => {
    const pragma = (name: string): unknown => store.db.handle.pragma(name, { simple: true })
    expect([pragma('journal_mode'), pragma('synchronous'), pragma('foreign_keys')]).toEqual(['wal', 1, 1])
    expect([pragma('busy_timeout'), pragma('trusted_schema')]).toEqual([5000, 0])
    expect(store.db.check()).toEqual([])
  })

  test('half of a failed transaction stays', () => {
    const { id } = newRun()
    expect(() =>
      store.db.write('two steps', () => {
        store.runs.create(newRun({ id }))
        throw new Error('in between')
      }),
    ).toThrow('in between')
    expect(store.runs.find(id)).toBeUndefined()
  })

  test('a metric name that was rolled back is taken for one that is there', () => {
    const { id } = newRun()
    store.runs.create(newRun({ id }))
    expect(() =>
      store.db.write('fails', () => {
        store.metrics.append(
          id,
          batches(0, 2, () => ({ loss: 1 })),
        )
        throw new Error('afterwards')
      }),
    ).toThrow('afterwards')
    store.metrics.append(
      id,
      batches(0, 1, () => ({ other: 2 })),
    )
    store.metrics.append(
      id,
      batches(0, 1, () => ({ loss: 3 })),
    )
    expect(rows('SELECT name, value FROM points JOIN metrics ON metrics.key = metric ORDER BY name')).toEqual([
      ['loss', 3],
      ['other', 2],
    ])
  })

  test('a slow statement goes unnoticed', () => {
    store.close()
    const slow: string[] = []
    store = openStore({ dir, slow: ({ name }) => slow.push(name) })
    store.db.read('dawdle', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60))
    for (let i = 0; i < 5; i++) store.db.read('hurry', () => 1)
    expect(slow.filter((name) => name === 'dawdle')).toHaveLength(1)
    // A machine with other things to do may hold up some.
    expect(slow.filter((name) => name === 'hurry').length).toBeLessThan(5)
    store.close()
    store = openStore({ dir })
    store.db.read('dawdle', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60))
    expect(fs.readFileSync(path.join(dir, 'history.log'), 'utf8')).toMatch(/^\S+Z slow: dawdle took \d+ ms$/m)
  })
})

describe('migrations', () => {
  const last = MIGRATIONS.length
  const second = { version: last + 1, name: 'second', sql: 'ALTER TABLE runs ADD COLUMN extra TEXT' }
  const broken = { version: last + 2, name: 'broken', sql: 'CREATE TABLE half (a); INSERT INTO nowhere VALUES (1)' }

  test('a step is taken without a backup of what was there', () => {
    store.runs.create(newRun({ id: 'before' }))
    const [backup] = migrate(store.db.handle, store.db.file, [...MIGRATIONS, second])
    expect(rows('SELECT extra FROM runs')).toEqual([[null]])
    const old = new BetterSqlite(backup, { readonly: true })
    expect(old.pragma('user_version', { simple: true })).toBe(last)
    expect(old.prepare('SELECT id FROM runs').pluck().all()).toEqual(['before'])
    old.close()
    // Taken once.
    expect(migrate(store.db.handle, store.db.file, [...MIGRATIONS, second])).toEqual([])
  })

  test('a step that fails leaves half of itself behind', () => {
    expect(() => migrate(store.db.handle, store.db.file, [...MIGRATIONS, second, broken])).toThrow(/\(broken\)/)
    expect(store.db.handle.pragma('user_version', { simple: true })).toBe(last + 1)
    expect(rows("SELECT name FROM sqlite_schema WHERE name = 'half'")).toEqual([])
  })

  test('a file of a newer program is misread', () => {
    store.db.handle.pragma('user_version = 99')
    store.close()
    expect(() => openStore({ dir })).toThrow(/newer version/)
    store = openStore({ dir: undefined })
  })

  test('numbers have gaps, so that a step is never taken', () => {
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, i) => i + 1))
  })
})

describe('runs', () => {
  test('a status changes without its time and reason, or against the table of legal ways', () => {
    const { id } = newRun()
    store.runs.create(newRun({ id }))
    store.runs.transition(id, 'queued', 'starting', 'Its turn', 5)
    expect(() => store.runs.transition(id, 'starting', 'queued', 'no', 6)).toThrow(/cannot become queued/)
    // Somebody else was quicker.
    expect(() => store.runs.transition(id, 'queued', 'stopped', 'no', 7)).toThrow(/starting by now/)
    store.runs.transition(id, 'starting', 'running', 'The engine is ready', 4)
    expect(store.runs.transitions(id)).toEqual([
      { from: null, to: 'queued', at: 1_700_000_000_000, reason: 'Queued by a test' },
      { from: 'queued', to: 'starting', at: 5, reason: 'Its turn' },
      // In the order in which it happened, whatever the clock says.
      { from: 'starting', to: 'running', at: 4, reason: 'The engine is ready' },
    ])
    expect(() => store.db.handle.prepare("UPDATE runs SET status = 'dancing'").run()).toThrow(/CHECK/)
  })

  test('a clock that jumps back takes a sign of life back', () => {
    const { id } = newRun()
    store.runs.create(newRun({ id }))
    store.runs.own(id, { pid: 1, host: 'h', started: '77' }, 1000)
    store.runs.heartbeat(id, 2000)
    store.runs.heartbeat(id, 500)
    expect(store.runs.get(id)).toMatchObject({ heartbeat: 2000, owner_pid: 1, owner_host: 'h', owner_started: '77' })
  })

  test('a run that is gone leaves its points', () => {
    const { id } = newRun()
    store.runs.create(newRun({ id }))
    store.metrics.append(
      id,
      batches(0, 3, (step) => ({ loss: step })),
    )
    store.db.write('delete', () => store.db.handle.prepare('DELETE FROM runs WHERE id = ?').run(id))
    for (const table of ['points', 'moments', 'figures', 'transitions'])
      expect(rows(`SELECT count(*) FROM ${table}`)).toEqual([[0]])
  })
})

describe('metrics', () => {
  test('numbers of batches have gaps, or are shared between runs', () => {
    const [a, b] = [newRun(), newRun({ exp_version: 'v1' })]
    store.runs.create(a)
    store.runs.create(b)
    const one = batches(0, 1, () => ({ loss: 1 }))
    expect([a, a, b, a].map(({ id }) => store.metrics.append(id, one))).toEqual([1, 2, 1, 3])
    expect(() => store.metrics.append('nobody', one)).toThrow(/no run/)
  })

  test('a figure of a table is not the last, lowest and highest of its points', () => {
    const run = newRun()
    const key = store.runs.create(run)
    store.metrics.append(
      run.id,
      batches(0, 4, (step) => ({ loss: [3, 1, NaN, 2][step] ?? 0 })),
    )
    store.metrics.append(
      run.id,
      batches(4, 1, () => ({ loss: Infinity, acc: 0.5 })),
    )
    expect(store.metrics.figures(key)).toEqual([
      { name: 'acc', last: 0.5, lowest: 0.5, highest: 0.5, step: 4, points: 1 },
      { name: 'loss', last: Infinity, lowest: 1, highest: Infinity, step: 4, points: 5 },
    ])
    // A step that comes again replaces itself.
    store.metrics.append(
      run.id,
      batches(4, 1, () => ({ loss: 7 })),
    )
    expect(rows('SELECT step, value FROM points WHERE metric = 1 ORDER BY step')).toEqual([
      [0, 3],
      [1, 1],
      [2, null],
      [3, 2],
      [4, 7],
    ])
  })
})

describe('two processes', () => {
  test('lose each other’s batches, or fail with "database is locked"', async () => {
    const runs = [newRun(), newRun({ exp_version: 'v1' })]
    for (const run of runs) store.runs.create(run)
    const writer = `
      const Database = require('better-sqlite3')
      const db = new Database(process.argv[1], { timeout: 5000 })
      const count = db.prepare('UPDATE runs SET sequence = sequence + 1 WHERE id = ? RETURNING key, sequence')
      const metric = db.prepare('INSERT INTO metrics (name) VALUES (?) ON CONFLICT DO NOTHING')
      const key = db.prepare('SELECT key FROM metrics WHERE name = ?').pluck()
      const point = db.prepare('INSERT INTO points (run, metric, step, value) VALUES (?, ?, ?, ?)')
      for (let i = 0; i < 300; i++) db.transaction(() => {
        const run = count.get(process.argv[2])
        metric.run('m')
        for (let k = 0; k < 10; k++) point.run(run.key, key.get('m'), 10 * i + k, k)
      }).immediate()
      process.stdout.write('done')`
    const children = runs.map(
      ({ id }) =>
        new Promise<string>((resolve) => {
          const child = spawn(process.execPath, ['-e', writer, path.join(dir, HISTORY_FILE), id], {
            cwd: process.cwd(),
          })
          let said = ''
          child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
          child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
          child.on('close', () => resolve(said))
        }),
    )
    // And this process, on both runs.
    const third = newRun({ exp_version: 'v2' })
    store.runs.create(third)
    for (let i = 0; i < 300; i++) {
      store.metrics.append(
        third.id,
        batches(i, 1, () => ({ m: i })),
      )
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await Promise.all(children)).toEqual(['done', 'done'])
    expect(rows('SELECT sequence FROM runs ORDER BY key')).toEqual([[300], [300], [300]])
    expect(rows('SELECT count(*) FROM points GROUP BY run ORDER BY run')).toEqual([[3000], [3000], [300]])
    expect(store.db.check()).toEqual([])
  })
})

import fs from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RunRecord } from '../../shared/domain/run'
import { DISKS_POSSIBLE, mountDisk, remountDisk, SKIPPED_WITHOUT_DISKS, unmountDisk } from '../testing/smallDisk'
import { openHistory } from './openHistory'
import { HISTORY_FILE, openStore, type Store } from './openStore'
import { syncLogDir, syncRun } from './syncRuns'
import { batches, newRun, temporaryFolder } from './testing/storeFixture'
import { deleteRun, purgeRun, restoreRun } from './trash'

let dir: string
let home: string
let logDir: string
let remove: () => void
let open: Store[]
beforeEach(() => {
  ;({ dir, remove } = temporaryFolder())
  home = path.join(dir, 'home')
  logDir = path.join(dir, 'lightning_logs')
  open = []
})
afterEach(() => {
  for (const store of open) store.close()
  remove()
})

function keep(store: Store): Store {
  open.push(store)
  return store
}

const record = (id: string, version: string, changes: Partial<RunRecord> = {}): RunRecord => ({
  format: 1,
  id,
  exp_name: 'exp',
  exp_version: version,
  model_name: 'caimira',
  dts_name: 'simpler',
  status: 'finished',
  created: 1000,
  pid: 1,
  host: 'elsewhere',
  command: 'delta train',
  version: '0.1.0',
  warnings: [],
  ...changes,
})

function writeRun(version: string, changes: Partial<RunRecord> = {}): string {
  const folder = path.join(logDir, 'exp', version)
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, 'run.json'), JSON.stringify(record(`id-${version}`, version, changes)))
  fs.writeFileSync(path.join(folder, 'hparams.yaml'), `trainer:\n  seed: ${version.slice(1)}\n  betas: [0.9, 0.999]\n`)
  const lines = batches(0, 500, (step) => ({ val_loss: 1 / (step + 1), val_acc: step / 500 }))
  fs.writeFileSync(path.join(folder, 'metrics.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return folder
}

const listed = (store: Store): string[] =>
  store.list({ sort: 'exp_version' }).rows.map(({ exp_version }) => exp_version)

describe('a damaged history', () => {
  async function filled(): Promise<{ before: unknown; file: string }> {
    for (let i = 0; i < 12; i++) writeRun(`v${i}`)
    const store = openStore({ dir: home })
    await syncLogDir(store, logDir)
    const run = store.runs.get('id-v3')
    store.annotations.change(run.key, run.dir ?? undefined, { addTags: ['keep'], note: 'a note', starred: true })
    deleteRun(store, 'id-v4', 5)
    await syncLogDir(store, logDir)
    const before = state(store)
    store.close()
    return { before, file: path.join(home, HISTORY_FILE) }
  }

  const state = (store: Store): unknown => ({
    runs: store
      .list({ params: 'all', metrics: 'all', sort: 'exp_version' })
      .rows.map(({ id, dir: at, status, tags, note, starred, params, figures }) => [
        id,
        at,
        status,
        tags,
        note,
        starred,
        params,
        figures,
      ]),
    trash: store.list({ trash: true }).rows.map(({ id }) => id),
    curve: store.history.query({ runs: ['id-v3'], metrics: ['val_loss'] }).series.map(({ x, y }) => [x, y]),
  })

  test('with a broken page is used on, or loses a run, a tag, a note or the trash', async () => {
    const { before, file } = await filled()
    const size = fs.statSync(file).size
    // Pages 3 to 8 overwritten with noise: tables' roots.
    const handle = fs.openSync(file, 'r+')
    fs.writeSync(handle, Buffer.alloc(6 * 4096, 0xa5), 0, 6 * 4096, 2 * 4096)
    fs.closeSync(handle)
    const told: string[] = []
    const store = keep(await openHistory({ dir: home }, (line) => told.push(line)))
    expect(told[0]).toMatch(/was damaged and has been put aside as .*damaged/)
    expect(told[1]).toBe(`Read the runs back from ${logDir}`)
    expect(state(store)).toEqual(before)
    const [aside = ''] = fs.readdirSync(path.join(home, 'damaged'))
    expect(fs.statSync(path.join(home, 'damaged', aside)).size).toBe(size)
    expect(store.db.check()).toEqual([])
  })

  test.for([0, 1, 5, 9, 14])('with noise at page %i is taken for a sound one', async (page) => {
    const { before, file } = await filled()
    const handle = fs.openSync(file, 'r+')
    fs.writeSync(handle, Buffer.alloc(4096, 0x5a), 0, 4096, page * 4096)
    fs.closeSync(handle)
    const store = keep(await openHistory({ dir: home }, () => {}))
    expect(state(store)).toEqual(before)
    expect(store.db.check()).toEqual([])
  })

  test('that a workbench opens is looked at too late to be repaired after a crash, or never after a good end', async () => {
    const { before, file } = await filled()
    const spoil = (): void => {
      const handle = fs.openSync(file, 'r+')
      fs.writeSync(handle, Buffer.alloc(4096, 0x5a), 0, 4096, 9 * 4096)
      fs.closeSync(handle)
    }
    spoil()
    // Closed in good order and looked at today: it is shown first, and looked at once there is time.
    const shown = openStore({ dir: home, check: 'start' })
    expect(shown.db.checked).toBe(false)
    expect(shown.checkLate()).toMatch(/is damaged .*start the program again/)
    shown.close()
    const told: string[] = []
    const repaired = await openHistory({ dir: home, check: 'start' }, (line) => told.push(line))
    expect(told[0]).toMatch(/was damaged and has been put aside/)
    expect(state(repaired)).toEqual(before)
    expect(repaired.checkLate()).toBeUndefined()
    repaired.close()
    // A log that nobody has taken away: whoever had it open is gone, or still there.
    const one = keep(openStore({ dir: home, check: 'start' }))
    expect([one.db.checked, one.checkLate(), one.db.checked]).toEqual([false, undefined, true])
    const other = keep(openStore({ dir: home, check: 'start' }))
    expect(other.db.checked).toBe(true)
  })

  test('that is no database, or gone, is the end', async () => {
    const { before, file } = await filled()
    fs.writeFileSync(file, 'not a database, whatever it was before'.repeat(200))
    const first = await openHistory({ dir: home }, () => {})
    expect(state(first)).toEqual(before)
    first.close()
    fs.rmSync(file)
    const store = keep(await openHistory({ dir: home }, () => {}))
    expect(state(store)).toEqual(before)
  })

  test('found by two processes at once is put aside twice, the new one too', async () => {
    const { before, file } = await filled()
    const handle = fs.openSync(file, 'r+')
    fs.writeSync(handle, Buffer.alloc(4096, 0xa5), 0, 4096, 2 * 4096)
    fs.closeSync(handle)
    const [a, b] = [openStore({ dir: home }), openStore({ dir: home })].map(keep)
    expect([a?.repairs.length, b?.repairs.length]).toEqual([1, 0])
    if (a) await syncLogDir(a, logDir)
    expect(b && state(b)).toEqual(before)
    expect(fs.readdirSync(path.join(home, 'damaged')).filter((name) => name.endsWith('.sqlite'))).toHaveLength(1)
  })
})

describe('a disk that cannot be written', () => {
  test.skipIf(!DISKS_POSSIBLE)(`because it is full loses what was acknowledged${SKIPPED_WITHOUT_DISKS}`, () => {
    fs.mkdirSync(home)
    expect(mountDisk(home, 'size=1m')).toBe(true)
    try {
      const store = openStore({ dir: home })
      const run = newRun()
      store.runs.create(run)
      let acknowledged = 0
      let step = 0
      expect(() => {
        for (; step < 100_000; step += 100) {
          store.metrics.append(
            run.id,
            batches(step, 100, (at) => ({ a: at, b: at })),
          )
          acknowledged += 100
        }
      }).toThrow(/disk of the history .* is full/)
      const points = (at: Store): unknown => at.db.handle.prepare('SELECT count(*) FROM points').pluck().get()
      expect(points(store)).toBe(2 * acknowledged)
      store.close()
      // And it goes on once there is room.
      expect(remountDisk(home, 'size=8m')).toBe(true)
      const again = openStore({ dir: home })
      expect(points(again)).toBe(2 * acknowledged)
      again.metrics.append(
        run.id,
        batches(step, 100, (at) => ({ a: at, b: at })),
      )
      expect(points(again)).toBe(2 * (acknowledged + 100))
      expect(again.db.check()).toEqual([])
      again.close()
    } finally {
      unmountDisk(home)
    }
  })

  test('because it is read-only says "SQLITE_CANTOPEN"', () => {
    fs.mkdirSync(home)
    openStore({ dir: home }).close()
    const blocked = path.join(dir, 'file')
    fs.writeFileSync(blocked, '')
    expect(() => openStore({ dir: path.join(blocked, 'home') })).toThrow(/cannot be made/)
    if (!DISKS_POSSIBLE) return
    expect(mountDisk(home, 'size=1m,ro')).toBe(true)
    try {
      expect(() => openStore({ dir: home })).toThrow(/The history .* cannot be (read or )?written|cannot be opened/)
    } finally {
      unmountDisk(home)
    }
  })
})

describe('the trash', () => {
  test('loses files, overwrites a run that took the name, or frees nothing', async () => {
    const folder = writeRun('v0')
    const store = keep(openStore({ dir: home }))
    await syncLogDir(store, logDir)
    deleteRun(store, 'id-v0', 1)
    expect(fs.existsSync(folder)).toBe(false)
    await syncLogDir(store, logDir)
    expect(listed(store)).toEqual([])
    // Somebody else takes the name.
    writeRun('v0', { id: 'other' })
    await syncLogDir(store, logDir)
    const { dir: back } = restoreRun(store, 'id-v0')
    expect(back).toBe(`${folder}-2`)
    expect(fs.readdirSync(back ?? '').sort()).toEqual(['hparams.yaml', 'metrics.jsonl', 'run.json'])
    await syncLogDir(store, logDir)
    expect(
      store
        .list({})
        .rows.map(({ id }) => id)
        .sort(),
    ).toEqual(['id-v0', 'other'])
    expect(() => purgeRun(store, 'id-v0')).toThrow(/not in the trash/)
    deleteRun(store, 'id-v0', 2)
    const { trash_dir } = store.runs.get('id-v0')
    const bytes = fs
      .readdirSync(trash_dir ?? '')
      .reduce((sum, name) => sum + fs.statSync(path.join(trash_dir ?? '', name)).size, 0)
    expect(purgeRun(store, 'id-v0')).toEqual({ bytes })
    expect(fs.existsSync(trash_dir ?? '')).toBe(false)
    expect(store.runs.find('id-v0')).toBeUndefined()
  })

  test('gives up a run whose folder is being read at that moment, or hides it once it is taken out', async () => {
    const store = keep(openStore({ dir: home }))
    const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
    // A look through the folders takes some turns of the event loop; each is the one in which the run is moved.
    for (let turns = 0; turns < 40; turns++) {
      writeRun('v0', { created: turns })
      await syncLogDir(store, logDir)
      for (const look of [() => syncLogDir(store, logDir), () => syncRun(store, path.join(logDir, 'exp', 'v0'))]) {
        fs.appendFileSync(path.join(logDir, 'exp', 'v0', 'hparams.yaml'), `n${turns}: 1\n`)
        const looking = look().catch(() => undefined)
        for (let n = 0; n < turns; n++) await turn()
        deleteRun(store, 'id-v0', 1)
        await looking
        expect(store.list({ trash: true }).rows.map(({ id }) => id)).toEqual(['id-v0'])

        const lookingAgain = syncLogDir(store, logDir)
        for (let n = 0; n < turns; n++) await turn()
        expect(restoreRun(store, 'id-v0').dir).toBe(path.join(logDir, 'exp', 'v0'))
        await lookingAgain
        expect(listed(store)).toEqual(['v0'])
      }
    }
  })

  test('takes a run that is being trained, or a folder that a forged record names', async () => {
    writeRun('v0', { status: 'running', host: 'elsewhere' })
    const store = keep(openStore({ dir: home }))
    await syncLogDir(store, logDir)
    expect(() => deleteRun(store, 'id-v0', 1)).toThrow(/is running/)
    const precious = path.join(dir, 'precious')
    fs.mkdirSync(precious)
    const run = newRun({ status: 'finished' })
    store.runs.create({ ...run, logDir })
    store.runs.markTrashed(run.id, 1, precious)
    expect(() => purgeRun(store, run.id)).toThrow(/not deleted/)
    store.runs.markTrashed(run.id, 1, path.join(logDir, '.trash'))
    expect(() => purgeRun(store, run.id)).toThrow(/not deleted/)
    expect(fs.existsSync(precious)).toBe(true)
  })
})

describe('run folders', () => {
  test('are read again though nothing changed, or not though something did', async () => {
    const folder = writeRun('v0')
    const store = keep(openStore({ dir: home }))
    await syncLogDir(store, logDir)
    const { sequence } = store.runs.get('id-v0')
    await syncLogDir(store, logDir)
    expect(store.runs.get('id-v0').sequence).toBe(sequence)
    fs.appendFileSync(
      path.join(folder, 'metrics.jsonl'),
      `${JSON.stringify(batches(500, 1, () => ({ val_loss: 7 }))[0])}\n`,
    )
    await syncLogDir(store, logDir)
    expect(store.list({ metrics: 'all' }).rows[0]?.figures['val_loss']).toBe(7)
  })

  test('that are gone take what was known with them, or stay in the list', async () => {
    const folder = writeRun('v0')
    const store = keep(openStore({ dir: home }))
    await syncLogDir(store, logDir)
    fs.rmSync(folder, { recursive: true })
    await syncLogDir(store, logDir)
    expect(listed(store)).toEqual([])
    expect(store.list({ missing: true, metrics: 'all' }).rows[0]).toMatchObject({
      missing: true,
      figures: { val_acc: 0.998 },
    })
    writeRun('v0')
    await syncLogDir(store, logDir)
    expect(listed(store)).toEqual(['v0'])
  })

  test('that are read while a run is taken out of the queue, or put back, tell of it what was true before', async () => {
    const store = keep(openStore({ dir: home }))
    writeRun('v0', { status: 'queued' })
    await syncLogDir(store, logDir)
    const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
    const become = (from: RunRecord['status'], to: RunRecord['status']): void =>
      store.db.write('as the queue does', () => {
        store.runs.transition('id-v0', from, to, 'r', 1)
        const file = path.join(logDir, 'exp', 'v0', 'run.json')
        fs.writeFileSync(`${file}.new`, JSON.stringify(record('id-v0', 'v0', { status: to, reason: 'r' })))
        fs.renameSync(`${file}.new`, file)
      })
    for (let turns = 0; turns < 40; turns++)
      for (const look of [() => syncLogDir(store, logDir), () => syncRun(store, path.join(logDir, 'exp', 'v0'))])
        for (const [from, to] of [
          ['queued', 'stopped'],
          ['stopped', 'queued'],
        ] as const) {
          fs.appendFileSync(path.join(logDir, 'exp', 'v0', 'metrics.jsonl'), ' ')
          const looking = look()
          for (let n = 0; n < turns; n++) await turn()
          become(from, to)
          await looking
          expect(store.runs.get('id-v0').status).toBe(to)
        }
  })

  test('whose configuration is deleted while the run goes on keep it from being shown', async () => {
    const folder = writeRun('v0', { status: 'running', host: 'elsewhere' })
    const store = keep(openStore({ dir: home }))
    await syncLogDir(store, logDir)
    fs.rmSync(path.join(folder, 'hparams.yaml'))
    fs.appendFileSync(path.join(folder, 'metrics.jsonl'), '{"epoch": 500')
    await syncLogDir(store, logDir)
    expect(store.list({ metrics: 'all' }).rows[0]).toMatchObject({ status: 'running', figures: { val_acc: 0.998 } })
  })

  test('written on a machine whose clock jumps are in another order than they happened', async () => {
    writeRun('v0', { status: 'running', host: 'elsewhere' })
    const store = keep(openStore({ dir: home }))
    const at = (now: number) => () => ({ host: 'here', now, monotonic: 0, processInfo: () => ({ alive: false }) })
    const now = Date.now()
    await syncLogDir(store, logDir, at(now))
    // Two hours forward: no sign of life for that long. Then back: it lives after all.
    await syncLogDir(store, logDir, at(now + 7_200_000))
    await syncLogDir(store, logDir, at(now))
    writeRun('v0')
    await syncLogDir(store, logDir, at(now - 7_200_000))
    expect(store.runs.transitions('id-v0').map(({ to }) => to)).toEqual(['running', 'crashed', 'running', 'finished'])
    expect(store.runs.get('id-v0').status).toBe('finished')
  })
})

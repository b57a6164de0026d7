import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createCore, type Core } from './createCore'
import { childProcessSpawner } from './engine/childProcessSpawner'
import { temporaryFolder } from './store/testing/storeFixture'

function writeRun(logDir: string, version: string, status = 'finished'): void {
  const dir = path.join(logDir, 'exp', version)
  fs.mkdirSync(dir, { recursive: true })
  const names = { exp_name: 'exp', exp_version: version, model_name: 'bt', dts_name: 'd' }
  const made = { created: 1000, pid: 1, host: 'elsewhere', command: 'delta train', version: '0', warnings: [] }
  fs.writeFileSync(path.join(dir, 'run.json'), JSON.stringify({ format: 1, id: version, ...names, status, ...made }))
}

async function table(core: Core): Promise<{ runs: string[]; reading: boolean }> {
  const reply = await core.request('runs.table', {})
  if (!reply.ok) throw new Error(reply.error.message)
  const { rows, reading } = Object(reply.data)
  return { runs: rows.map((row: object) => `${Reflect.get(row, 'id')} ${Reflect.get(row, 'status')}`).sort(), reading }
}

function opening(dir: string): { logDir: string; open: () => Core } {
  const logDir = path.join(dir, 'lightning_logs')
  const open = (): Core =>
    createCore({
      ...{ logDir, dataDir: path.join(dir, 'home'), spawner: childProcessSpawner('none') },
      roots: { cwd: dir, installed: dir },
    })
  return { logDir, open }
}

test('a table that the history knows waits for thousands of folders, or a run that was written meanwhile never comes', async () => {
  const { dir, remove } = temporaryFolder()
  const { logDir, open } = opening(dir)
  try {
    writeRun(logDir, 'v0')
    writeRun(logDir, 'v1')
    const first = open()
    // A history that knows nothing yet reads the folders at once.
    await expect.poll(async () => (await table(first)).runs).toHaveLength(2)
    await first.close()

    writeRun(logDir, 'v1', 'failed')
    writeRun(logDir, 'v2')
    const second = open()
    expect(await table(second)).toEqual({ runs: ['v0 finished', 'v1 finished'], reading: true })
    const now = { runs: ['v0 finished', 'v1 failed', 'v2 finished'], reading: false }
    await expect.poll(() => table(second)).toEqual(now)
    await second.close()

    // Nobody asks: the folders are looked through all the same.
    writeRun(logDir, 'v3')
    const third = open()
    await new Promise<void>((resolve) => third.subscribe(({ event }) => event === 'runs.changed' && resolve()))
    await third.close()
  } finally {
    remove()
  }
})

test('a first look that finds every run as it was shown has the table asked for again', async () => {
  const { dir, remove } = temporaryFolder()
  const { logDir, open } = opening(dir)
  try {
    writeRun(logDir, 'v0')
    const first = open()
    await expect.poll(async () => (await table(first)).runs).toHaveLength(1)
    await first.close()

    const second = open()
    let told = 0
    second.subscribe(({ event }) => event === 'runs.changed' && told++)
    await expect.poll(async () => (await table(second)).reading).toBe(false)
    expect(told).toBe(0)
    // What changes from then on is told.
    writeRun(logDir, 'v0', 'failed')
    await expect.poll(() => told).toBeGreaterThan(0)
    expect((await table(second)).runs).toEqual(['v0 failed'])
    await second.close()

    // All of them are gone: who was shown them, and then none, must hear that the look is over.
    fs.rmSync(path.join(logDir, 'exp'), { recursive: true })
    const third = open()
    await new Promise<void>((resolve) => third.subscribe(({ event }) => event === 'runs.changed' && resolve()))
    expect(await table(third)).toEqual({ runs: [], reading: false })
    await third.close()

    // The history knows of runs, and the table shows none of them.
    const fourth = open()
    const heard = new Promise<void>((resolve) => fourth.subscribe(({ event }) => event === 'runs.changed' && resolve()))
    expect(await table(fourth)).toEqual({ runs: [], reading: true })
    await heard
    await fourth.close()
  } finally {
    remove()
  }
})

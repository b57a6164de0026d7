import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { RunStore } from './runStore'
import { watchRuns } from './watchRuns'

const folders: string[] = []
const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function watched(logDir: string) {
  const changed = vi.fn()
  const store = new RunStore(logDir)
  ends.push(watchRuns(() => store.glance(), changed))
  return changed
}

function write(logDir: string, status: string, version = 'v0'): void {
  const dir = join(logDir, 'exp', version)
  mkdirSync(dir, { recursive: true })
  const record = {
    format: 1,
    id: version,
    exp_name: 'exp',
    exp_version: version,
    model_name: 'm',
    dts_name: 'd',
    status,
    created: 1,
    pid: process.pid,
    host: 'elsewhere',
    command: '',
    version: '0',
    warnings: [],
  }
  writeFileSync(join(dir, 'run.json'), JSON.stringify(record))
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'delta-watch-'))
  folders.push(folder)
  return folder
}

it('tells of a run in a log folder that did not exist yet, and of its end', async () => {
  const logDir = join(newFolder(), 'lightning_logs')
  const changed = watched(logDir)
  await new Promise((resolve) => setTimeout(resolve, 100))
  write(logDir, 'running')
  await expect.poll(() => changed.mock.calls.length).toBeGreaterThan(0)
  const before = changed.mock.calls.length
  write(logDir, 'finished')
  await expect.poll(() => changed.mock.calls.length).toBeGreaterThan(before)
})

it('says nothing while nothing changes, and nothing after its end', async () => {
  const logDir = newFolder()
  write(logDir, 'finished')
  const store = new RunStore(logDir)
  const scan = vi.fn(() => store.scan())
  const changed = vi.fn()
  const end = watchRuns(scan, changed, 10)
  // Looked at again and again, the runs being the same each time.
  await expect.poll(() => scan.mock.calls.length).toBeGreaterThan(3)
  expect(changed).not.toHaveBeenCalled()
  end()
  await new Promise((resolve) => setTimeout(resolve, 50))
  const looks = scan.mock.calls.length
  write(logDir, 'stopped')
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(scan.mock.calls.length).toBe(looks)
  expect(changed).not.toHaveBeenCalled()
})

it('tells of nothing while a run that trains writes to its folder all the time', async () => {
  const logDir = newFolder()
  write(logDir, 'running')
  const changed = watched(logDir)
  const metrics = join(logDir, 'exp', 'v0', 'metrics.jsonl')
  const training = setInterval(() => appendFileSync(metrics, '\n'), 20)
  ends.push(() => clearInterval(training))
  await expect.poll(() => changed.mock.calls.length).toBeGreaterThan(2)
  write(logDir, 'finished', 'v1')
  const before = changed.mock.calls.length
  await expect.poll(() => changed.mock.calls.length).toBeGreaterThan(before)
})

import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../data/dataFixture'
import { startOf, takeOwnership } from './owner'

test.skipIf(process.platform !== 'linux')(
  'an engine that was killed keeps its folder until somebody asks for its exit code',
  async () => {
    // The shell turns into a program that never looks after the child that it has had.
    const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] })
    const pid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)))
    const started = startOf(pid)
    expect(started).toMatch(/^[\da-f-]{36}\/\d+$/)
    const state = (): string | undefined => / ([A-Z]) /.exec(fs.readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1]
    await expect.poll(state).toBe('Z')
    const dir = temporaryFolder()
    fs.writeFileSync(path.join(dir, '.owner'), JSON.stringify({ pid, host: os.hostname(), started }))
    takeOwnership(dir)()
    expect(fs.existsSync(path.join(dir, '.owner'))).toBe(false)
    parent.kill('SIGKILL')
  },
)

test('two owners share a folder', () => {
  const dir = temporaryFolder()
  const release = takeOwnership(dir)
  expect(() => takeOwnership(dir)).toThrow(/is being trained by process/)
  release()
  takeOwnership(dir)()
})

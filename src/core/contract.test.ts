import fs from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AppEvent } from '../shared/api/events'
import { checkContract } from '../shared/testing/contract'
import { createCore } from './createCore'
import { childProcessSpawner } from './engine/childProcessSpawner'
import { ENGINE, buildCli, contractFiles, workspace } from './testing/workspace'

let cwd: string
beforeAll(() => {
  buildCli()
  cwd = workspace()
})
afterAll(() => fs.rmSync(cwd, { recursive: true, force: true }))

test('a route is answered otherwise in process than it promises (server: over a WebSocket; e2e: through Electron)', async () => {
  const core = createCore({
    logDir: path.join(cwd, 'lightning_logs'),
    dataDir: path.join(cwd, 'history'),
    spawner: childProcessSpawner(ENGINE),
    roots: { cwd, installed: cwd },
    shell: { pick: async () => [contractFiles(cwd).config_file], reveal: () => {}, confirm: async () => false },
  })
  const events: AppEvent[] = []
  core.subscribe((event) => events.push(event))
  expect(
    await checkContract({ ask: core.request, events: async () => events, pause: setTimeout }, contractFiles(cwd)),
  ).toEqual([])
  await core.close()
  // After its end nothing hangs and nothing throws.
  expect(await core.request('queue.get', {})).toMatchObject({ ok: false })
})

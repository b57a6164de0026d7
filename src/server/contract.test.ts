import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { ENGINE, buildCli, contractFiles, workspace } from '../core/testing/workspace'
import type { AppEvent } from '../shared/api/events'
import type { Reply } from '../shared/api/requests'
import { fromServerSchema } from '../shared/api/socket'
import { checkContract } from '../shared/testing/contract'
import { serve } from './serve'

let cwd: string
beforeAll(() => {
  buildCli()
  cwd = workspace()
})
afterAll(() => fs.rmSync(cwd, { recursive: true, force: true }))

test('a route is answered otherwise over a WebSocket than in process', async () => {
  const page = path.join(cwd, 'page')
  fs.mkdirSync(page)
  fs.writeFileSync(path.join(page, 'index.html'), '')
  const served = await serve({
    logDir: path.join(cwd, 'lightning_logs'),
    dataDir: path.join(cwd, 'history'),
    spawner: childProcessSpawner(ENGINE),
    roots: { cwd, installed: cwd },
    shell: { pick: async () => [contractFiles(cwd).config_file], reveal: () => {}, confirm: async () => false },
    rendererDir: page,
  })
  const { search } = new URL(served.url)
  const origin = `http://127.0.0.1:${served.port}`
  const socket = new WebSocket(`ws://127.0.0.1:${served.port}/socket${search}`, { headers: { origin } })
  await once(socket, 'open')
  const events: AppEvent[] = []
  const waiting = new Map<number, (reply: Reply<unknown>) => void>()
  socket.on('message', (data) => {
    const frame = fromServerSchema.parse(JSON.parse(String(data)))
    if ('event' in frame) events.push(frame)
    else waiting.get(frame.id)?.(frame.reply)
  })
  let id = 0
  const ask = (route: string, input: unknown): Promise<Reply<unknown>> =>
    new Promise((resolve) => {
      waiting.set(++id, resolve)
      socket.send(JSON.stringify({ id, route, input }))
    })
  expect(await checkContract({ ask, events: async () => events, pause: setTimeout }, contractFiles(cwd))).toEqual([])
  socket.close()
  await served.close()
})

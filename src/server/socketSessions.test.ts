import { once } from 'node:events'
import { createServer } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Core } from '../core/createCore'
import type { AppEvent } from '../shared/api/events'
import { SocketSessions } from './socketSessions'

/** Some hundred kilobytes of figures. */
const FIGURES = Array.from({ length: 2_000 }, (_, step) => ({
  epoch: step,
  step,
  time: 0,
  values: { train_loss: 0.5 },
}))

test('a page that reads slowly fills the memory of its server, or is never told that it missed something', async () => {
  let publish: (event: AppEvent) => void = () => {}
  const core: Core = {
    logDir: '/',
    running: 0,
    request: async () => ({ ok: true, data: null }),
    subscribe(listener) {
      publish = listener
      return () => undefined
    },
    close: async () => undefined,
  }
  const sessions = new SocketSessions(core)
  const server = createServer()
  server.on('upgrade', (request, socket, head) => sessions.accept(request, socket, head))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const client = new WebSocket(`ws://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`)
  onTestFinished(() => {
    client.terminate()
    sessions.close()
    server.close()
  })
  await once(client, 'open')
  const heard: { event: string; payload: { sequence: number } }[] = []
  client.on('message', (data) => heard.push(JSON.parse(String(data))))

  publish({ event: 'runs.changed', payload: { sequence: 7 } })
  client.pause()
  const sent = 200
  for (let n = 1; n <= sent; n++) {
    publish({ event: 'run.metrics', payload: { runId: 'a', first: n, sequence: n, batches: FIGURES } })
    await new Promise((resolve) => setImmediate(resolve))
  }
  client.resume()
  await expect.poll(() => heard.at(-1)).toEqual({ event: 'runs.changed', payload: { sequence: 7 } })
  const metrics = heard.filter(({ event }) => event === 'run.metrics')
  expect(metrics.length).toBeGreaterThan(1)
  expect(metrics.length).toBeLessThan(sent / 2)
  // In order up to the mark, and flowing again after it.
  expect(metrics.map(({ payload }) => payload.sequence)).toEqual(metrics.map((_, i) => i + 1))
  publish({ event: 'run.metrics', payload: { runId: 'a', first: 999, sequence: 999, batches: [] } })
  await expect.poll(() => heard.at(-1)?.payload.sequence).toBe(999)
})

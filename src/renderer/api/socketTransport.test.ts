import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { socketTransport } from './socketTransport'

/** A socket that the test opens, closes and lets speak. */
class FakeSocket extends EventTarget {
  static made: FakeSocket[] = []
  readonly sent: { id: number; route: string }[] = []
  readonly address: string
  constructor(address: URL) {
    super()
    this.address = address.href
    FakeSocket.made.push(this)
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text))
  }
  close(): void {}
  open(): void {
    this.dispatchEvent(new Event('open'))
  }
  cut(): void {
    this.dispatchEvent(new Event('close'))
  }
  says(frame: unknown): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data: JSON.stringify(frame) }))
  }
}

const PAGE = new URL('http://127.0.0.1:5000/?token=t#/runs')
let status = 200
beforeEach(() => {
  vi.useFakeTimers()
  status = 200
  FakeSocket.made = []
  vi.stubGlobal('WebSocket', FakeSocket)
  vi.stubGlobal('addEventListener', () => undefined)
  vi.stubGlobal('fetch', async () => ({ status }))
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const socket = (n: number): FakeSocket => {
  const found = FakeSocket.made[n]
  if (!found) throw new Error(`only ${FakeSocket.made.length} sockets were opened`)
  return found
}
const reply = (id: number) => ({ id, reply: { ok: true, data: id } })

it('asks with the token of the page', () => {
  socketTransport(PAGE)
  expect(socket(0).address).toBe('ws://127.0.0.1:5000/socket?token=t')
})

it('loses questions of a lost connection, or repeats what may have been done', async () => {
  const transport = socketTransport(PAGE)
  const states: string[] = []
  transport.onState((state) => states.push(state))
  const early = transport.request('runs.list', {})
  socket(0).open()
  const question = transport.request('history.query', {})
  const deed = transport.request('runs.stop', {})
  socket(0).says(reply(0))
  expect(await early).toEqual({ ok: true, data: 0 })
  socket(0).cut()
  expect(await deed).toMatchObject({ ok: false, error: { code: 'service_failed' } })
  const later = transport.request('runs.delete', {})
  await vi.advanceTimersByTimeAsync(600)
  socket(1).open()
  expect(socket(1).sent.map(({ route }) => route)).toEqual(['history.query', 'runs.delete'])
  socket(1).says(reply(1))
  socket(1).says(reply(3))
  expect(await Promise.all([question, later])).toEqual([
    { ok: true, data: 1 },
    { ok: true, data: 3 },
  ])
  expect(states).toEqual(['connecting', 'open', 'lost', 'open'])
})

it('waits for ever on a network that went away without a word', async () => {
  const transport = socketTransport(PAGE)
  let state = ''
  transport.onState((next) => (state = next))
  socket(0).open()
  await vi.advanceTimersByTimeAsync(16_000)
  expect(socket(0).sent.map(({ route }) => route)).toContain('app.info')
  // An answer proves that it is there.
  socket(0).says(reply(0))
  await vi.advanceTimersByTimeAsync(14_000)
  expect(state).toBe('open')
  await vi.advanceTimersByTimeAsync(22_000)
  expect(FakeSocket.made).toHaveLength(2)
  // What the dead socket still has to say comes too late.
  socket(1).open()
  socket(0).cut()
  expect(state).toBe('open')
})

it('tries on and on where the server does not know it', async () => {
  const transport = socketTransport(PAGE)
  let state = ''
  transport.onState((next) => (state = next))
  socket(0).open()
  status = 403
  socket(0).cut()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(state).toBe('refused')
  expect(FakeSocket.made).toHaveLength(1)
})

it('tries ever more seldom, up to ten seconds', async () => {
  socketTransport(PAGE)
  vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('refused')))
  for (let n = 0; n < 8; n++) {
    socket(n).cut()
    await vi.advanceTimersByTimeAsync(10_001)
  }
  expect(FakeSocket.made).toHaveLength(9)
})

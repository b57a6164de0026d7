import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { isLoopbackHost, isSameOrigin } from './guard'
import { memorySpawner } from '../core/engine/memorySpawner'
import { serve, type Served } from './serve'

/** A workbench whose history is in memory and whose engines say nothing. */
const core = { dataDir: undefined, spawner: memorySpawner(() => {}), roots: { cwd: '/', installed: '/' } }

let folder: string
let served: Served
let token: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'delta-serve-'))
  mkdirSync(join(folder, 'renderer', 'assets'), { recursive: true })
  writeFileSync(join(folder, 'renderer', 'index.html'), '<p>the page')
  writeFileSync(join(folder, 'renderer', 'assets', 'main.js'), '1')
  writeFileSync(join(folder, 'secret.js'), 'secret')
  served = await serve({ ...core, logDir: join(folder, 'logs'), port: 0, rendererDir: join(folder, 'renderer') })
  token = new URL(served.url).searchParams.get('token') ?? ''
})
afterAll(async () => {
  await served.close()
  rmSync(folder, { recursive: true, force: true })
})

/** `fetch` tidies paths up and sets Host itself; an attacker does not. */
async function get(path: string, headers: Record<string, string> = {}, method = 'GET') {
  const sent = request({ host: '127.0.0.1', port: served.port, path, method, headers })
  sent.end()
  const [response] = await once(sent, 'response')
  let body = ''
  for await (const part of response) body += part
  return { status: response.statusCode as number, body, headers: response.headers as Record<string, string> }
}

describe('the page', () => {
  it('is given to who has the token, under the policy that keeps it in', async () => {
    const answer = await get(`/?token=${token}`)
    expect(answer).toMatchObject({ status: 200, body: '<p>the page' })
    expect(answer.headers['content-security-policy']).toContain("script-src 'self'")
    expect(answer.headers['referrer-policy']).toBe('no-referrer')
  })

  it.each([
    '/',
    '/?token=',
    '/?token=wrong',
    '/index.html',
    '/index.html?token=x',
    '//',
    '/%69ndex.html',
    '/index.htm%6c',
  ])('is not given for %s', async (path) => {
    const answer = await get(path)
    expect([403, 404]).toContain(answer.status)
    expect(answer.body).not.toContain('the page')
  })

  it.each([
    '/../secret.js',
    '/assets/../../secret.js',
    '/%2e%2e/secret.js',
    '/..%2fsecret.js',
    '/assets/..%5c..%5csecret.js',
  ])('is all there is: %s', async (path) => {
    const answer = await get(`${path}?token=${token}`)
    expect(answer.status).toBe(404)
    expect(answer.body).not.toContain('secret')
  })

  it.each(['evil.example', 'evil.example:80', '127.0.0.1.evil.example', '192.168.0.7', 'localhost@evil.example'])(
    'is not given to a name of someone else (%s) that leads here',
    async (host) => {
      expect((await get(`/?token=${token}`, { host })).status).toBe(403)
    },
  )

  it('is given through a forwarded port', async () => {
    expect((await get(`/?token=${token}`, { host: 'localhost:9999' })).status).toBe(200)
  })

  it('lists no folder', async () => {
    for (const path of ['/assets', '/assets/', '/.', '/assets/.'])
      expect((await get(`${path}?token=${token}`)).body, path).not.toMatch(/main\.js|secret/)
  })

  it('is all there is, through a link too', async () => {
    symlinkSync(join(folder, 'secret.js'), join(folder, 'renderer', 'linked.js'))
    expect((await get('/linked.js')).status).toBe(404)
  })

  it('is not given to who names another machine in the first line', async () => {
    expect((await get('http://evil.example/index.html')).status).toBe(403)
    expect((await get(`http://evil.example/?token=wrong`)).body).not.toContain('the page')
  })

  it('refuses a head that never ends', async () => {
    const socket = connect(served.port, '127.0.0.1')
    let answer = ''
    // Reset while it still writes, it has been refused as well.
    socket.on('error', () => undefined).on('data', (data) => (answer += String(data)))
    socket.write(`GET /?token=${'x'.repeat(100_000)} HTTP/1.1\r\nHost: 127.0.0.1\r\n`)
    await new Promise((resolve) => socket.on('close', resolve))
    expect(answer).not.toContain('200 OK')
    expect((await get(`/?token=${token}`)).status).toBe(200)
  })

  it('takes nothing but GET and HEAD', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'PROPFIND'])
      expect((await get(`/?token=${token}`, {}, method)).status, method).toBe(405)
    expect(await get(`/?token=${token}`, {}, 'HEAD')).toMatchObject({ status: 200, body: '' })
  })

  it('survives what is no HTTP', async () => {
    const socket = connect(served.port, '127.0.0.1')
    socket.end('\0\r\n\r\n')
    await once(socket.resume(), 'close')
    expect((await get(`/?token=${token}`)).status).toBe(200)
  })
})

async function open(
  query: string,
  headers: Record<string, string> = {},
  path = '/socket',
): Promise<WebSocket | number> {
  const origin = `http://127.0.0.1:${served.port}`
  const socket = new WebSocket(`ws://127.0.0.1:${served.port}${path}${query}`, { headers: { origin, ...headers } })
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve(socket))
    socket.on('unexpected-response', (_request, { statusCode }) => resolve(statusCode ?? 0))
    socket.on('error', reject)
  })
}

async function opened(): Promise<WebSocket> {
  const socket = await open(`?token=${token}`)
  if (typeof socket === 'number') throw new Error(`refused with ${socket}`)
  return socket
}

async function ask(socket: WebSocket, frame: unknown): Promise<unknown> {
  socket.send(JSON.stringify(frame))
  const [data] = await once(socket, 'message')
  return JSON.parse(String(data))
}

describe('the socket', () => {
  it('answers requests, each under its number', async () => {
    const socket = await opened()
    const reply = await ask(socket, { id: 7, route: 'app.info', input: {} })
    expect(reply).toMatchObject({ id: 7, reply: { ok: true, data: { logDir: join(folder, 'logs') } } })
    expect(await ask(socket, { id: 8, route: 'no.such', input: {} })).toMatchObject({
      reply: { ok: false, error: { code: 'unknown_route' } },
    })
    socket.close()
  })

  it('is refused without the token, with a wrong one, and on another path', async () => {
    expect(await open('')).toBe(401)
    expect(await open('?token=wrong')).toBe(401)
    expect(await open(`?token=${token.slice(0, -1)}`)).toBe(401)
    expect(await open(`?token=${token}`, {}, '/other')).toBe(404)
  })

  it('is refused to pages of other origins, and to names of others that lead here', async () => {
    const port = String(served.port)
    expect(await open(`?token=${token}`, { origin: 'http://evil.example' })).toBe(403)
    expect(await open(`?token=${token}`, { origin: 'null' })).toBe(403)
    expect(await open(`?token=${token}`, { origin: 'http://127.0.0.1:1' })).toBe(403)
    expect(await open(`?token=${token}`, { origin: `https://127.0.0.1:${port}` })).toBe(403)
    const host = `evil.example:${port}`
    expect(await open(`?token=${token}`, { host, origin: `http://${host}` })).toBe(403)
  })

  it.each([
    'not json',
    '[]',
    '{"id":-1,"route":"app.info","input":{}}',
    '{"route":"app.info"}',
    '{"id":1,"route":"app.info","input":{},"x":1}',
  ])('is closed on %s', async (text) => {
    const socket = await opened()
    socket.send(text)
    const [code] = await once(socket, 'close')
    expect(code).toBe(1007)
  })

  it('answers no page whose socket hides what it says in binary', async () => {
    const socket = await opened()
    socket.send(Buffer.from('{"id":1,"route":"app.info","input":{}}'))
    const [code] = await once(socket, 'close')
    expect(code).toBe(1007)
  })

  it('serves several pages at once, each under its own numbers', async () => {
    const [one, other] = [await opened(), await opened()]
    const [first, second] = await Promise.all([
      ask(one, { id: 1, route: 'app.info', input: {} }),
      ask(other, { id: 1, route: 'no.such', input: {} }),
    ])
    expect(first).toMatchObject({ id: 1, reply: { ok: true } })
    expect(second).toMatchObject({ id: 1, reply: { ok: false } })
    one.close()
    expect(await ask(other, { id: 2, route: 'app.info', input: {} })).toMatchObject({ id: 2, reply: { ok: true } })
    other.close()
  })

  it('keeps a request from reaching files that nobody opened to it', async () => {
    const socket = await opened()
    const reply = await ask(socket, { id: 1, route: 'files.browse', input: { dir: '/etc' } })
    expect(reply).toMatchObject({ reply: { ok: false, error: { code: 'forbidden_path' } } })
    socket.close()
  })

  it('is closed on a frame larger than any request', async () => {
    const socket = await opened()
    socket.on('error', () => undefined)
    socket.send(JSON.stringify({ id: 1, route: 'app.info', input: 'x'.repeat(2 ** 20) }))
    const [code] = await once(socket, 'close')
    expect(code).toBe(1009)
  })
})

describe('the server', () => {
  it('listens on 127.0.0.1 alone', async () => {
    const outcome = await new Promise((resolve) => {
      const socket = connect({ port: served.port, host: '::1' })
      socket.on('connect', () => resolve('connected')).on('error', () => resolve('refused'))
    })
    expect(outcome).toBe('refused')
  })

  it('says that its port is taken', async () => {
    const again = serve({ ...core, logDir: folder, port: served.port, rendererDir: join(folder, 'renderer') })
    await expect(again).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining(String(served.port)) })
  })

  it('says that the page has not been built', async () => {
    await expect(serve({ ...core, logDir: folder, rendererDir: folder })).rejects.toMatchObject({ code: 'not_found' })
  })
})

it('takes only this machine for itself', () => {
  for (const host of ['127.0.0.1', '127.0.0.1:80', 'localhost:1', 'LOCALHOST', '[::1]:5'])
    expect(isLoopbackHost(host)).toBe(true)
  for (const host of [
    undefined,
    '',
    'localhost.',
    '127.0.0.1:80:80',
    '0.0.0.0',
    '[::1].evil',
    'a@localhost',
    '127.1',
  ]) {
    expect(isLoopbackHost(host)).toBe(false)
  }
  expect(isSameOrigin(undefined, 'localhost')).toBe(false)
})

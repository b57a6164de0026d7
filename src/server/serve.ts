import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { createCore, type CoreOptions } from '../core/createCore'
import { pageAsset } from '../core/web/pageAsset'
import { PAGE_HEADERS } from '../core/web/pageHeaders'
import { SOCKET_PATH } from '../shared/api/socket'
import { AppError } from '../shared/errors'
import { isLoopbackHost, isSameOrigin, requestUrl, tokenMatches } from './guard'
import { sshHint } from './sshHint'
import { SocketSessions } from './socketSessions'

export interface ServeOptions extends CoreOptions {
  /** 0 takes any free port. */
  port?: number
  /** The built page; beside the built server by default. */
  rendererDir?: string
}

export interface Served {
  /** To be opened as it is: it carries the token. */
  url: string
  port: number
  /** What to type on another machine to reach it. */
  ssh: string
  close(): Promise<void>
}

const HOST = '127.0.0.1'
const TOKEN_BYTES = 24

/** Serves the window's page, and the same requests over a WebSocket, to browsers on this machine that know the token. */
export async function serve(options: ServeOptions): Promise<Served> {
  const rendererDir = options.rendererDir ?? join(import.meta.dirname, '..', 'renderer')
  if (!existsSync(join(rendererDir, 'index.html'))) {
    throw new AppError('not_found', 'The page to serve has not been built', {
      file: rendererDir,
      fix: 'Run: npm run build',
    })
  }
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  const server = createServer((request, response) => {
    answerPage(request, response, rendererDir, token).catch(() => refuse(response, 500, 'The page could not be read.'))
  })
  const port = await listen(server, options.port ?? 0)

  const core = createCore(options)
  const sessions = new SocketSessions(core)
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Node drops its own listener here; without one a client that resets the connection would end the process.
    socket.on('error', () => socket.destroy())
    const refusal = refuseSocket(request, token)
    if (refusal === undefined) sessions.accept(request, socket, head)
    else socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  })

  return {
    url: `http://${HOST}:${port}/?token=${token}`,
    port,
    ssh: sshHint(port),
    async close() {
      sessions.close()
      await core.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const fix = 'Choose another with --port, or 0 for any free one.'
      reject(new AppError('usage', `Port ${port} of ${HOST} cannot be used`, { fix }, error))
    })
    server.listen(port, HOST, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

async function answerPage(
  request: IncomingMessage,
  response: ServerResponse,
  rendererDir: string,
  token: string,
): Promise<void> {
  if (!isLoopbackHost(request.headers.host))
    return refuse(response, 403, 'This server answers to 127.0.0.1 and localhost only.')
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'Only GET is answered here.')
  const url = requestUrl(request)
  const asset = url && (await pageAsset(rendererDir, url.pathname))
  if (!asset) return refuse(response, 404, 'There is nothing here.')
  // Scripts and styles are the same for everyone; what needs the token is the page, and every request it makes.
  if (asset.type.startsWith('text/html') && !tokenMatches(token, url.searchParams.get('token'))) {
    return refuse(
      response,
      403,
      'The token is missing or wrong. Open the whole address that the server printed when it started.',
    )
  }
  response.writeHead(200, { ...PAGE_HEADERS, 'Content-Type': asset.type, 'Content-Length': asset.body.length })
  response.end(request.method === 'HEAD' ? undefined : asset.body)
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { ...PAGE_HEADERS, 'Content-Type': 'text/plain; charset=utf-8' })
  response.end(`${text}\n`)
}

/** The status line of a refusal, or undefined where the socket may be opened. */
function refuseSocket(request: IncomingMessage, token: string): string | undefined {
  const { host, origin } = request.headers
  const url = requestUrl(request)
  if (url?.pathname !== SOCKET_PATH) return '404 Not Found'
  if (!isLoopbackHost(host) || !isSameOrigin(origin, host)) return '403 Forbidden'
  if (!tokenMatches(token, url.searchParams.get('token'))) return '401 Unauthorized'
  return undefined
}

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer, type RawData } from 'ws'
import type { Core } from '../core/createCore'
import type { AppEvent } from '../shared/api/events'
import { socketRequestSchema, type FromServer } from '../shared/api/socket'

/** The largest request is a configuration; answers have no limit here. */
const MAX_REQUEST_BYTES = 2 ** 20
/** What may wait for a page that reads slowly. */
const HIGH_WATERMARK_BYTES = 4 * 2 ** 20
const LOW_WATERMARK_BYTES = 2 ** 20
const PING_MS = 30_000
const MALFORMED = 1007

/** The open pages of one server. */
export class SocketSessions {
  readonly #core: Core
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: MAX_REQUEST_BYTES, perMessageDeflate: false })
  readonly #answered = new WeakSet<WebSocket>()
  readonly #pinger: NodeJS.Timeout
  /** Pages that read more slowly than there is to tell. */
  readonly #behind = new WeakSet<WebSocket>()
  #lastChange: AppEvent = { event: 'runs.changed', payload: { sequence: 0 } }

  constructor(core: Core) {
    this.#core = core
    core.subscribe((event) => {
      if (event.event === 'runs.changed') this.#lastChange = event
      for (const socket of this.#server.clients) this.#tell(socket, event)
    })
    this.#pinger = setInterval(() => this.#dropSilent(), PING_MS)
    this.#pinger.unref()
  }

  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (opened) => {
      this.#answered.add(opened)
      opened.on('pong', () => this.#answered.add(opened))
      opened.on('message', (data, isBinary) => void this.#answer(opened, data, isBinary))
      // `ws` closes the socket itself; unheard, the error would end the process.
      opened.on('error', () => undefined)
    })
  }

  close(): void {
    clearInterval(this.#pinger)
    for (const socket of this.#server.clients) socket.terminate()
    this.#server.close()
  }

  async #answer(socket: WebSocket, data: RawData, isBinary: boolean): Promise<void> {
    const frame = isBinary ? undefined : parseFrame(data)
    if (frame === undefined) return socket.close(MALFORMED, 'not a request')
    send(socket, { id: frame.id, reply: await this.#core.request(frame.route, frame.input) })
  }

  /**
   * Past the high mark a page is told nothing more, so that a slow one does not fill this process's memory: all of it is in the
   * history. Below the low mark it is told to ask again.
   */
  #tell(socket: WebSocket, event: AppEvent): void {
    if (this.#behind.has(socket)) return
    send(socket, event, () => this.#catchUp(socket))
    if (socket.bufferedAmount > HIGH_WATERMARK_BYTES) this.#behind.add(socket)
  }

  #catchUp(socket: WebSocket): void {
    if (socket.bufferedAmount > LOW_WATERMARK_BYTES || !this.#behind.delete(socket)) return
    send(socket, this.#lastChange)
  }

  /** A laptop that went to sleep closes nothing: without this its socket would stay. */
  #dropSilent(): void {
    for (const socket of this.#server.clients) {
      if (!this.#answered.delete(socket)) socket.terminate()
      else socket.ping()
    }
  }
}

function parseFrame(data: RawData) {
  try {
    return socketRequestSchema.safeParse(JSON.parse(data.toString())).data
  } catch {
    return undefined
  }
}

function send(socket: WebSocket, frame: FromServer, sent: () => void = () => {}): void {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame), sent)
}

import type { AppEvent } from '../../shared/api/events'
import type { Reply } from '../../shared/api/requests'
import { fromServerSchema, SOCKET_PATH, type SocketRequest } from '../../shared/api/socket'
import { AppError } from '../../shared/errors'
import type { ConnectionState, Transport } from './transport'

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 10_000

/** Talks to `delta serve`. Connects again after a loss; requests made meanwhile wait for it. */
export function socketTransport(page: URL): Transport {
  const pending = new Map<number, (reply: Reply<unknown>) => void>()
  const unsent: SocketRequest[] = []
  const eventListeners = new Set<(event: AppEvent) => void>()
  const stateListeners = new Set<(state: ConnectionState) => void>()
  let state: ConnectionState = 'connecting'
  let socket: WebSocket | undefined
  let nextId = 0
  let retryMs = FIRST_RETRY_MS

  const become = (next: ConnectionState): void => {
    state = next
    for (const listener of stateListeners) listener(next)
  }

  const connect = (): void => {
    const address = new URL(`${SOCKET_PATH}${page.search}`, page)
    address.protocol = page.protocol === 'https:' ? 'wss:' : 'ws:'
    const opened = new WebSocket(address)
    opened.addEventListener('open', () => {
      socket = opened
      retryMs = FIRST_RETRY_MS
      for (const request of unsent.splice(0)) opened.send(JSON.stringify(request))
      become('open')
    })
    opened.addEventListener('message', ({ data }) => receive(data))
    opened.addEventListener('close', () => {
      socket = undefined
      failPending()
      void retry()
    })
  }

  const receive = (data: unknown): void => {
    const frame = fromServerSchema.parse(JSON.parse(String(data)))
    if ('event' in frame) {
      for (const listener of eventListeners) listener(frame)
      return
    }
    pending.get(frame.id)?.(frame.reply)
    pending.delete(frame.id)
  }

  const failPending = (): void => {
    const error = new AppError('internal', 'The connection to the server was lost', {
      fix: 'The page asks again by itself once the server answers.',
    })
    const waiting = new Set(unsent.map(({ id }) => id))
    for (const [id, settle] of pending) {
      if (waiting.has(id)) continue
      pending.delete(id)
      settle({ ok: false, error: error.toJSON() })
    }
  }

  /** A browser does not tell why a socket was refused; the page itself does. */
  const retry = async (): Promise<void> => {
    const refused = await fetch(page, { method: 'HEAD' }).then(
      ({ status }) => status === 403,
      () => false,
    )
    if (refused) return become('refused')
    become('lost')
    setTimeout(connect, retryMs)
    retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)
  }

  connect()
  return {
    request(route, input) {
      const request: SocketRequest = { id: nextId++, route, input }
      return new Promise((settle) => {
        pending.set(request.id, settle)
        if (socket) socket.send(JSON.stringify(request))
        else unsent.push(request)
      })
    },
    onEvent(listener) {
      eventListeners.add(listener)
      return () => eventListeners.delete(listener)
    },
    onState(listener) {
      listener(state)
      stateListeners.add(listener)
      return () => stateListeners.delete(listener)
    },
  }
}

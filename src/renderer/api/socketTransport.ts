import type { AppEvent } from '../../shared/api/events'
import type { Reply } from '../../shared/api/requests'
import { fromServerSchema, SOCKET_PATH, type SocketRequest } from '../../shared/api/socket'
import { AppError } from '../../shared/errors'
import type { ConnectionState, Transport } from './transport'

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 10_000
/** A network that goes away without a word (a laptop that slept, a tunnel that hangs) closes nothing for minutes: the page asks after it. */
const LOOK_EVERY_MS = 5_000
const QUIET_MS = 15_000
const DEAD_MS = 30_000

/** What only asks may be asked again after a loss; of anything else nobody knows whether it was done. */
const isQuestion = (route: string): boolean =>
  /\.(info|list|get|query|columns|browse|preview|stats|validate)$/.test(route)

/** Talks to `delta serve`. Connects again after a loss; requests made meanwhile wait for it. */
export function socketTransport(page: URL): Transport {
  const pending = new Map<number, { request: SocketRequest; settle: (reply: Reply<unknown>) => void }>()
  const unsent = new Set<number>()
  const eventListeners = new Set<(event: AppEvent) => void>()
  const stateListeners = new Set<(state: ConnectionState) => void>()
  let state: ConnectionState = 'connecting'
  let socket: WebSocket | undefined
  let nextId = 0
  let retryMs = FIRST_RETRY_MS
  let retryTimer: ReturnType<typeof setTimeout> | undefined
  let heardAt = 0

  const become = (next: ConnectionState): void => {
    state = next
    for (const listener of stateListeners) listener(next)
  }

  const connect = (): void => {
    clearTimeout(retryTimer)
    const address = new URL(`${SOCKET_PATH}${page.search}`, page)
    address.protocol = page.protocol === 'https:' ? 'wss:' : 'ws:'
    const opened = new WebSocket(address)
    socket = opened
    heardAt = Date.now()
    opened.addEventListener('open', () => {
      if (socket !== opened) return
      heardAt = Date.now()
      retryMs = FIRST_RETRY_MS
      for (const id of unsent) {
        const waiting = pending.get(id)
        if (waiting) opened.send(JSON.stringify(waiting.request))
      }
      unsent.clear()
      become('open')
    })
    opened.addEventListener('message', ({ data }) => {
      if (socket === opened) receive(data)
    })
    opened.addEventListener('close', () => lose(opened))
  }

  /** Once for each socket, whether it was closed or given up. */
  const lose = (lost: WebSocket): void => {
    if (socket !== lost) return
    socket = undefined
    settleLost()
    void retry()
  }

  const receive = (data: unknown): void => {
    heardAt = Date.now()
    const frame = fromServerSchema.parse(JSON.parse(String(data)))
    if ('event' in frame) {
      for (const listener of eventListeners) listener(frame)
      return
    }
    pending.get(frame.id)?.settle(frame.reply)
    pending.delete(frame.id)
  }

  const settleLost = (): void => {
    const error = new AppError('service_failed', 'The connection to the server was lost before it had answered', {
      fix: 'Look whether it was done before you try again.',
    })
    for (const [id, { request, settle }] of pending) {
      if (isQuestion(request.route)) unsent.add(id)
      if (unsent.has(id)) continue
      pending.delete(id)
      settle({ ok: false, error: error.toJSON() })
    }
  }

  /** A browser does not tell why a socket was refused; the page itself does. */
  const retry = async (): Promise<void> => {
    become('lost')
    const refused = await fetch(page, { method: 'HEAD', signal: AbortSignal.timeout(DEAD_MS) }).then(
      ({ status }) => status === 403,
      () => false,
    )
    if (refused) return become('refused')
    retryTimer = setTimeout(connect, retryMs)
    retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)
  }

  const look = (): void => {
    const quiet = Date.now() - heardAt
    if (!socket || quiet < QUIET_MS) return
    if (quiet >= DEAD_MS) {
      const dead = socket
      dead.close()
      lose(dead)
    } else if (state === 'open') void request('app.info', {})
  }

  const request = (route: string, input: unknown): Promise<Reply<unknown>> => {
    const asked: SocketRequest = { id: nextId++, route, input }
    return new Promise((settle) => {
      pending.set(asked.id, { request: asked, settle })
      if (socket && state === 'open') socket.send(JSON.stringify(asked))
      else unsent.add(asked.id)
    })
  }

  /** The network is back, or the page is looked at again: not worth waiting for the next try. */
  const hurry = (): void => {
    if (state === 'lost' && !socket && retryTimer !== undefined) connect()
    else look()
  }

  connect()
  setInterval(look, LOOK_EVERY_MS)
  addEventListener('online', hurry)
  addEventListener('focus', hurry)
  return {
    request,
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

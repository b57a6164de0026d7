import type { z } from 'zod'
import { events, type EventName, type EventPayload } from '../../shared/api/events'
import { requests, type RequestInput, type RequestOutput, type Route } from '../../shared/api/requests'
import { AppError } from '../../shared/errors'
import { electronTransport } from './electronTransport'
import { socketTransport } from './socketTransport'
import type { ConnectionState, Transport } from './transport'

const eventSchemas: { [E in EventName]: z.ZodType<EventPayload<E>> } = events
const schemas: { [R in Route]: { output: z.ZodType<RequestOutput<R>> } } = requests

/** The page's one way to core. */
export class Client {
  readonly #transport: Transport
  readonly #pending = new Map<symbol, string>()
  readonly #pendingListeners = new Set<(routes: readonly string[]) => void>()

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** Rejects with an AppError, whatever goes wrong. */
  async request<R extends Route>(route: R, input: RequestInput<R>): Promise<RequestOutput<R>> {
    const reply = await this.#tracked(route, this.#transport.request(route, input))
    if (!reply.ok) throw AppError.fromJSON(reply.error)
    const schema: z.ZodType<RequestOutput<R>> = schemas[route].output
    return schema.parse(reply.data)
  }

  on<E extends EventName>(name: E, listener: (payload: EventPayload<E>) => void): () => void {
    const schema: z.ZodType<EventPayload<E>> = eventSchemas[name]
    return this.#transport.onEvent(({ event, payload }) => {
      if (event === name) listener(schema.parse(payload))
    })
  }

  /** Called with the routes of all requests under way, whenever these change. */
  onPending(listener: (routes: readonly string[]) => void): () => void {
    this.#pendingListeners.add(listener)
    return () => this.#pendingListeners.delete(listener)
  }

  onState(listener: (state: ConnectionState) => void): () => void {
    return this.#transport.onState(listener)
  }

  async #tracked<T>(route: string, answer: Promise<T>): Promise<T> {
    const key = Symbol(route)
    this.#pending.set(key, route)
    this.#tellPending()
    try {
      return await answer
    } finally {
      this.#pending.delete(key)
      this.#tellPending()
    }
  }

  #tellPending(): void {
    const routes = [...this.#pending.values()]
    for (const listener of this.#pendingListeners) listener(routes)
  }
}

export const client = new Client(
  window.delta ? electronTransport(window.delta) : socketTransport(new URL(window.location.href)),
)

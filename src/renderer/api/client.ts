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

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** Rejects with an AppError, whatever goes wrong. */
  async request<R extends Route>(route: R, input: RequestInput<R>): Promise<RequestOutput<R>> {
    const reply = await this.#transport.request(route, input)
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

  onState(listener: (state: ConnectionState) => void): () => void {
    return this.#transport.onState(listener)
  }
}

export const client = new Client(
  window.delta ? electronTransport(window.delta) : socketTransport(new URL(window.location.href)),
)

import type { AppEvent } from '../../shared/api/events'
import type { Reply } from '../../shared/api/requests'

/** `refused`: the server does not know this page's token; asking again will not help. */
export type ConnectionState = 'connecting' | 'open' | 'lost' | 'refused'

/** How requests and events travel: through Electron's preload or over a WebSocket. */
export interface Transport {
  request(route: string, input: unknown): Promise<Reply<unknown>>
  /** Each returns what ends the subscription. */
  onEvent(listener: (event: AppEvent) => void): () => void
  /** Called at once with the present state, then at each change. */
  onState(listener: (state: ConnectionState) => void): () => void
}

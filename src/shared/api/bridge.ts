import type { AppEvent } from './events'
import type { Reply } from './requests'

/** What the preload puts into the window as `window.delta`: the page's whole way out. */
export interface Bridge {
  request(route: string, input: unknown): Promise<Reply<unknown>>
  /** Returns what ends the subscription. */
  on(listener: (event: AppEvent) => void): () => void
}

/** IPC channels; as types, so that the preload, which imports no values, cannot name another one than the main process. */
export interface Channels {
  request: 'delta:request'
  event: 'delta:event'
}

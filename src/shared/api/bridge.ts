import type { AppEvent } from './events'
import type { Reply } from './requests'

/** The browser's own, of which this layer knows nothing. */
interface File {
  readonly name: string
}

/** What the preload puts into the window as `window.delta`: the page's whole way out. */
export interface Bridge {
  request(route: string, input: unknown): Promise<Reply<unknown>>
  /** Returns what ends the subscription. */
  on(listener: (event: AppEvent) => void): () => void
  /**
   * Allows files that a person has dropped onto the page or chosen in it, and tells their paths. The page cannot make such `File` objects itself:
   * those that it makes from text have no path, and are left out.
   */
  dropped(files: readonly File[]): Promise<string[]>
}

/** IPC channels; as types, so that the preload, which imports no values, cannot name another one than the main process. */
export interface Channels {
  request: 'delta:request'
  event: 'delta:event'
  dropped: 'delta:dropped'
}

import { createCore, type Core } from '../core/createCore'
import type { AppEvent } from '../shared/api/events'

/** The log folder that the window shows. Opening another one replaces the core behind the same window. */
export class Workspace {
  readonly #onEvent: (event: AppEvent) => void
  #core: Core

  constructor(logDir: string, onEvent: (event: AppEvent) => void) {
    this.#onEvent = onEvent
    this.#core = this.#start(logDir)
  }

  get core(): Core {
    return this.#core
  }

  /** Returns whether this was another folder than before. */
  open(logDir: string): boolean {
    if (logDir === this.#core.logDir) return false
    this.#core.close()
    this.#core = this.#start(logDir)
    return true
  }

  #start(logDir: string): Core {
    const core = createCore({ logDir })
    core.subscribe(this.#onEvent)
    return core
  }
}

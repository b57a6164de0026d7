import { createCore, type Core, type CoreOptions } from '../core/createCore'
import type { AppEvent } from '../shared/api/events'

/** The log folder that the window shows. Opening another one replaces the core behind the same window. */
export class Workspace {
  readonly #options: Omit<CoreOptions, 'logDir'>
  readonly #onEvent: (event: AppEvent) => void
  #core: Core

  constructor(logDir: string, options: Omit<CoreOptions, 'logDir'>, onEvent: (event: AppEvent) => void) {
    this.#options = options
    this.#onEvent = onEvent
    this.#core = this.#start(logDir)
  }

  get core(): Core {
    return this.#core
  }

  isOther(logDir: string): boolean {
    return logDir !== this.#core.logDir
  }

  /** Returns whether this was another folder than before. */
  open(logDir: string): boolean {
    if (!this.isOther(logDir)) return false
    // Its runs end by themselves, as interrupted; nobody needs to wait for them.
    void this.#core.close()
    this.#core = this.#start(logDir)
    return true
  }

  #start(logDir: string): Core {
    const core = createCore({ ...this.#options, logDir })
    core.subscribe(this.#onEvent)
    return core
  }
}

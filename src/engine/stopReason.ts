/** Why a run is asked to end before its time: what its record will say. */
export interface StopReason {
  status: 'stopped' | 'interrupted'
  reason: string
}

const BY_USER: StopReason = { status: 'stopped', reason: 'stopped by the user' }
const CLOSING: StopReason = { status: 'interrupted', reason: 'the workbench was closed' }
const ORPHANED: StopReason = { status: 'interrupted', reason: 'the program that started it is gone' }

/** A stop request that keeps its reason; the first one counts. */
export class StopRequest {
  readonly #controller = new AbortController()
  #reason: StopReason = BY_USER

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get reason(): StopReason {
    return this.#reason
  }

  byUser(): void {
    this.#abort(BY_USER)
  }

  byClosing(): void {
    this.#abort(CLOSING)
  }

  orphaned(): void {
    this.#abort(ORPHANED)
  }

  #abort(reason: StopReason): void {
    if (this.signal.aborted) return
    this.#reason = reason
    this.#controller.abort()
  }
}

import type { AppEvent } from '../../shared/api/events'
import type { PairedQuery, PairedResult } from '../../shared/domain/compare'
import { Tickets } from '../service/tickets'
import type { Store } from '../store/openStore'
import { pairedRuns, type PairedContext } from './pairedRuns'

export interface ComparisonsOptions extends Pick<PairedContext, 'spawner' | 'readyTimeoutMs'> {
  publish: (event: AppEvent) => void
  closing: AbortSignal
}

/** Comparisons that pages wait for: they hear how far these are, and can end them. */
export class Comparisons {
  readonly #options: ComparisonsOptions
  readonly #tickets = new Tickets()

  constructor(options: ComparisonsOptions) {
    this.#options = options
  }

  /** As {@link pairedRuns}; `stopped` where it was cancelled, or its ticket used again. */
  async paired(store: Store, query: PairedQuery): Promise<PairedResult> {
    const { publish, closing } = this.#options
    const { ticket } = query
    if (ticket === undefined) return pairedRuns(query, { ...this.#options, store, stop: closing })
    const onWork = (done: number, total: number): void =>
      publish({ event: 'compare.work', payload: { ticket, done, total } })
    return this.#tickets.run(ticket, (stop) =>
      pairedRuns(query, { ...this.#options, store, stop: AbortSignal.any([stop, closing]), onWork }),
    )
  }

  cancel(ticket: string): void {
    this.#tickets.end(ticket)
  }
}

import type { AppEvent } from '../../shared/api/events'
import type { PairedQuery, PairedResult } from '../../shared/domain/compare'
import type { Importance, ImportanceQuestion } from '../../shared/domain/importance'
import { importanceQuestionSchema } from '../../shared/domain/importance'
import { AppError } from '../../shared/errors'
import { runInEngine } from '../engine/runInEngine'
import { Tickets } from '../service/tickets'
import type { Store } from '../store/openStore'
import { pairedRuns, STOP_GRACE_MS, type PairedContext } from './pairedRuns'

export interface ComparisonsOptions extends Pick<PairedContext, 'spawner' | 'readyTimeoutMs'> {
  publish: (event: AppEvent) => void
  closing: AbortSignal
}

type OnWork = (done: number, total: number) => void

/** Comparisons that pages wait for: they hear how far these are, and can end them. */
export class Comparisons {
  readonly #options: ComparisonsOptions
  readonly #tickets = new Tickets()

  constructor(options: ComparisonsOptions) {
    this.#options = options
  }

  /** As {@link pairedRuns}; `stopped` where it was cancelled, or its ticket used again. */
  async paired(store: Store, query: PairedQuery): Promise<PairedResult> {
    return this.#under(query.ticket, (stop, onWork) => pairedRuns(query, { ...this.#options, store, stop, onWork }))
  }

  /** What matters for a figure; `stopped` as {@link paired}. */
  async importance(asked: ImportanceQuestion, ticket: string | undefined): Promise<Importance> {
    const question = importanceQuestionSchema.parse(asked)
    const { spawner, readyTimeoutMs } = this.#options
    const watch = { stopGraceMs: STOP_GRACE_MS, ...(readyTimeoutMs !== undefined && { readyTimeoutMs }) }
    return this.#under(ticket, async (stop, onWork) => {
      const frame = await runInEngine(
        spawner,
        { type: 'weigh', question },
        (news) => {
          if (news.type === 'work') onWork(news.work.done, news.work.total ?? news.work.done)
        },
        stop,
        watch,
      )
      if (frame.type === 'weighed') return frame.importance
      throw new AppError('engine_protocol', `The engine answered "${frame.type}" to "weigh"`)
    })
  }

  cancel(ticket: string): void {
    this.#tickets.end(ticket)
  }

  #under<T>(ticket: string | undefined, work: (stop: AbortSignal, onWork: OnWork) => Promise<T>): Promise<T> {
    const { publish, closing } = this.#options
    if (ticket === undefined) return work(closing, () => {})
    return this.#tickets.run(ticket, (stop) =>
      work(AbortSignal.any([stop, closing]), (done, total) =>
        publish({ event: 'compare.work', payload: { ticket, done, total } }),
      ),
    )
  }
}

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

/** What can be asked within one piece of work, each with its own share of the progress. */
export interface Asking {
  paired: (query: PairedQuery, share?: Share) => Promise<PairedResult>
  importance: (question: ImportanceQuestion, share?: Share) => Promise<Importance>
}
/** From where to where of the whole, in percent. */
export type Share = readonly [from: number, to: number]
const WHOLE = 100

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
  async importance(question: ImportanceQuestion, ticket: string | undefined): Promise<Importance> {
    return this.#under(ticket, (stop, onWork) => this.#weigh(question, stop, onWork))
  }

  /** Several questions as one piece of work: its progress goes from 0 to 100, and one that is cancelled asks nothing more. */
  async together<T>(store: Store, ticket: string | undefined, work: (ask: Asking) => Promise<T>): Promise<T> {
    return this.#under(ticket, async (stop, onWork) => {
      const within =
        ([from, to]: Share = [0, WHOLE]): OnWork =>
        (done, total) =>
          onWork(Math.round(from + ((to - from) * done) / Math.max(1, total)), WHOLE)
      const answer = await work({
        paired: (query, share) => pairedRuns(query, { ...this.#options, store, stop, onWork: within(share) }),
        importance: (question, share) => this.#weigh(question, stop, within(share)),
      })
      if (stop.aborted) throw new AppError('stopped', 'It was cancelled')
      return answer
    })
  }

  cancel(ticket: string): void {
    this.#tickets.end(ticket)
  }

  async #weigh(asked: ImportanceQuestion, stop: AbortSignal, onWork: OnWork): Promise<Importance> {
    const question = importanceQuestionSchema.parse(asked)
    const { spawner, readyTimeoutMs } = this.#options
    const watch = { stopGraceMs: STOP_GRACE_MS, ...(readyTimeoutMs !== undefined && { readyTimeoutMs }) }
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

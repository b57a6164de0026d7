import type { AppEvent, EventPayload } from '../../shared/api/events'
import type { MetricBatch } from '../../shared/domain/metric'

/** Charts are not drawn more often than that, and a fused model measures a hundred epochs meanwhile. */
const COALESCE_MS = 100
/**
 * Batches of one run that may wait to be told. A run that measures more than that at a time is told as one number without
 * its figures: all of them are in the history, and whoever draws them asks for a thinned-out curve anyway.
 */
export const HIGH_WATERMARK = 2_000

type Metrics = EventPayload<'run.metrics'>

/** Tells all subscribers what has been written down: in order, metrics of a run gathered for a moment. */
export class EventBus {
  readonly #listeners = new Set<(event: AppEvent) => void>()
  readonly #waiting = new Map<string, Metrics>()
  readonly #coalesceMs: number
  #timer: NodeJS.Timeout | undefined

  constructor(coalesceMs = COALESCE_MS) {
    this.#coalesceMs = coalesceMs
  }

  /** Returns what ends the subscription. */
  subscribe(listener: (event: AppEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  readonly publish = (event: AppEvent): void => {
    if (event.event === 'run.metrics') return this.#gather(event.payload)
    if (event.event === 'run.status') this.#tellMetrics(event.payload.runId)
    this.#tell(event)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#waiting.clear()
    this.#listeners.clear()
  }

  #gather(next: Metrics): void {
    const known = this.#waiting.get(next.runId)
    this.#waiting.set(next.runId, known ? joined(known, next) : next)
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      for (const runId of [...this.#waiting.keys()]) this.#tellMetrics(runId)
    }, this.#coalesceMs)
  }

  #tellMetrics(runId: string): void {
    const payload = this.#waiting.get(runId)
    if (!payload) return
    this.#waiting.delete(runId)
    this.#tell({ event: 'run.metrics', payload })
  }

  #tell(event: AppEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}

/** Null on either side replaces everything, and so does more than fits. */
function joined(before: Metrics, next: Metrics): Metrics {
  const range = { runId: next.runId, first: before.first, sequence: next.sequence }
  const both: MetricBatch[] | null = before.batches && next.batches && [...before.batches, ...next.batches]
  return { ...range, batches: both && both.length <= HIGH_WATERMARK ? both : null }
}

import type { EventPayload } from '../../shared/api/events'
import type { MetricBatch } from '../../shared/domain/metric'

export interface NumberedHistory {
  history: MetricBatch[]
  /** Number of the last batch that is in it. */
  sequence: number
}

/**
 * A history with a live batch after it. Undefined: something between the two is missing, or everything was replaced, and
 * the history has to be asked for again.
 */
export function continued<T extends NumberedHistory>(known: T, event: EventPayload<'run.metrics'>): T | undefined {
  if (event.sequence <= known.sequence) return known
  if (event.batches === null || event.first > known.sequence + 1) return undefined
  const [first] = event.batches
  const last = event.batches.at(-1)
  if (!first || !last) return { ...known, sequence: event.sequence }
  // The history is read from the run's file, which may be ahead of its number: figures of a step are taken once.
  const before = known.history.filter(({ step }) => step < first.step)
  const after = known.history.filter(({ step }) => step > last.step)
  return { ...known, history: [...before, ...event.batches, ...after], sequence: event.sequence }
}

import type { FromEngine } from '../../shared/api/engineProtocol'
import type { MetricBatch } from '../../shared/domain/metric'

type WithoutVersion<T> = T extends unknown ? Omit<T, 'v'> : never

/** What whoever follows a run is told, in order: frames of its engine, metrics one moment at a time. */
export type RunNews =
  | Extract<WithoutVersion<FromEngine>, { type: 'started' | 'log' | 'progress' }>
  | { type: 'metrics'; batch: MetricBatch }

import { z } from 'zod'
import { runStatusSchema } from '../domain/lifecycle'
import { metricBatchSchema } from '../domain/metric'
import { progressSchema } from './engineProtocol'

/** What core tells its windows unasked, after it has written it down. */
export const events = {
  /** Something in the list of runs or in the queue moved: ask again. */
  'runs.changed': z.object({ sequence: z.int() }),
  'run.status': z.object({
    runId: z.string(),
    status: runStatusSchema,
    reason: z.string(),
    /** Milliseconds since the Unix epoch. */
    at: z.number(),
  }),
  /**
   * Figures of one run, numbered `first` to `sequence` in its history. Who has a history up to another number than
   * `first − 1` has missed some and asks again, as after `batches: null`, which replaces everything.
   */
  'run.metrics': z.object({
    runId: z.string(),
    first: z.int(),
    sequence: z.int(),
    batches: z.array(metricBatchSchema).nullable(),
  }),
  /** How far it is, a few times a second; nothing is lost with one that does not arrive. */
  'run.progress': z.object({ runId: z.string(), progress: progressSchema }),
} as const satisfies Record<string, z.ZodType>

export type EventName = keyof typeof events
export type EventPayload<E extends EventName> = z.output<(typeof events)[E]>

/** An event as it crosses a boundary. */
export const appEventSchema = z.discriminatedUnion('event', [
  z.strictObject({ event: z.literal('runs.changed'), payload: events['runs.changed'] }),
  z.strictObject({ event: z.literal('run.status'), payload: events['run.status'] }),
  z.strictObject({ event: z.literal('run.metrics'), payload: events['run.metrics'] }),
  z.strictObject({ event: z.literal('run.progress'), payload: events['run.progress'] }),
])
export type AppEvent = z.output<typeof appEventSchema>

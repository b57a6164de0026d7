import { z } from 'zod'
import { ticketSchema } from '../domain/compare'
import { datasetWorkSchema } from '../domain/datasets'
import { runStatusSchema } from '../domain/lifecycle'
import { metricBatchSchema } from '../domain/metric'
import { sweepProgressSchema } from '../domain/sweeps'
import { progressSchema } from './engineProtocol'

/** Pages that the window's menu leads to, by their paths in the page's router. */
export const PAGES = ['/datasets', '/new', '/runs', '/sweeps', '/compare', '/users', '/settings'] as const

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
  /** How far something is that core does for a data set, a few times a second; its end, good or bad, is told once. */
  'dataset.work': datasetWorkSchema,
  /** The list of data sets moved: ask again. */
  'datasets.changed': z.object({ sequence: z.int() }),
  /** How far a comparison is that somebody waits for, a few times a second. */
  'compare.work': z.object({ ticket: ticketSchema, done: z.int(), total: z.int() }),
  /** How far a fit of new users is that somebody waits for, a few times a second. */
  'users.work': z.object({ ticket: ticketSchema, done: z.int(), total: z.int() }),
  /** Sweeps, or how one stands, are no longer what they were: ask again. */
  'sweeps.changed': z.object({ sequence: z.int() }),
  /** How far a sweep is that this workbench has started, about once a second. */
  'sweep.progress': z.object({ name: z.string(), progress: sweepProgressSchema }),
  /** The saved comparisons moved: ask again. */
  'comparisons.changed': z.object({ sequence: z.int() }),
  /** A page that was chosen in the window's menu. */
  'app.navigate': z.object({ to: z.enum(PAGES) }),
} as const satisfies Record<string, z.ZodType>

export type EventName = keyof typeof events
export type EventPayload<E extends EventName> = z.output<(typeof events)[E]>

/** An event as it crosses a boundary. */
export const appEventSchema = z.discriminatedUnion('event', [
  z.strictObject({ event: z.literal('runs.changed'), payload: events['runs.changed'] }),
  z.strictObject({ event: z.literal('run.status'), payload: events['run.status'] }),
  z.strictObject({ event: z.literal('run.metrics'), payload: events['run.metrics'] }),
  z.strictObject({ event: z.literal('run.progress'), payload: events['run.progress'] }),
  z.strictObject({ event: z.literal('dataset.work'), payload: events['dataset.work'] }),
  z.strictObject({ event: z.literal('datasets.changed'), payload: events['datasets.changed'] }),
  z.strictObject({ event: z.literal('compare.work'), payload: events['compare.work'] }),
  z.strictObject({ event: z.literal('users.work'), payload: events['users.work'] }),
  z.strictObject({ event: z.literal('sweeps.changed'), payload: events['sweeps.changed'] }),
  z.strictObject({ event: z.literal('sweep.progress'), payload: events['sweep.progress'] }),
  z.strictObject({ event: z.literal('comparisons.changed'), payload: events['comparisons.changed'] }),
  z.strictObject({ event: z.literal('app.navigate'), payload: events['app.navigate'] }),
])
export type AppEvent = z.output<typeof appEventSchema>

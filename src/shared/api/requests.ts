import { z } from 'zod'
import type { AppErrorJson } from '../errors'
import { metricBatchSchema } from '../domain/metric'
import { runRecordSchema } from '../domain/run'

/**
 * Everything a window, a browser or the command line may ask of core: one entry a route, input and output as schemas.
 * The same table drives the router, both transports and the typed client.
 */
const nothing = z.strictObject({})

/** A run as a table shows it. `status` is already corrected for engines that died without a word. */
export const runSummarySchema = runRecordSchema.extend({
  /** Absolute folder of the run. */
  dir: z.string(),
  /** Last value of each metric. */
  figures: z.record(z.string(), z.number()),
  /** Epochs with training figures so far. */
  epochs: z.int(),
})
export type RunSummary = z.infer<typeof runSummarySchema>

export const requests = {
  'app.info': {
    input: nothing,
    output: z.object({
      version: z.string(),
      logDir: z.string(),
      platform: z.string(),
      node: z.string(),
      /** Trains a first model on the bundled sample, into this log folder. */
      firstCommand: z.string(),
    }),
  },
  'runs.list': {
    input: nothing,
    /** Newest first. `unreadable` names run folders whose files are broken, with the reason: they are shown, never hidden. */
    output: z.object({
      runs: z.array(runSummarySchema),
      unreadable: z.array(z.object({ dir: z.string(), reason: z.string() })),
    }),
  },
  'runs.get': {
    input: z.strictObject({ id: z.string().min(1).max(200) }),
    output: z.object({
      run: runSummarySchema,
      hparams: z.string(),
      history: z.array(metricBatchSchema),
      /** The last lines of run.log. */
      log: z.array(z.string()),
      /** Files of the run that could not be read or hold broken lines, in words. */
      problems: z.array(z.string()),
    }),
  },
} as const satisfies Record<string, { input: z.ZodType; output: z.ZodType }>

export type Route = keyof typeof requests
export type RequestInput<R extends Route> = z.input<(typeof requests)[R]['input']>
export type RequestOutput<R extends Route> = z.output<(typeof requests)[R]['output']>

/** How an answer crosses a boundary: Electron would keep only an error's message, so errors travel as data. */
export type Reply<T> = { ok: true; data: T } | { ok: false; error: AppErrorJson }

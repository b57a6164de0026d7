import { z } from 'zod'
import { appErrorSchema } from '../errors'
import { runResultSchema } from './run'

/** What runs that were trained together came to. `run` is a run's place among those that were asked for. */
export const togetherResultSchema = z.object({
  /** Those that ended without an error. */
  runs: z.array(z.object({ run: z.int().min(0), result: runResultSchema })),
  failed: z.array(z.object({ run: z.int().min(0), error: appErrorSchema })),
  /** One pass over the training pairs for all runs of it: median, the first epoch left out where there are more; infinite where none ended. */
  ms_per_epoch: z.number().or(z.literal(Infinity)),
  seconds: z.number(),
  peak_rss_bytes: z.int(),
  backend: z.string(),
  threads: z.int(),
})
export type TogetherResult = z.infer<typeof togetherResultSchema>

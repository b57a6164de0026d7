import { z } from 'zod'

/** Most restarts of one run: whatever kills it so often will not stop. */
export const MAX_RESTARTS = 10

/** How the queue behaves, for all workbenches of one history. */
export const queueSettingsSchema = z.object({
  /** Runs that are going on end as they would; no other one is started. */
  paused: z.boolean().default(false),
  /** Runs at once. Null: as many as there are cores that the running kernels leave free, and at least one. */
  concurrency: z.int().min(1).max(256).nullable().default(null),
  /**
   * How often a queued run that crashes is taken up again from its last checkpoint. 0 unless somebody wants it: a crash is
   * most often memory that is missing, and would come again while nobody looks.
   */
  restarts: z.int().min(0).max(MAX_RESTARTS).default(0),
})
export type QueueSettings = z.infer<typeof queueSettingsSchema>

import { z } from 'zod'

/** What `delta predict` did: the last line of its `--json`. */
export const predictionSummarySchema = z.object({
  type: z.literal('result'),
  runId: z.string(),
  file: z.string(),
  pairs: z.int(),
  /** Users of the input whom training knew, and others, who are predicted as the generic user. */
  known_users: z.int(),
  new_users: z.int(),
  /** Share of pairs whose chosen answer the model prefers. */
  acc: z.number(),
  /** Mean of softplus(−z). */
  nll: z.number(),
  /** True when the model sees which answer was chosen: then nothing here means anything. */
  leaks: z.boolean(),
})
export type PredictionSummary = z.infer<typeof predictionSummarySchema>

import { z } from 'zod'

/** What a model knows of new users after k of their pairs: the last line of `delta adapt --json`. */
export const adaptationSchema = z.object({
  type: z.literal('result'),
  runId: z.string(),
  /** New users with at least two pairs, and their pairs. */
  users_judged: z.int(),
  pairs: z.int(),
  repeats: z.int(),
  /** True when the model sees which answer was chosen: then no figure here means anything. */
  leaks: z.boolean(),
  /** Mean over users of their accuracy on held-out pairs; `acc_sd` over repetitions. k = 0 is the generic user. */
  curve: z.array(z.object({ k: z.int(), acc: z.number(), acc_sd: z.number(), nll: z.number() })),
  /** Each user's own rows, fitted on all of their pairs, by parameter. */
  users: z.array(
    z.object({
      u_id: z.union([z.string(), z.number()]),
      pairs: z.int(),
      vectors: z.record(z.string(), z.array(z.number())),
    }),
  ),
})
export type Adaptation = z.infer<typeof adaptationSchema>

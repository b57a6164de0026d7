import { z } from 'zod'

/** How the k pairs of a new user are picked: by chance, or those from which most is learned of a user. */
export const PAIR_CHOICES = ['random', 'informative'] as const
export type PairChoice = (typeof PAIR_CHOICES)[number]

/** k = 0 is the generic user, which every curve starts from. */
export const USUAL_K = [0, 1, 2, 4, 8, 16, 32] as const
export const USUAL_REPEATS = 5

/** What a model knows of new users after k of their pairs: the last line of `delta adapt --json`. */
export const adaptationSchema = z.object({
  choose: z.enum(PAIR_CHOICES),
  /** New users with at least two pairs, and the pairs of all. */
  users_judged: z.int(),
  pairs: z.int(),
  repeats: z.int(),
  /** True when the model sees which answer was chosen: then no figure here means anything. */
  leaks: z.boolean(),
  /**
   * Mean over users of their accuracy on held-out pairs. `acc_sd` is over repetitions, `low` and `high` the 95 % interval of the mean over
   * them by Student's t; equal to `acc` for a single one. k = 0 is the generic user.
   */
  curve: z.array(
    z.object({
      k: z.int(),
      acc: z.number(),
      acc_sd: z.number(),
      low: z.number(),
      high: z.number(),
      nll: z.number(),
    }),
  ),
  /** One reward for everybody on the same held-out pairs; null where it diverges. */
  bt: z.object({ acc: z.number(), nll: z.number() }).nullable(),
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

export const adaptationResultSchema = adaptationSchema.extend({ type: z.literal('result'), runId: z.string() })
export type AdaptationResult = z.infer<typeof adaptationResultSchema>

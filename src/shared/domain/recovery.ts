import { z } from 'zod'

/** How alike two sets of users' vectors are; docs/simulation.md gives every formula. */
export const alignmentSchema = z.object({
  /** Principal angles between the two user spaces in degrees, smallest first. */
  angles: z.array(z.number()),
  /** Canonical correlations: the cosines of those angles. */
  canonical: z.array(z.number()),
  mean_canonical: z.number(),
  /** Correlation of the users' vectors after the best rotation, reflection and scale (Procrustes). */
  procrustes_r: z.number(),
  /** 1 − procrustes_r², SciPy's disparity. */
  disparity: z.number(),
  /** Cosine of a user's true and aligned vector: quartiles over users. */
  cosine: z.object({ lower: z.number(), median: z.number(), upper: z.number() }),
})
export type Alignment = z.infer<typeof alignmentSchema>

export const recoverySchema = z.object({
  type: z.literal('result'),
  runId: z.string(),
  model_name: z.string(),
  /** Trained users, probe questions, and attributes of the truth. */
  users: z.int(),
  probes: z.int(),
  attributes: z.int(),
  /** Share of (user, probe) whose better answer the model names. */
  agreement: z.number(),
  /** Correlation of what all users have in common: mean margins over users, across probes. */
  common_r: z.number(),
  /** Correlation of what is each user's own: margins less those means, over users and probes. */
  own_r: z.number(),
  /** Share of the model's own-margin variance that as many dimensions as there are attributes hold. */
  variance_held: z.number(),
  alignment: alignmentSchema,
  /** The same against the truth of another user, drawn at random: what chance gives. */
  control: z.object({ agreement: z.number(), own_r: z.number(), alignment: alignmentSchema }),
})
export type Recovery = z.infer<typeof recoverySchema>

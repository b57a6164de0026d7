import { z } from 'zod'

/** Pairs as a run predicts them, for a window. */
const count = z.int().min(0)
const text = z.string()
export const userIdSchema = z.union([z.string().max(10_000), z.number()])

/** Pairs of one user that a window lists; of more, those that the model has most wrong. */
export const MOST_USER_PAIRS = 2_000

export const userPairSchema = z.object({
  /** Of the split, from 0. */
  row: count,
  id: userIdSchema,
  /** Cut to `CELL_CHARACTERS`; the whole texts come with the pair. */
  prompt: text,
  chosen: text,
  rejected: text,
  z: z.number(),
  /** σ(z): the probability that the chosen answer is preferred. */
  p: z.number(),
  /** What the base reward and the model add to z. */
  r_diff: z.number(),
  delta_diff: z.number(),
  baseline_right: z.boolean().nullable(),
})
export type UserPair = z.infer<typeof userPairSchema>

/** Which pairs of a split: a bin of the reliability curve, from 0, or those with a value in a column. */
export const pairSubsetSchema = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('bin'), bin: count.max(1_000) }),
  z.strictObject({ by: z.literal('slice'), column: text.min(1).max(1_000), value: text.max(1_000) }),
])
export type PairSubset = z.infer<typeof pairSubsetSchema>

/** The most confident mistake first, the least confident pair first, or as they stand in the data. */
export const PAIR_ORDERS = ['mistakes', 'unsure', 'data'] as const
export type PairOrder = (typeof PAIR_ORDERS)[number]

export const MOST_LISTED_PAIRS = 200
export const pairListQuestion = {
  /** Null for all. */
  of: pairSubsetSchema.nullable(),
  order: z.enum(PAIR_ORDERS),
  offset: count,
  limit: count.max(MOST_LISTED_PAIRS),
}

export const listedPairSchema = userPairSchema.extend({ u_id: userIdSchema })
export type ListedPair = z.infer<typeof listedPairSchema>

export const pairListSchema = z.object({
  /** Pairs of the choice, and how many of them are right. */
  total: count,
  right: count,
  /** Least and largest confidence max(p, 1 − p) of the choice; null of none. */
  confidence: z.tuple([z.number(), z.number()]).nullable(),
  rows: z.array(listedPairSchema),
})
export type PairList = z.infer<typeof pairListSchema>

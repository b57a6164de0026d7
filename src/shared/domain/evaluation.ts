import { z } from 'zod'

/** Splits that training does not see, and that every run is evaluated on at its end. */
export const EVALUATED_SPLITS = ['dev', 'test', 'test_unseen'] as const
export const evaluatedSplitSchema = z.enum(EVALUATED_SPLITS)
export type EvaluatedSplit = z.infer<typeof evaluatedSplitSchema>

/** Resamples of the bootstrap that a run makes of its own accord. */
export const DEFAULT_RESAMPLES = 1000

/** A figure and its 95 % interval over resamples of the users. Null where it is not defined. */
export const figureSchema = z.object({ value: z.number(), low: z.number(), high: z.number() }).nullable()
export type Figure = z.infer<typeof figureSchema>

/**
 * What a model is held against. `bt`: one linear reward for everybody, trained on the same pairs; `base_reward`: r* alone;
 * `majority`: what most of the other people prefer who judged the same two answers to the same prompt; `shuffled_users`: the
 * model itself, each pair judged as another known user of the split; `generic_user`: the model itself without anybody's vector.
 */
export const COMPARISONS = ['bt', 'base_reward', 'majority', 'shuffled_users', 'generic_user'] as const
export type ComparisonName = (typeof COMPARISONS)[number]

export const comparisonSchema = z.object({
  name: z.enum(COMPARISONS),
  /** Pairs on which it can be asked (all but for `majority`), and their users. Everything below is over these alone. */
  pairs: z.int(),
  users: z.int(),
  accuracy: figureSchema,
  /** The mean of each user's own accuracy. */
  user_accuracy: figureSchema,
  /** The model's accuracy on the same pairs less this one's, under the same resamples. */
  difference: figureSchema,
  user_difference: figureSchema,
  /** Null where it gives no probabilities. */
  nll: figureSchema,
})
export type Comparison = z.infer<typeof comparisonSchema>

/** Pairs of one kind, and how well they are predicted. */
const part = {
  pairs: z.int(),
  users: z.int(),
  accuracy: figureSchema,
  nll: figureSchema,
}

export const cellSchema = z.object({
  /** Whether training knows the user, and the prompt. */
  user: z.enum(['seen', 'unseen']),
  prompt: z.enum(['seen', 'unseen']),
  ...part,
})
export type Cell = z.infer<typeof cellSchema>

export const sliceSchema = z.object({
  value: z.string(),
  ...part,
  /** The model's accuracy less that of `bt`; null where there is no `bt`. */
  lift: figureSchema,
})
export type Slice = z.infer<typeof sliceSchema>

export const reliabilityBinSchema = z.object({
  pairs: z.int(),
  /** Smallest, largest and mean max(p, 1 − p) of its pairs. */
  from: z.number(),
  to: z.number(),
  confidence: z.number(),
  /** Share of its pairs that are right. */
  accuracy: z.number(),
})
export type ReliabilityBin = z.infer<typeof reliabilityBinSchema>

/** `evaluation/<split>.json` in a run's folder: one split, person by person. */
export const evaluationSchema = z.object({
  format: z.literal(1),
  split: evaluatedSplitSchema,
  /** Whose parameters: epochs completed and optimiser steps taken. */
  checkpoint: z.object({ name: z.enum(['best', 'last']), epochs: z.int(), steps: z.int() }),
  pairs: z.int(),
  users: z.int(),
  /** Users of the split whom training knows. */
  known_users: z.int(),
  /** Users are drawn with replacement, all their pairs with them; intervals are percentiles. */
  bootstrap: z.object({ resamples: z.int(), seed: z.int(), level: z.number() }),
  /** Over pairs; a tie is wrong. */
  accuracy: figureSchema,
  /** The mean of each user's own accuracy. */
  user_accuracy: figureSchema,
  /** The mean of that over the tenth of the users with the lowest, `users` of them. */
  worst_decile: z.object({ users: z.int(), accuracy: figureSchema }),
  nll: figureSchema,
  brier: figureSchema,
  /** Each pair as it is and swapped: the chance that a pair in its own order has a larger z than a swapped one. */
  auc: z.number().nullable(),
  calibration: z.object({ ece: z.number(), bins: z.array(reliabilityBinSchema) }),
  /** Kendall's τ between a user's order of three answers or more to one prompt and the model's, where pairs give a whole order. */
  kendall: z.object({ users: z.int(), rankings: z.int(), tau: figureSchema }).nullable(),
  /** Is the user vector used at all? Accuracy less that with users shuffled. Null where no two users are known. */
  user_vector: figureSchema,
  comparisons: z.array(comparisonSchema),
  cells: z.array(cellSchema),
  /** By every column of the pairs file that has few values. */
  slices: z.array(z.object({ column: z.string(), values: z.array(sliceSchema) })),
  /** See `metrics/leakCheck.ts`; where it leaks, no other figure means anything. */
  leak: z.object({ leaks: z.boolean(), acc_shift: z.number(), max_difference: z.number() }),
})
export type Evaluation = z.infer<typeof evaluationSchema>

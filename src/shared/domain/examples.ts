import { z } from 'zod'
import { appErrorSchema } from '../errors'
import { predictedSplitSchema } from './compare'

/** The same pairs as two or more runs see them: what a window asks, and what an engine that holds both predictions answers. */
const count = z.int().min(0)
const runId = z.string().min(1).max(200)

/** Runs that are put beside each other at once: their dots fit a line, and their patterns a list. */
export const MOST_BESIDE = 12

/** Who has a pair right: a character a run, in the order asked, `1` where it is right. A tie, z = 0, is wrong. */
export const patternSchema = z.string().regex(/^[01]{2,12}$/)
export type Pattern = z.infer<typeof patternSchema>

/** Pairs of one answer. */
export const MOST_EXAMPLES = 200
/** Characters of a text; a longer one is cut. */
export const LONGEST_EXAMPLE = 4_000

/** Which runs, on which split. The first is the reference. */
export const examplesOfSchema = z.strictObject({
  runs: z.array(runId).min(2).max(MOST_BESIDE),
  split: predictedSplitSchema,
})
export type ExamplesOf = z.infer<typeof examplesOfSchema>

/** The file of the split's pairs, where its texts may be shown; and predictions. All absolute. */
export const examplesFilesSchema = z.strictObject({
  runs: z.array(z.string().min(1)).min(2).max(MOST_BESIDE),
  pairs: z.string().min(1).optional(),
})
export type ExamplesFiles = z.infer<typeof examplesFilesSchema>

/** Which of the pairs. */
export const exampleSelectionSchema = z.strictObject({
  /** Null is all of them. */
  pattern: patternSchema.nullable().default(null),
  user: z.string().max(10_000).nullable().default(null),
  /** As in the data, or those first whose lowest and highest probabilities are furthest apart. */
  order: z.enum(['data', 'disagreement']).default('disagreement'),
  offset: count.default(0),
  limit: z.int().min(1).max(MOST_EXAMPLES).default(50),
})
export type ExampleSelection = z.input<typeof exampleSelectionSchema>

export const examplesQuestionSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('agreement') }),
  z.strictObject({ type: z.literal('pairs'), ...exampleSelectionSchema.shape }),
])
export type ExamplesQuestion = z.infer<typeof examplesQuestionSchema>

/** Patterns that occur and their pairs, the most frequent first. */
const patternCountsSchema = z.array(z.object({ pattern: patternSchema, pairs: count }))
export type PatternCounts = z.infer<typeof patternCountsSchema>

export const agreementSchema = z.object({
  /** Pairs that all runs have predicted; no others are compared. */
  pairs: count,
  /** Of each run, those that some other lacks. */
  unpaired: z.array(count),
  patterns: patternCountsSchema,
  /** In the order of the data; `right` of each run. */
  users: z.array(z.object({ user: z.string(), pairs: count, right: z.array(count) })),
})
export type Agreement = z.infer<typeof agreementSchema>

export const examplePairSchema = z.object({
  user: z.string(),
  id: z.string(),
  pattern: patternSchema,
  /** Probability that the chosen answer is preferred, of each run. */
  p: z.array(z.number()),
  /** Null where they may not be shown, or the file has no such pair. */
  texts: z.object({ prompt: z.string(), chosen: z.string(), rejected: z.string() }).nullable(),
})
export type ExamplePair = z.infer<typeof examplePairSchema>

export const examplePageSchema = z.object({
  /** Of the selection. */
  total: count,
  /** Of the user, or of all; whichever pattern is selected. */
  patterns: patternCountsSchema,
  rows: z.array(examplePairSchema),
})
export type ExamplePage = z.infer<typeof examplePageSchema>

export const examplesAnswerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('agreement'), agreement: agreementSchema }),
  z.object({ type: z.literal('pairs'), page: examplePageSchema }),
  z.object({ type: z.literal('error'), error: appErrorSchema }),
])
export type ExamplesAnswer = z.infer<typeof examplesAnswerSchema>

export const exampleRequests = {
  /** How runs agree on the same pairs, over all and user by user. */
  'compare.agreement': {
    input: examplesOfSchema,
    output: agreementSchema.extend({
      /** Why texts are not shown; null where they are. */
      hidden: appErrorSchema.nullable(),
    }),
  },
  /** The pairs of a pattern, or of a user, with their texts. */
  'compare.examples': {
    input: examplesOfSchema.extend(exampleSelectionSchema.shape),
    output: examplePageSchema,
  },
} as const

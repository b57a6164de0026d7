import { z } from 'zod'
import { appErrorSchema } from '../errors'
import { cellCountsSchema, predictedSplitSchema } from './compare'

/** The same pairs as two runs see them: what a window asks, and what an engine that holds both predictions answers. */
const count = z.int().min(0)
const runId = z.string().min(1).max(200)

/** Who has a pair right: a is the reference. A tie, z = 0, is wrong. */
export const AGREEMENT_CELLS = ['both', 'only_a', 'only_b', 'neither'] as const
export const agreementCellSchema = z.enum(AGREEMENT_CELLS)
export type AgreementCell = z.infer<typeof agreementCellSchema>

/** Pairs of one answer. */
export const MOST_EXAMPLES = 200
/** Characters of a text; a longer one is cut. */
export const LONGEST_EXAMPLE = 4_000

/** Which two runs, on which split. */
export const examplesOfSchema = z.strictObject({ a: runId, b: runId, split: predictedSplitSchema })
export type ExamplesOf = z.infer<typeof examplesOfSchema>

/** The file of the split's pairs, where its texts may be shown; and predictions. All absolute. */
export const examplesFilesSchema = z.strictObject({
  a: z.string().min(1),
  b: z.string().min(1),
  pairs: z.string().min(1).optional(),
})
export type ExamplesFiles = z.infer<typeof examplesFilesSchema>

/** Which of the pairs. */
export const exampleSelectionSchema = z.strictObject({
  /** Null is all of them. */
  cell: agreementCellSchema.nullable().default(null),
  user: z.string().max(10_000).nullable().default(null),
  /** As in the data, or those first whose probabilities are furthest apart. */
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

export const agreementSchema = z.object({
  /** Pairs that both runs have predicted; those that only one has are not compared. */
  pairs: count,
  unpaired: z.object({ a: count, b: count }),
  cells: cellCountsSchema,
  /** In the order of the data. */
  users: z.array(z.object({ user: z.string(), pairs: count, right_a: count, right_b: count })),
})
export type Agreement = z.infer<typeof agreementSchema>

export const examplePairSchema = z.object({
  user: z.string(),
  id: z.string(),
  cell: agreementCellSchema,
  /** Probability that the chosen answer is preferred. */
  p: z.object({ a: z.number(), b: z.number() }),
  /** Null where they may not be shown, or the file has no such pair. */
  texts: z.object({ prompt: z.string(), chosen: z.string(), rejected: z.string() }).nullable(),
})
export type ExamplePair = z.infer<typeof examplePairSchema>

export const examplePageSchema = z.object({
  /** Of the selection. */
  total: count,
  /** Of the user, or of all; whichever cell is selected. */
  cells: cellCountsSchema,
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
  /** How two runs agree on the same pairs, over all and user by user. */
  'compare.agreement': {
    input: examplesOfSchema,
    output: agreementSchema.extend({
      /** Why texts are not shown; null where they are. */
      hidden: appErrorSchema.nullable(),
    }),
  },
  /** The pairs of a cell, or of a user, with their texts. */
  'compare.examples': {
    input: examplesOfSchema.extend(exampleSelectionSchema.shape),
    output: examplePageSchema,
  },
} as const

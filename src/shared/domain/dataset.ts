import { z } from 'zod'
import { errorPlaceSchema } from '../errors'

/** Splits of a data set, in the order in which reports list them. */
export const SPLIT_NAMES = ['train', 'dev', 'test', 'test_unseen'] as const
export type SplitName = (typeof SPLIT_NAMES)[number]

/** A user's own identifier as it stands in the data: predictions and exports keep it unchanged. */
export type UserId = number | string

/** What a validation pass can find. `error`s stop a run before it trains, `warning`s keep the rows. */
export const PROBLEM_SEVERITY = {
  file_missing: 'error',
  file_unreadable: 'error',
  file_malformed: 'error',
  column_missing: 'error',
  row_malformed: 'error',
  value_missing: 'error',
  value_invalid: 'error',
  index_out_of_range: 'error',
  text_not_found: 'error',
  length_mismatch: 'error',
  width_mismatch: 'error',
  vector_not_finite: 'error',
  vector_overflow: 'error',
  split_empty: 'error',
  unseen_user_in_train: 'error',
  features_mismatch: 'error',
  texts_misaligned: 'error',
  text_mismatch: 'warning',
  chosen_equals_rejected: 'warning',
  id_repeated: 'warning',
  pair_in_two_splits: 'warning',
} as const satisfies Record<string, 'error' | 'warning'>

export type ProblemKind = keyof typeof PROBLEM_SEVERITY
const problemKinds = Object.keys(PROBLEM_SEVERITY) as [ProblemKind, ...ProblemKind[]]

const splitNameSchema = z.enum(SPLIT_NAMES)

/**
 * One kind of problem in one file (and column). Repeats are counted, not listed one by one: `count` says how many
 * rows share it and the place names the first.
 */
export const dataProblemSchema = errorPlaceSchema.extend({
  kind: z.enum(problemKinds),
  severity: z.enum(['error', 'warning']),
  split: splitNameSchema.optional(),
  message: z.string(),
  fix: z.string(),
  count: z.int(),
})
export type DataProblem = z.infer<typeof dataProblemSchema>

/** Where one problem of a report stands: rows in the order of the file, up to a bound, and a sentence for the first of them. */
export const problemRowsSchema = z.object({ rows: z.array(z.int()), messages: z.array(z.string()) })
export type ProblemRows = z.infer<typeof problemRowsSchema>

export const splitSummarySchema = z.object({
  split: splitNameSchema,
  pairs: z.int(),
  users: z.int(),
  /** Distinct texts that the split's pairs use (prompts and answers). */
  texts: z.int(),
  /** Width D of the embeddings. */
  width: z.int(),
  /** Names of the user feature columns (`prefix_columns`), in file order. */
  featureColumns: z.array(z.string()).readonly(),
})
export type SplitSummary = z.infer<typeof splitSummarySchema>

export const validationReportSchema = z.object({
  problems: z.array(dataProblemSchema).readonly(),
  splits: z.array(splitSummarySchema).readonly(),
})
export type ValidationReport = z.infer<typeof validationReportSchema>

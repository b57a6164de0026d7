import { z } from 'zod'
import { errorPlaceSchema } from '../errors'

/** Source formats of `delta data import`; docs/data-import.md describes each. */
export const IMPORT_FORMATS = ['prism', 'psoups', 'lore', 'pairs', 'ranked', 'ratings', 'best_of_n', 'votes'] as const
export type ImportFormat = (typeof IMPORT_FORMATS)[number]

/** Roles that a column of a generic source can play, each a flag. */
export const IMPORT_ROLES = [
  'user',
  'prompt',
  'id',
  'chosen',
  'rejected',
  'answer',
  'answers',
  'rating',
  'ratings',
  'ranks',
  'best',
  'answer_a',
  'answer_b',
  'vote',
] as const
export type ImportRole = (typeof IMPORT_ROLES)[number]

export const importOptionsSchema = z.strictObject({
  format: z.enum(IMPORT_FORMATS),
  /** Absolute paths, read one after the other. */
  inputs: z.array(z.string().min(1)).min(1),
  /** PRISM's survey, absolute. */
  survey: z.string().min(1).optional(),
  /** Absolute folder, new or empty. */
  output: z.string().min(1),
  columns: z.partialRecord(z.enum(IMPORT_ROLES), z.string().min(1)),
  /** Every ordered pair of answers, or the best one against each other. */
  pairs: z.enum(['all', 'best']).optional(),
  /** What stands before an answer: the whole conversation, or its last message. */
  context: z.enum(['full', 'last']),
  /** Ratings closer than this are a tie. */
  min_gap: z.number().min(0),
  delimiter: z.string().length(1).optional(),
})
export type ImportOptions = z.infer<typeof importOptionsSchema>

/** Why something of the source is not in the pairs as it stood, and what became of it. */
export const IMPORT_REASONS = {
  malformed: 'rows that cannot be read',
  no_user: 'rows without a user',
  no_prompt: 'rows without a prompt',
  no_answer: 'answers without a text',
  too_few_answers: 'questions with fewer than two answers',
  no_choice: 'questions without a chosen answer',
  several_choices: 'questions with several different chosen answers',
  bad_value: 'rows with a value that is not what its column wants',
  tie: 'pairs of equal rank or rating, or voted equal',
  same_text: 'pairs of one and the same text',
  repeated_answer: 'answers that stand twice under one question; the first counts',
  no_profile: 'people without a profile (kept; their features say missing)',
  id_repeated: 'ids that stood before (kept, with a number added)',
  column_renamed: 'columns whose name is one of ours (kept under source_…)',
} as const
export type ImportReason = keyof typeof IMPORT_REASONS
const reasons = Object.keys(IMPORT_REASONS) as [ImportReason, ...ImportReason[]]

export const importNoteSchema = errorPlaceSchema.extend({
  reason: z.enum(reasons),
  count: z.int(),
  /** Of the first. */
  message: z.string(),
})
export type ImportNote = z.infer<typeof importNoteSchema>

export const importResultSchema = z.object({
  dir: z.string(),
  df_file: z.string(),
  text_file: z.string(),
  /** Rows of the inputs, pairs written, distinct texts and users in them. */
  rows: z.int(),
  pairs: z.int(),
  texts: z.int(),
  users: z.int(),
  /** One-hot columns, and the prefixes by which a data configuration names them. */
  feature_columns: z.array(z.string()),
  prefix_columns: z.array(z.string()),
  /** Columns of the source that were kept as they are. */
  metadata_columns: z.array(z.string()),
  notes: z.array(importNoteSchema),
})
export type ImportResult = z.infer<typeof importResultSchema>

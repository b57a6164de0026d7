import { z } from 'zod'
import { dataConfigSchema } from '../config/data'
import { appErrorSchema } from '../errors'
import { SPLIT_NAMES } from './dataset'

/**
 * What `delta data split | preview | stats | dedupe | features | bow | embed` ask of an engine, and what it answers.
 * Every result names what was left out and why: no step loses a row silently.
 */
const path = z.string().min(1)
const count = z.int().min(0)
const splitName = z.enum(SPLIT_NAMES)

export const PAIR_FORMATS = ['parquet', 'jsonl'] as const
export type PairFormat = (typeof PAIR_FORMATS)[number]

/** Below 1 a share, from 1 on a number. */
const size = z
  .number()
  .min(0)
  .refine((value) => value < 1 || Number.isInteger(value), 'must be a share below 1 or a whole number')

/** A column of user identifiers may be named so in `--by` and `--stratify`, whatever it is called in the file. */
export const BY_USER = 'user'
/** In `--by`: the order of the time column. */
export const BY_TIME = 'time'

export const splitTaskSchema = z.strictObject({
  task: z.literal('split'),
  input: path,
  /** Folder for the pairs, the texts and what was dropped; new or empty. */
  output: path,
  dts_name: z.string().min(1),
  format: z.enum(PAIR_FORMATS),
  /** Columns none of whose values may stand in two splits; `user` sets users aside, `time` cuts by time. */
  by: z.array(z.string().min(1)).min(1),
  /** The column that becomes u_id. */
  user: z.string().min(1),
  time: z.string().min(1),
  /** Columns whose values every split should hold in the same shares. */
  stratify: z.array(z.string().min(1)),
  /** Pairs: shares of those of the known users, or numbers. */
  test: size,
  dev: size,
  /** Users set aside by `user`: a share or a number. */
  unseen: size,
  /** With `time`: cut within each user's own history. */
  perUser: z.boolean(),
  /** Groups that share a text are told of, or kept together. */
  sharedTexts: z.enum(['report', 'join']),
  /** Beginnings of the columns that are user features, for the data's section. */
  prefixColumns: z.array(z.string().min(1)).default([]),
  seed: z.int().min(0).max(0xffff_ffff),
})
export type SplitTask = z.infer<typeof splitTaskSchema>

export const columnSchema = z.object({
  name: z.string(),
  /** As the written file holds it. */
  type: z.enum(['boolean', 'integer', 'number', 'text', 'time', 'json', 'empty']),
})
export type ColumnInfo = z.infer<typeof columnSchema>

/** Rows of one input file that did not get into the output, by reason. */
export const droppedSchema = z.object({
  reason: z.enum([
    'row_malformed',
    'value_missing',
    'value_invalid',
    'time_invalid',
    'unseen_user_elsewhere',
    'duplicate',
    'conflict',
  ]),
  column: z.string().optional(),
  rows: count,
  /** From 0. */
  firstRow: count,
  /** For a person, what the reason means here. */
  message: z.string(),
})
export type Dropped = z.infer<typeof droppedSchema>

/** What two splits have in common: things that evaluation is not meant to have seen in training. */
export const overlapSchema = z.object({
  splits: z.tuple([splitName, splitName]),
  users: count,
  prompts: count,
  /** Texts that are an answer in both. */
  answers: count,
  /** Rows of the second split with a prompt or an answer that the first one has as well. */
  rowsWithSharedText: count,
  /** Rows of the second split whose user judges the same two answers to the same prompt in the first one. */
  samePairs: count,
  /** Values in both, of each column of `by`. */
  groups: z.record(z.string(), count),
})
export type Overlap = z.infer<typeof overlapSchema>

export const splitResultSchema = z.object({
  task: z.literal('split'),
  rows: count,
  groups: count,
  splits: z.array(
    z.object({
      split: splitName,
      file: path,
      pairs: count,
      users: count,
      groups: count,
      /** Pairs asked for; null where no size was given. */
      wanted: z.number().nullable(),
    }),
  ),
  textFile: path,
  texts: count,
  columns: z.array(columnSchema),
  overlaps: z.array(overlapSchema),
  dropped: z.array(droppedSchema),
  /** Where the dropped rows stand with their reasons; null when there is none. */
  droppedFile: path.nullable(),
  notes: z.array(z.string()),
})
export type SplitResult = z.infer<typeof splitResultSchema>

export const previewTaskSchema = z.strictObject({ task: z.literal('preview'), input: path, rows: count })

export const previewResultSchema = z.object({
  task: z.literal('preview'),
  format: z.enum(PAIR_FORMATS),
  /** Rows of the file, where the format says so without reading it. */
  totalRows: count.nullable(),
  /** Rows that were looked at for the columns. */
  sampledRows: count,
  columns: z.array(columnSchema.extend({ missing: count, distinct: count, example: z.string() })),
  rows: z.array(z.record(z.string(), z.unknown())),
  malformed: count,
})
export type PreviewResult = z.infer<typeof previewResultSchema>

export const statsTaskSchema = z.strictObject({
  task: z.literal('stats'),
  /** Pairs files by split; texts and vectors are not needed. */
  splits: z.array(z.object({ split: splitName, file: path })).min(1),
  user: z.string().min(1),
  topic: z.string().min(1),
})

const lengthSchema = z.object({
  mean: z.number(),
  median: z.number(),
  p95: z.number(),
  max: z.number(),
  /** Over pairs, [from, to], both inclusive; the last bin goes up to the longest. */
  histogram: z.array(z.object({ from: count, to: count, pairs: count })),
})
export type LengthStats = z.infer<typeof lengthSchema>

/** In characters; and in words, as far as blanks part them. */
const lengthsSchema = lengthSchema.extend({ words: lengthSchema })
export type Lengths = z.infer<typeof lengthsSchema>

export const splitStatsSchema = z.object({
  split: splitName,
  pairs: count,
  /** Rows without a user or a text, not counted in anything else. */
  unusable: count,
  users: count,
  prompts: count,
  answers: count,
  texts: count,
  /** Of one user: histogram over [from, to], both inclusive, with powers of two as bounds. */
  pairsPerUser: z.object({
    min: z.number(),
    median: z.number(),
    mean: z.number(),
    max: z.number(),
    histogram: z.array(z.object({ from: count, to: count, users: count })),
  }),
  lengths: z.object({ prompt: lengthsSchema, chosen: lengthsSchema, rejected: lengthsSchema }),
  /** Share of pairs whose chosen answer is the longer one; equal lengths count half. */
  chosenLonger: z.number(),
  /** Most frequent first. */
  topics: z.array(z.object({ topic: z.string(), pairs: count })),
  moreTopics: count,
  /** Share of pairs that also stand with the opposite judgment, by whomever. */
  reversed: z.number(),
  /** Accuracy that no predictor exceeds which gives every user the same answer. */
  userBlindCeiling: z.number(),
  /** Rows that repeat user, prompt, chosen and rejected of an earlier row. */
  duplicates: count,
  /** Rows with the opposite judgment of an earlier row of the same user. */
  conflicts: count,
  chosenEqualsRejected: count,
})
export type SplitStats = z.infer<typeof splitStatsSchema>

export const statsResultSchema = z.object({
  task: z.literal('stats'),
  splits: z.array(splitStatsSchema),
  overlaps: z.array(overlapSchema),
})
export type StatsResult = z.infer<typeof statsResultSchema>

export const CONFLICTS = ['keep', 'drop'] as const

export const dedupeTaskSchema = z.strictObject({
  task: z.literal('dedupe'),
  input: path,
  output: path,
  format: z.enum(PAIR_FORMATS),
  /** Where dropped and conflicting rows are written. */
  droppedFile: path,
  user: z.string().min(1),
  /** Both judgments of a user who decided a pair in both ways. */
  conflicts: z.enum(CONFLICTS),
})

export const dedupeResultSchema = z.object({
  task: z.literal('dedupe'),
  rows: count,
  kept: count,
  duplicates: count,
  /** Rows whose user also judges the same pair the other way round, and how many such pairs there are. */
  conflictingRows: count,
  conflictingPairs: count,
  dropped: z.array(droppedSchema),
  droppedFile: path.nullable(),
})
export type DedupeResult = z.infer<typeof dedupeResultSchema>

export const SCALINGS = ['standard', 'minmax'] as const

export const featuresTaskSchema = z.strictObject({
  task: z.literal('features'),
  data: z.array(z.object({ split: splitName, file: path })).min(1),
  user: z.string().min(1),
  oneHot: z.array(z.string().min(1)),
  scale: z.array(z.string().min(1)),
  scaling: z.enum(SCALINGS),
  /** Put before every new column's name. */
  prefix: z.string(),
  /** More categories than this are no categories. */
  maxCategories: z.int().positive(),
})

export const featureColumnSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('one_hot'),
    column: z.string(),
    prefix: z.string(),
    categories: z.array(z.object({ value: z.string(), column: z.string(), users: count })),
    /** 1 where the value is missing; null where no split lacks one. */
    missingColumn: z.string().nullable(),
    /** Rows of other splits with a category that the training users do not have: all zero. */
    unknownRows: count,
  }),
  z.object({
    kind: z.literal('scaled'),
    column: z.string(),
    prefix: z.string(),
    output: z.string(),
    scaling: z.enum(SCALINGS),
    /** output = (value − shift) / scale, over the training users. */
    shift: z.number(),
    scale: z.number(),
    missingColumn: z.string().nullable(),
  }),
])
export type FeatureColumn = z.infer<typeof featureColumnSchema>

export const featuresResultSchema = z.object({
  task: z.literal('features'),
  features: z.array(featureColumnSchema),
  /** Beginnings of the new columns' names, for `prefix_columns`. */
  prefixes: z.array(z.string()),
  files: z.array(path),
  /** Users whose rows contradict each other in a source column; each row keeps its own value. */
  inconsistentUsers: count,
})
export type FeaturesResult = z.infer<typeof featuresResultSchema>

export const bowTaskSchema = z.strictObject({
  task: z.literal('bow'),
  data: dataConfigSchema,
  /** Counts of each text file of the data set. */
  files: z.array(z.object({ textFile: path, bowFile: path })).min(1),
  vocabFile: path,
  /** A word stands in at least so many training texts, and in at most this share of them. */
  minDf: z.int().min(1),
  maxDf: z.number().gt(0).max(1),
  /** Most frequent ones first when there are more. */
  maxWords: z.int().positive(),
  minLetters: z.int().min(1),
  stopWords: z.union([z.literal('english'), z.array(z.string())]),
})

export const bowResultSchema = z.object({
  task: z.literal('bow'),
  words: count,
  trainingTexts: count,
  /** Words of the training texts that were left out of the vocabulary. */
  leftOut: z.object({ stopWords: count, rare: count, frequent: count, beyondLimit: count }),
  files: z.array(z.object({ bowFile: path, texts: count, counts: count, emptyTexts: count })),
})
export type BowResult = z.infer<typeof bowResultSchema>

/** Makes the text files that a data set lacks, and the index columns that its pairs lack. */
export const indexTaskSchema = z.strictObject({ task: z.literal('index'), data: dataConfigSchema })

export const indexResultSchema = z.object({
  task: z.literal('index'),
  textFiles: z.array(z.object({ file: path, texts: count, made: z.boolean() })),
  /** Pairs files that got index columns. */
  indexed: z.array(path),
})
export type IndexResult = z.infer<typeof indexResultSchema>

/** The texts of a file in order, sent as `texts` frames. */
export const textsTaskSchema = z.strictObject({ task: z.literal('texts'), file: path })
export const textsResultSchema = z.object({ task: z.literal('texts'), texts: count })

/** Says what files are, by their content. */
export const inspectTaskSchema = z.strictObject({ task: z.literal('inspect'), files: z.array(path).min(1).max(1000) })
export type InspectTask = z.infer<typeof inspectTaskSchema>

export const inspectedFileSchema = z.object({
  file: path,
  bytes: count,
  /** `pairs`: rows in the form that training reads; `table`: rows that need an import. */
  kind: z.enum(['pairs', 'table', 'texts', 'vectors', 'counts', 'configuration', 'unknown']),
  /** Of texts and vectors. */
  rows: count.optional(),
  width: count.optional(),
  table: z
    .object({
      sampledRows: count,
      /** Whether these are all rows of the file. */
      all: z.boolean(),
      malformed: count,
      columns: z.array(columnSchema.extend({ missing: count, distinct: count })),
      /** The first rows, by column, cut. */
      rows: z.array(z.array(z.string())),
    })
    .optional(),
  /** Why it cannot be read. */
  error: appErrorSchema.optional(),
})
export type InspectedFile = z.infer<typeof inspectedFileSchema>

export const inspectResultSchema = z.object({ task: z.literal('inspect'), files: z.array(inspectedFileSchema) })
export type InspectResult = z.infer<typeof inspectResultSchema>

export const prepareTaskSchema = z.discriminatedUnion('task', [
  splitTaskSchema,
  previewTaskSchema,
  statsTaskSchema,
  dedupeTaskSchema,
  featuresTaskSchema,
  bowTaskSchema,
  indexTaskSchema,
  textsTaskSchema,
  inspectTaskSchema,
])
export type PrepareTask = z.infer<typeof prepareTaskSchema>

export const prepareResultSchema = z.discriminatedUnion('task', [
  splitResultSchema,
  previewResultSchema,
  statsResultSchema,
  dedupeResultSchema,
  featuresResultSchema,
  bowResultSchema,
  indexResultSchema,
  textsResultSchema,
  inspectResultSchema,
])
export type PrepareResult = z.infer<typeof prepareResultSchema>

import { z } from 'zod'
import { appErrorSchema } from '../errors'
import { rowFilterSchema, rowPageSchema, rowSortSchema, MOST_ROWS_A_PAGE, wholeRowSchema } from './browse'
import { dataProblemSchema, SPLIT_NAMES, splitSummarySchema } from './dataset'
import { IMPORT_FORMATS, IMPORT_ROLES } from './importing'
import { inspectedFileSchema, PAIR_FORMATS, SCALINGS, CONFLICTS, statsResultSchema } from './preparation'

/** What the Data sets page asks of core, and what that answers: the routes `datasets.*`. */
const count = z.int().min(0)
const splitName = z.enum(SPLIT_NAMES)
const file = z.string().min(1).max(4_096)
const column = z.string().min(1).max(300)
const columns = z.array(column).max(100)
const share = z.number().min(0).max(1e9)

/** `bundled`: of the installation or the working folder; `workspace`: made in the window; `registered`: a person's own configuration. */
export const DATASET_SOURCES = ['bundled', 'workspace', 'registered'] as const

/** What core may be doing for a data set. */
export const DATASET_WORK = ['check', 'stats', 'open', 'prepare'] as const
export type DatasetWorkKind = (typeof DATASET_WORK)[number]

export const datasetWorkSchema = z.object({
  key: z.string(),
  kind: z.enum(DATASET_WORK),
  state: z.enum(['running', 'done', 'failed', 'stopped']),
  /** In words: what is being done. */
  label: z.string(),
  /** What is counted, in the plural; empty where nothing is. */
  what: z.string(),
  done: z.number(),
  total: z.number().optional(),
  error: appErrorSchema.optional(),
})
export type DatasetWork = z.infer<typeof datasetWorkSchema>

export const datasetKeySchema = z.string().min(1).max(200)
const byKey = z.strictObject({ key: datasetKeySchema })

const fileStateSchema = z.object({ file: z.string(), bytes: count.nullable() })

export const datasetEntrySchema = z.object({
  key: z.string(),
  /** The section's name, by which an experiment names it together with `file`. */
  name: z.string(),
  /** The data configuration. */
  file: z.string(),
  source: z.enum(DATASET_SOURCES),
  /** `missing`: files are gone; `broken`: the configuration cannot be used, see `error`. */
  state: z.enum(['ready', 'missing', 'broken']),
  error: appErrorSchema.optional(),
  dir: z.string().nullable(),
  splits: z.array(
    z.object({ split: splitName, pairs: fileStateSchema, texts: fileStateSchema, vectors: fileStateSchema }),
  ),
  embedder: z.string().nullable(),
  features: z.array(z.string()),
  /** What the last check found, where the files are still the same. */
  checked: z.object({ errors: count, warnings: count, pairs: count, users: count }).nullable(),
  work: z.array(datasetWorkSchema),
})
export type DatasetEntry = z.infer<typeof datasetEntrySchema>

const datasetListSchema = z.object({ datasets: z.array(datasetEntrySchema), folder: z.string() })

export const checkedProblemSchema = dataProblemSchema.extend({
  /** Rows that can be listed; the count may be higher. */
  listed: count,
})
export const datasetCheckSchema = z.object({
  problems: z.array(checkedProblemSchema),
  splits: z.array(splitSummarySchema),
  /** Milliseconds since the Unix epoch. */
  at: z.number(),
})
export type DatasetCheck = z.infer<typeof datasetCheckSchema>

/** The parts that `datasets.create` may be given for one split. */
const linkedSplitSchema = z.strictObject({
  df_file: file,
  /** Left out where they are still to be made. */
  text_file: file.optional(),
  emb_file: file.optional(),
  bow_file: file.optional(),
})

/** A folder's name, and a section's. */
export const datasetNameSchema = z
  .string()
  .regex(
    /^[\p{L}\p{N}_][\p{L}\p{N}_.-]{0,79}$/u,
    'begins with a letter or digit and holds letters, digits, _ - . alone',
  )

const splitStepSchema = z.strictObject({
  by: columns.min(1),
  user: column.default('u_id'),
  time: column.default('time'),
  stratify: columns.default([]),
  test: share.default(0.2),
  dev: share.default(0.1),
  unseen: share.default(0.2),
  per_user: z.boolean().default(false),
  shared_texts: z.enum(['report', 'join']).default('report'),
  format: z.enum(PAIR_FORMATS).default('parquet'),
  seed: z.int().min(0).max(0xffff_ffff).default(0),
})
export type SplitStep = z.infer<typeof splitStepSchema>

export const createDatasetSchema = z.discriminatedUnion('how', [
  /** Files that are in form already, left where they are. */
  z.strictObject({
    how: z.literal('link'),
    name: datasetNameSchema,
    splits: z.partialRecord(splitName, linkedSplitSchema),
    prefix_columns: columns.default([]),
    vocab_file: file.optional(),
  }),
  /** Rows of any form, turned into pairs. */
  z.strictObject({
    how: z.literal('import'),
    name: datasetNameSchema,
    inputs: z.array(file).min(1).max(100),
    format: z.enum(IMPORT_FORMATS),
    columns: z.partialRecord(z.enum(IMPORT_ROLES), column).default({}),
    min_gap: z.number().min(0).default(0),
    split: splitStepSchema.nullable().default(null),
    /** Vectors of MiniLM, on this machine. */
    embed: z.boolean().default(false),
  }),
])
export type CreateDataset = z.infer<typeof createDatasetSchema>

export const prepareStepSchema = z.discriminatedUnion('task', [
  splitStepSchema.extend({ task: z.literal('split'), from: splitName.default('train') }),
  z.strictObject({ task: z.literal('embed'), dtype: z.enum(['float32', 'float16']).default('float32') }),
  z.strictObject({
    task: z.literal('bow'),
    min_df: z.int().min(1).default(2),
    max_df: z.number().gt(0).max(1).default(0.9),
    max_words: z.int().min(1).max(10_000_000).default(20_000),
    min_letters: z.int().min(1).max(100).default(3),
    stop_words: z.enum(['english', 'none']).default('english'),
  }),
  z.strictObject({
    task: z.literal('features'),
    one_hot: columns.default([]),
    scale: columns.default([]),
    scaling: z.enum(SCALINGS).default('standard'),
    prefix: z.string().max(100).default(''),
    max_categories: z.int().min(1).max(100_000).default(100),
  }),
  z.strictObject({ task: z.literal('dedupe'), conflicts: z.enum(CONFLICTS).default('keep') }),
])
export type PrepareStep = z.infer<typeof prepareStepSchema>
export type PrepareStepInput = z.input<typeof prepareStepSchema>

/** `name` is that of the new data set; the one itself where vectors are made for a data set of the workspace. */
const prepareRequestSchema = z.strictObject({ key: datasetKeySchema, name: datasetNameSchema, step: prepareStepSchema })
export type PrepareRequest = z.infer<typeof prepareRequestSchema>

export const inspectionSchema = z.object({
  /** Data sets of configurations among the files: they are registered as they are. */
  configurations: z.array(z.string()),
  files: z.array(inspectedFileSchema),
  name: z.string(),
  /** Files that are in form already, by split; null where there are none. */
  link: z.partialRecord(splitName, linkedSplitSchema).nullable(),
  /** What the columns of a table most likely are. */
  imports: z
    .object({ format: z.enum(IMPORT_FORMATS), columns: z.partialRecord(z.enum(IMPORT_ROLES), z.string()) })
    .nullable(),
})
export type Inspection = z.infer<typeof inspectionSchema>

const paths = z.strictObject({ paths: z.array(file).min(1).max(1_000) })
const selection = {
  key: datasetKeySchema,
  split: splitName,
  search: z.string().max(10_000).default(''),
  filters: z
    .array(z.union([rowFilterSchema, z.strictObject({ type: z.literal('problem'), problem: count })]))
    .max(50)
    .default([]),
  sort: rowSortSchema.nullable().default(null),
}
export type DatasetFilter = z.output<(typeof selection)['filters']>[number]

export const datasetRequests = {
  'datasets.list': { input: z.strictObject({}), output: datasetListSchema },
  /** Registers the data sets of configurations as they are; anything else has to be inspected and created. */
  'datasets.register': { input: paths, output: z.object({ keys: z.array(z.string()) }) },
  'datasets.inspect': { input: paths, output: inspectionSchema },
  'datasets.create': { input: createDatasetSchema, output: z.object({ key: z.string(), notes: z.array(z.string()) }) },
  /** Takes a data set off the list. No file of data is touched. */
  'datasets.remove': { input: byKey, output: z.object({ removed: z.string() }) },
  /** Tells where a configuration lies now that was registered elsewhere. */
  'datasets.locate': {
    input: z.strictObject({ key: datasetKeySchema, path: file }),
    output: z.object({ keys: z.array(z.string()) }),
  },
  /** Every problem of every file; kept until a file changes. `again` checks all the same. */
  'datasets.check': {
    input: z.strictObject({ key: datasetKeySchema, again: z.boolean().default(false) }),
    output: datasetCheckSchema,
  },
  /** Rows of one problem of the last check, in the order of the file. */
  'datasets.problems': {
    input: z.strictObject({ key: datasetKeySchema, problem: count, offset: count, limit: z.int().min(0).max(1_000) }),
    output: z.object({
      total: count,
      listed: count,
      places: z.array(z.object({ row: count, line: count.optional(), message: z.string() })),
    }),
  },
  'datasets.stats': {
    input: z.strictObject({ key: datasetKeySchema, again: z.boolean().default(false), topic: column.default('topic') }),
    output: statsResultSchema.extend({ at: z.number() }),
  },
  'datasets.rows': {
    input: z.strictObject({
      ...selection,
      offset: count,
      limit: z.int().min(0).max(MOST_ROWS_A_PAGE),
      view: z.string().max(100).default(''),
    }),
    output: rowPageSchema,
  },
  'datasets.row': {
    input: z.strictObject({ key: datasetKeySchema, split: splitName, row: count }),
    output: wholeRowSchema,
  },
  /** Makes a new data set of one, or completes one of the workspace. */
  'datasets.prepare': {
    input: prepareRequestSchema,
    output: z.object({ key: z.string(), notes: z.array(z.string()) }),
  },
  /** The commands that do the same. */
  'datasets.plan': {
    input: z.strictObject({ create: createDatasetSchema.optional(), prepare: prepareRequestSchema.optional() }),
    output: z.object({ commands: z.string(), folder: z.string() }),
  },
  'datasets.cancel': {
    input: z.strictObject({ key: datasetKeySchema, kind: z.enum(DATASET_WORK) }),
    output: z.object({ cancelled: z.boolean() }),
  },
} as const satisfies Record<string, { input: z.ZodType; output: z.ZodType }>

export type RowsInput = z.output<(typeof datasetRequests)['datasets.rows']['input']>

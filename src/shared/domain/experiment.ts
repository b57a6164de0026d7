import { z } from 'zod'
import { MODEL_NAMES } from '../config/experiment'

/** Longer than any experiment that a person writes, and short enough to be read at every keystroke. */
export const LONGEST_DOCUMENT = 64 * 1024

/** What a preset may be called: a file's name on every system, and nothing that leads out of its folder. */
export const presetNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,58}[A-Za-z0-9_-])?$/,
    'must be 1–60 letters, digits, blanks, ".", "_" or "-", and start and end with a letter or digit',
  )

export const documentTextSchema = z.string().max(LONGEST_DOCUMENT, 'is longer than 64 KiB')
const name = z.string().min(1).max(4_096)

/** A value of a key, as a form shows it. What is none of these (a section where a number belongs) comes as text. */
export const shownValueSchema = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.null(),
  z.array(z.union([z.string(), z.number()])),
])
export type ShownValue = z.infer<typeof shownValueSchema>
const valuesSchema = z.record(z.string(), shownValueSchema)

/** What a form has changed: dotted keys and their values; null takes a key out. */
export const documentChangesSchema = z
  .record(
    z.string().min(1).max(200),
    z.union([
      z.string().max(4_096),
      z.number(),
      z.boolean(),
      z.null(),
      z.array(z.union([z.string().max(4_096), z.number()])).max(1_000),
    ]),
  )
  .refine((changes) => Object.keys(changes).length <= 200, 'holds more than 200 keys')

/** A mistake in the document. `from` and `to` are offsets into it, in UTF-16 units; `line` and `column` count from 1. */
export const documentProblemSchema = z.object({
  /** Dotted; empty for one of the whole text. */
  key: z.string(),
  message: z.string(),
  line: z.int(),
  column: z.int(),
  from: z.int(),
  to: z.int(),
  /** An edit that repairs it. */
  fix: z.object({ label: z.string(), from: z.int(), to: z.int(), insert: z.string() }).optional(),
})
export type DocumentProblem = z.infer<typeof documentProblemSchema>

export const checkedDocumentSchema = z.object({
  /** The text, with the changes made. */
  yaml: z.string(),
  /** False where the text is no YAML: `values` then says nothing. */
  readable: z.boolean(),
  /** What the text itself says, by dotted key. What it leaves out has its default. */
  values: valuesSchema,
  problems: z.array(documentProblemSchema),
  /** Of a sound experiment: what is odd about it. */
  warnings: z.array(z.string()),
  /** Null while there are problems. */
  plan: z
    .object({
      /** The command that trains the same, and the folder it is meant for. */
      command: z.string(),
      cwd: z.string(),
      /** The whole configuration, as it will stand in the run's hparams.yaml. */
      resolved: z.string(),
    })
    .nullable(),
})
export type CheckedDocument = z.infer<typeof checkedDocumentSchema>

/** What a new document begins with. */
export const draftOriginSchema = z.discriminatedUnion('kind', [
  /** exp_config.yaml of the working folder, else of the installation. */
  z.strictObject({ kind: z.literal('defaults') }),
  z.strictObject({ kind: z.literal('preset'), id: z.string().min(1).max(100) }),
  z.strictObject({ kind: z.literal('run'), id: z.string().min(1).max(200) }),
])
export type DraftOrigin = z.infer<typeof draftOriginSchema>

export const draftRequestSchema = z.strictObject({
  origin: draftOriginSchema,
  /** Settings that the new document takes over, where its origin has none of its own. */
  keep: z
    .strictObject({
      dts_name: name,
      dts_config_file: name,
      model_name: z.enum(MODEL_NAMES),
      exp_name: name,
      exp_version: name,
    })
    .partial()
    .default({}),
})

export const draftSchema = z.object({
  yaml: z.string(),
  /** What the document's values are compared with: differences from it are marked. */
  reference: z.object({ label: z.string(), values: valuesSchema }),
  /** What could not be taken over, in words. */
  notes: z.array(z.string()),
})
export type Draft = z.infer<typeof draftSchema>

export const presetSchema = z.object({
  /** `own/NAME`, `workspace/NAME` or `installed/NAME`. */
  id: z.string(),
  name: z.string(),
  description: z.string(),
  source: z.enum(['own', 'workspace', 'installed']),
  file: z.string(),
  /** Models that it has something to say about; empty where it fits all. */
  models: z.array(z.enum(MODEL_NAMES)),
})
export type Preset = z.infer<typeof presetSchema>

/** What a short probe has measured, and what follows for the whole run. */
export const estimateSchema = z.object({
  backend: z.string(),
  /** Why this one. */
  why: z.string(),
  threads: z.int(),
  parameters: z.int(),
  pairs: z.int(),
  users: z.int(),
  stepsPerEpoch: z.int(),
  /** Median over the steps of the probe. */
  msPerStep: z.number(),
  /** Steps that were timed. */
  steps: z.int(),
  msPerEpoch: z.number(),
  /** Null where nothing validates, or where it would have taken longer than the probe may. */
  msPerValidation: z.number().nullable(),
  /** Reading and checking the data. */
  msToLoad: z.number(),
  /** Vectors of texts, in memory. */
  tableBytes: z.int(),
  texts: z.int(),
  width: z.int(),
  /** Most that the probe's process had in memory. */
  rssBytes: z.int(),
})
export type Estimate = z.infer<typeof estimateSchema>

/** An estimate of an experiment: of a probe that may have been made for an earlier one of the same size. */
export const experimentEstimateSchema = estimateSchema.extend({
  epochs: z.int(),
  /** Steps of the whole run, if nothing ends it early. */
  totalSteps: z.int(),
  /** Training and validating, if nothing ends it early. */
  secondsAtMost: z.number(),
  /** Whether early stopping may end it. */
  mayStopEarly: z.boolean(),
  /** Runs that were training during the probe, which it shared the machine with. */
  besides: z.int(),
  measured: z.int(),
})
export type ExperimentEstimate = z.infer<typeof experimentEstimateSchema>

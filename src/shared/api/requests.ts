import { backendStateSchema } from '../domain/backend'
import { z } from 'zod'
import type { AppErrorJson } from '../errors'
import { clusterRequests } from '../domain/clusters'
import { compareRequests } from '../domain/compare'
import { importanceRequests } from '../domain/importance'
import { exampleRequests } from '../domain/examples'
import { savedComparisonRequests } from '../domain/savedComparisons'
import { evaluatedSplitSchema, evaluationSchema } from '../domain/evaluation'
import { runStatusSchema, transitionSchema } from '../domain/lifecycle'
import {
  checkedDocumentSchema,
  documentChangesSchema,
  documentTextSchema,
  draftRequestSchema,
  draftSchema,
  experimentEstimateSchema,
  presetNameSchema,
  presetSchema,
} from '../domain/experiment'
import { metricBatchSchema } from '../domain/metric'
import { datasetRequests } from '../domain/datasets'
import { MAX_RESTARTS, queueSettingsSchema } from '../domain/queue'
import { browseSchema, folderListingSchema, pickedSchema, pickSchema, revealSchema, writeSchema } from '../domain/files'
import { historyQuerySchema, historyResultSchema } from '../domain/history'
import { runNamesSchema, runTableQuerySchema, runTableSchema } from '../domain/runTable'
import { runViewSchema } from '../domain/runView'
import { sweepRequests } from '../domain/sweeps'
import { usersRequests } from '../domain/users'
import { annotationsSchema, LONGEST_NOTE, runRecordSchema, tagSchema } from '../domain/run'

/**
 * Everything a window, a browser or the command line may ask of core: one entry a route, input and output as schemas.
 * The same table drives the router, both transports and the typed client.
 */
const nothing = z.strictObject({})
const runId = z.string().min(1).max(200)
const byId = z.strictObject({ id: runId })
const text = z.string().max(4_096)

/** Dotted keys of a configuration and their values, `trainer.learning_rate` → 0.01. Null takes a key out. */
const changesSchema = z
  .record(
    z.string().min(1).max(200),
    z.union([z.string().max(4_096), z.number(), z.boolean(), z.null(), z.array(z.union([z.string(), z.number()]))]),
  )
  .refine((changes) => Object.keys(changes).length <= 200, 'holds more than 200 keys')

/** The end of the queue, the front of it, or at once, past its limit and a pause. */
const placeSchema = z.enum(['end', 'front', 'now'])

/** An experiment as a form or a command line gives it: whatever is missing comes from the configuration files. */
export const experimentRequestSchema = z.strictObject({
  dts_name: text.min(1),
  dts_config_file: text.optional(),
  config_file: text.optional(),
  exp_name: text.optional(),
  exp_version: text.optional(),
  model_name: text.optional(),
  rw_model_name: text.optional(),
  features: text.optional(),
  backend: text.optional(),
  threads: z.int().min(1).max(1024).optional(),
  changes: changesSchema.default({}),
})
export type ExperimentInput = z.output<typeof experimentRequestSchema>

/** `1..16`, `1,2,5`: one run each. */
const seedsText = z.string().max(1_000).optional()

const newRun = z.object({ id: z.string(), dir: z.string() })
const nowAt = z.object({ status: runStatusSchema })
const queueSchema = z.object({
  /** The next one first. */
  waiting: z.array(z.object({ id: z.string(), restarts: z.int() })),
  settings: queueSettingsSchema,
})

/** A run as a table shows it. `status` is already corrected for engines that died without a word. */
export const runSummarySchema = runRecordSchema.extend({
  /** Absolute folder of the run. */
  dir: z.string(),
  /** Last value of each metric. */
  figures: z.record(z.string(), z.number()),
  /** Epochs with training figures so far. */
  epochs: z.int(),
})
export type RunSummary = z.infer<typeof runSummarySchema>

export const requests = {
  'app.info': {
    input: nothing,
    output: z.object({
      version: z.string(),
      logDir: z.string(),
      platform: z.string(),
      node: z.string(),
      /** Folder of the history and of the workbench's own files; null where it is kept in memory. */
      dataDir: z.string().nullable(),
      /** Threads that a run trains with unless it says otherwise. */
      threads: z.int(),
      /** Trains a first model on the bundled sample, into this log folder. */
      firstCommand: z.string(),
      /** What was repaired in the history, or why it cannot be used. */
      notes: z.array(z.string()),
      /** Whether there are file dialogs (`files.pick`); a served page looks around with `files.browse`. */
      dialogs: z.boolean(),
    }),
  },
  /** What trains on this machine; asked of an engine, which starts each. */
  'app.backends': { input: nothing, output: z.object({ backends: z.array(backendStateSchema) }) },
  /** A dialog of the system; what is chosen may be named in other requests from then on. */
  'files.pick': { input: pickSchema, output: pickedSchema },
  /** A folder within what a person has allowed. */
  'files.browse': { input: browseSchema, output: folderListingSchema },
  /** Writes an export of the page to where a person has just chosen; what stands there is replaced, as the dialog has asked. */
  'files.write': { input: writeSchema, output: nothing },
  /** Shows a file in the system's file manager. */
  'files.reveal': { input: revealSchema, output: nothing },
  'runs.list': {
    input: nothing,
    /** Newest first. `unreadable` names run folders whose files are broken, with the reason: they are shown, never hidden. */
    output: z.object({
      runs: z.array(runSummarySchema),
      unreadable: z.array(z.object({ dir: z.string(), reason: z.string() })),
    }),
  },
  /** What a table of the log folder's runs shows. */
  'runs.table': { input: runTableQuerySchema, output: runTableSchema },
  /** The runs that a filter lets through; its language is the history's. */
  'runs.match': {
    input: z.strictObject({ filter: z.string().max(10_000), trash: z.boolean().default(false) }),
    output: z.object({ ids: z.array(z.string()) }),
  },
  /** One run as its page shows it, without its curves. */
  'runs.view': { input: byId, output: runViewSchema },
  /** How well it predicts people; null where it has not been evaluated on that split with its present checkpoint. */
  'runs.evaluation': {
    input: z.strictObject({ id: runId, split: evaluatedSplitSchema }),
    output: z.object({
      evaluation: evaluationSchema.nullable(),
      /** Splits that its data has. */
      splits: z.array(evaluatedSplitSchema),
    }),
  },
  /** Computes that now, and keeps it in the run's folder. */
  'runs.evaluate': {
    input: z.strictObject({ id: runId, split: evaluatedSplitSchema }),
    output: z.object({ evaluation: evaluationSchema }),
  },
  'runs.names': { input: nothing, output: runNamesSchema },
  'runs.get': {
    input: byId,
    output: z.object({
      run: runSummarySchema,
      hparams: z.string(),
      history: z.array(metricBatchSchema),
      /** Number of the last batch in `history`: live batches go on from it. */
      sequence: z.int(),
      /** Every change of its status that the history knows, the first one first. */
      transitions: z.array(transitionSchema),
      /** The last lines of run.log. */
      log: z.array(z.string()),
      /** Files of the run that could not be read or hold broken lines, in words. */
      problems: z.array(z.string()),
    }),
  },
  'runs.start': {
    input: z.strictObject({
      experiment: experimentRequestSchema,
      restarts: z.int().min(0).max(MAX_RESTARTS).optional(),
    }),
    output: newRun,
  },
  'runs.queue': {
    input: z.strictObject({
      experiment: experimentRequestSchema,
      place: placeSchema.exclude(['now']).default('end'),
      restarts: z.int().min(0).max(MAX_RESTARTS).optional(),
    }),
    output: newRun,
  },
  /** Ends a run in good order, its checkpoint written, or takes it out of the queue. */
  'runs.stop': { input: byId, output: nowAt },
  /** Only how long it trains may change: `trainer.max_epochs`, `trainer.max_steps`, `trainer.patience`, `trainer.test_on`, `backend`, `threads`. */
  'runs.resume': {
    input: z.strictObject({ id: runId, changes: changesSchema.default({}), place: placeSchema.default('end') }),
    output: nowAt,
  },
  /** The same experiment with some keys changed, as a new run. */
  'runs.clone': {
    input: z.strictObject({ id: runId, changes: changesSchema.default({}), place: placeSchema.default('end') }),
    output: newRun,
  },
  /** Tags, note and star of a run; what is missing stays. */
  'runs.annotate': {
    input: z.strictObject({
      id: runId,
      addTags: z.array(tagSchema).max(100).optional(),
      removeTags: z.array(tagSchema).max(100).optional(),
      note: z.string().max(LONGEST_NOTE).optional(),
      starred: z.boolean().optional(),
    }),
    output: annotationsSchema.omit({ format: true }),
  },
  /** Into the trash of its log folder; null for a run whose files stay where they are. */
  'runs.delete': { input: byId, output: z.object({ trashDir: z.string().nullable() }) },
  'runs.restore': { input: byId, output: z.object({ dir: z.string().nullable() }) },
  /** Deletes a run in the trash for good; `bytes` are freed. */
  'runs.purge': { input: byId, output: z.object({ bytes: z.int().min(0) }) },
  'queue.get': { input: nothing, output: queueSchema },
  /** The waiting runs in their new order; those that are not named follow. */
  'queue.reorder': { input: z.strictObject({ ids: z.array(runId).max(10_000) }), output: queueSchema },
  /** `paused`: what runs ends as it would, and nothing else is started. */
  'queue.set': {
    input: z.strictObject({
      paused: z.boolean().optional(),
      concurrency: z.int().min(1).max(256).nullable().optional(),
      restarts: z.int().min(0).max(MAX_RESTARTS).optional(),
    }),
    output: queueSchema,
  },
  /** Curves of any number of runs and metrics, sampled for a picture; live batches continue them by their numbers. */
  'history.query': { input: historyQuerySchema, output: historyResultSchema },
  /** A new document: an experiment as text, with the settings and sections that differ from the defaults. */
  'experiment.draft': { input: draftRequestSchema, output: draftSchema },
  /** Makes changes to a document, leaving the rest of its text as it is, and says all that is wrong with it and what it comes to. */
  'experiment.check': {
    input: z.strictObject({ yaml: documentTextSchema, changes: documentChangesSchema.default({}), seeds: seedsText }),
    output: checkedDocumentSchema,
  },
  /** A few steps of it in an engine of its own. A later probe with the same ticket ends this one. */
  'experiment.estimate': {
    input: z.strictObject({ yaml: documentTextSchema, ticket: runId, again: z.boolean().default(false) }),
    output: experimentEstimateSchema,
  },
  /** Ends the probe with that ticket, if there is one. */
  'experiment.forget': { input: z.strictObject({ ticket: runId }), output: nothing },
  /** Trains it: at once, or when its turn comes. With `seeds` (`1..16`, `1,2,5`) one run each, all in the queue. */
  'experiment.start': {
    input: z.strictObject({ yaml: documentTextSchema, place: placeSchema, seeds: seedsText }),
    output: z.object({ runs: z.array(newRun) }),
  },
  'experiment.presets': { input: nothing, output: z.object({ presets: z.array(presetSchema) }) },
  /** Keeps the document's model and sections under a name; one of that name is replaced. */
  'experiment.savePreset': {
    input: z.strictObject({
      name: presetNameSchema,
      description: z.string().max(500).default(''),
      yaml: documentTextSchema,
    }),
    output: presetSchema,
  },
  'experiment.deletePreset': { input: z.strictObject({ name: presetNameSchema }), output: nothing },
  ...compareRequests,
  ...exampleRequests,
  ...importanceRequests,
  ...savedComparisonRequests,
  ...datasetRequests,
  ...usersRequests,
  ...sweepRequests,
  ...clusterRequests,
} as const satisfies Record<string, { input: z.ZodType; output: z.ZodType }>

export type Route = keyof typeof requests
export type RequestInput<R extends Route> = z.input<(typeof requests)[R]['input']>
export type RequestOutput<R extends Route> = z.output<(typeof requests)[R]['output']>

/** How an answer crosses a boundary: Electron would keep only an error's message, so errors travel as data. */
export type Reply<T> = { ok: true; data: T } | { ok: false; error: AppErrorJson }

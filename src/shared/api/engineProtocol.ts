import { TRAINING_BACKENDS, backendStateSchema } from '../domain/backend'
import { z } from 'zod'
import { experimentSchema } from '../config/experiment'
import { dataConfigSchema, embedderSchema, splitFilesSchema } from '../config/data'
import { PAIR_CHOICES, adaptationResultSchema } from '../domain/adaptation'
import { browseAnswerSchema, browsedSplitSchema, browseQuerySchema } from '../domain/browse'
import { pairedQuestionSchema, pairedResultSchema } from '../domain/compare'
import { problemRowsSchema, validationReportSchema } from '../domain/dataset'
import { importanceQuestionSchema, importanceSchema } from '../domain/importance'
import { examplesAnswerSchema, examplesFilesSchema, examplesQuestionSchema } from '../domain/examples'
import { estimateSchema } from '../domain/experiment'
import { evaluatedSplitSchema, evaluationSchema } from '../domain/evaluation'
import { halvingSchema } from '../domain/halving'
import { metricBatchSchema } from '../domain/metric'
import { predictionSummarySchema } from '../domain/prediction'
import { prepareResultSchema, prepareTaskSchema } from '../domain/preparation'
import { importOptionsSchema, importResultSchema } from '../domain/importing'
import { recoverySchema } from '../domain/recovery'
import { runResultSchema } from '../domain/run'
import { splitAnswersSchema, textChunkSchema } from '../domain/scoring'
import { simulationOptionsSchema, simulationResultSchema } from '../domain/simulation'
import { togetherResultSchema } from '../domain/together'
import { usersAnswerSchema, usersQuestionSchema } from '../domain/users'
import { appErrorSchema } from '../errors'

/**
 * Frames between core and an engine process. Every frame carries the protocol's version: an engine and a core of
 * different builds refuse each other instead of misreading.
 */
export const PROTOCOL_VERSION = 4
const v = z.literal(PROTOCOL_VERSION)

export const toEngineSchema = z.discriminatedUnion('type', [
  z.strictObject({
    v,
    type: z.literal('train'),
    config: experimentSchema,
    /** Absolute; the run's folder is made inside it. */
    logDir: z.string().min(1),
    /** Absolute folder of a run to go on with, from its last checkpoint. */
    resume: z.string().min(1).optional(),
    /** Absolute folder of a run that core has made and queued, to be trained from its first step. */
    folder: z.string().min(1).optional(),
    /** Epochs after which it is tested and stands still, to go on from there later: the schedule is that of the whole run. */
    rung: z.int().positive().optional(),
    /** The command that trains this again, and the folder it was given in, for the run's record. */
    command: z.string(),
    cwd: z.string(),
    /** Warnings of the configuration, repeated in the run's log. */
    warnings: z.array(z.string()),
  }),
  /** Runs on the same data, in one pass where the backend can. They may differ in everything that does not change the data. */
  z.strictObject({
    v,
    type: z.literal('train_together'),
    runs: z
      .array(
        z.strictObject({
          config: experimentSchema,
          /** The command that trains it alone. */
          command: z.string(),
          /** As in `train`. */
          resume: z.string().min(1).optional(),
          folder: z.string().min(1).optional(),
        }),
      )
      .min(1),
    logDir: z.string().min(1),
    cwd: z.string(),
    warnings: z.array(z.string()),
    /** How they are cut down while they are trained. */
    halving: halvingSchema.optional(),
  }),
  z.strictObject({
    v,
    type: z.literal('validate'),
    data: dataConfigSchema,
    /** Whether every row of a problem is wanted, and `work` frames on the way. */
    rows: z.boolean().optional(),
  }),
  /** Holds a data set for looking at it, until it is stopped: answers each `query` with an `answer` of the same number. */
  z.strictObject({ v, type: z.literal('browse'), splits: z.array(browsedSplitSchema).min(1) }),
  z.strictObject({ v, type: z.literal('query'), id: z.int(), query: browseQuerySchema }),
  /** Takes a few steps to see how long they take. Nothing is written. */
  z.strictObject({
    v,
    type: z.literal('probe'),
    config: experimentSchema,
    /** Others that are to be trained in one pass with it: what is told is then the time of all. */
    others: z.array(experimentSchema).optional(),
  }),
  /** Which of these train on this machine. */
  z.strictObject({ v, type: z.literal('list_backends'), names: z.array(z.enum(TRAINING_BACKENDS)).min(1) }),
  z.strictObject({
    v,
    type: z.literal('adapt'),
    config: experimentSchema,
    /** Absolute folder of the run; the checkpoint that it tests is used. */
    run: z.string().min(1),
    runId: z.string(),
    /** Pairs of new users, and the texts that they index. */
    input: splitFilesSchema,
    /** Only this one of them, by the text of their id. */
    user: z.string().optional(),
    choose: z.enum(PAIR_CHOICES),
    k: z.array(z.int().min(0)).min(1),
    repeats: z.int().positive(),
    seed: z.int().min(0),
  }),
  /** Asks for every distinct (prompt, answer) pair and its texts. */
  z.strictObject({ v, type: z.literal('list_pairs'), data: dataConfigSchema }),
  /** A step of data preparation; texts that it lists arrive as `texts` frames. */
  z.strictObject({ v, type: z.literal('prepare'), task: prepareTaskSchema }),
  z.strictObject({
    v,
    type: z.literal('predict'),
    config: experimentSchema,
    /** Absolute folder of the run whose best checkpoint is used. */
    run: z.string().min(1),
    runId: z.string(),
    input: splitFilesSchema,
    /** What made the vectors of `input`; must agree with the checkpoint's where both are known. */
    embedder: embedderSchema.optional(),
    /** Absolute; `.parquet`, `.jsonl` or `.csv`. */
    output: z.string().min(1),
  }),
  z.strictObject({
    v,
    type: z.literal('evaluate'),
    config: experimentSchema,
    /** Absolute folder of the run. */
    run: z.string().min(1),
    split: evaluatedSplitSchema,
    resamples: z.int().positive(),
  }),
  /** Holds a trained run for looking at its users, until it is stopped: answers each `ask` with a `told` of the same number. */
  z.strictObject({
    v,
    type: z.literal('inspect'),
    config: experimentSchema,
    /** Absolute folder of the run. */
    run: z.string().min(1),
  }),
  z.strictObject({ v, type: z.literal('ask'), id: z.int(), question: usersQuestionSchema }),
  /** Nobody waits for the answer to that `ask` any more: it may be `stopped`. */
  z.strictObject({ v, type: z.literal('drop'), id: z.int() }),
  z.strictObject({ v, type: z.literal('weigh'), question: importanceQuestionSchema }),
  z.strictObject({ v, type: z.literal('hold_examples'), files: examplesFilesSchema }),
  z.strictObject({ v, type: z.literal('ask_examples'), id: z.int(), question: examplesQuestionSchema }),
  z.strictObject({ v, type: z.literal('import'), options: importOptionsSchema }),
  z.strictObject({
    v,
    type: z.literal('simulate'),
    /** Absolute folder, new or empty. */
    output: z.string().min(1),
    dts_name: z.string().min(1),
    options: simulationOptionsSchema,
  }),
  z.strictObject({
    v,
    type: z.literal('recover'),
    config: experimentSchema,
    /** Absolute folder of the run whose best checkpoint is asked. */
    run: z.string().min(1),
    runId: z.string(),
    /** Absolute folder of the simulation. */
    truth: z.string().min(1),
    probes: z.int().positive(),
    seed: z.int().min(0),
  }),
  /** Reads the predictions of several runs beside each other. */
  z.strictObject({ v, type: z.literal('compare'), question: pairedQuestionSchema }),
  /** `closing`: nobody asked for an end, but the workbench itself ends; the run is then interrupted, not stopped. */
  z.strictObject({ v, type: z.literal('stop'), why: z.literal('closing').optional() }),
  /** The metrics frame of that number, and all before it, are safe with core. */
  z.strictObject({ v, type: z.literal('ack'), seq: z.int().min(0) }),
])
export type ToEngine = z.infer<typeof toEngineSchema>

/** A graphics card as its driver last reported it. */
export const cardUseSchema = z.object({
  /** Percent of the last second in which it computed. */
  utilisation: z.number(),
  /** Of all processes on it. */
  memoryBytes: z.number(),
  memoryTotalBytes: z.number(),
  /** °C. */
  temperature: z.number(),
})
export type CardUse = z.infer<typeof cardUseSchema>

export const progressSchema = z.object({
  epoch: z.int(),
  epochs: z.int(),
  step: z.int(),
  steps: z.int(),
  stepsPerSecond: z.number(),
  secondsLeft: z.number(),
  /** Processor time of the engine since the report before, in cores: 2 is two of them fully used. */
  cores: z.number(),
  /** Resident memory of the engine. */
  rssBytes: z.int(),
  /** Of a run on a graphics card whose driver answers. */
  card: cardUseSchema.optional(),
})
export type Progress = z.infer<typeof progressSchema>

/** How far a job other than training has come. */
export const workSchema = z.object({
  /** What is counted, in the plural: pairs, texts. */
  what: z.string(),
  done: z.int(),
  /** Absent where the end is not known. */
  total: z.int().optional(),
})
export type Work = z.infer<typeof workSchema>

/**
 * What was measured since the last such frame. The engine has written all of it to `metrics.jsonl` before; where core falls
 * behind with its acknowledgements, frames are left out, and `first` tells of the gap.
 */
export const metricsFrameSchema = z.object({
  /** Counts the frames of this session from 0. */
  seq: z.int().min(0),
  /** Batches that this session has measured before those of this frame. */
  first: z.int().min(0),
  /** Empty in a last frame whose `first` says how many there were. */
  batches: z.array(metricBatchSchema),
})
export type MetricsFrame = z.infer<typeof metricsFrameSchema>

const startedSchema = z.object({
  type: z.literal('started'),
  runId: z.string(),
  dir: z.string(),
  backend: z.string(),
  threads: z.int(),
  pairs: z.int(),
  users: z.int(),
  parameters: z.int(),
  epochs: z.int(),
})
const logSchema = z.object({ type: z.literal('log'), level: z.enum(['info', 'warn', 'error']), message: z.string() })

export const fromEngineSchema = z.discriminatedUnion('type', [
  z.object({ v, type: z.literal('ready') }),
  startedSchema.extend({ v }),
  logSchema.extend({ v }),
  z.object({ v, type: z.literal('progress'), progress: progressSchema }),
  z.object({ v, type: z.literal('metrics'), ...metricsFrameSchema.shape }),
  z.object({ v, type: z.literal('result'), result: runResultSchema }),
  /** What one of several runs has to tell, by its place among them. */
  z.object({
    v,
    type: z.literal('run'),
    run: z.int(),
    news: z.discriminatedUnion('type', [
      startedSchema,
      logSchema,
      z.object({ type: z.literal('progress'), progress: progressSchema }),
      z.object({ type: z.literal('metrics'), batch: metricBatchSchema }),
      /** Its last news is one of these, as soon as it has ended; `together` repeats them for all. */
      z.object({ type: z.literal('ended'), result: runResultSchema }),
      z.object({ type: z.literal('failed'), error: appErrorSchema }),
    ]),
  }),
  z.object({ v, type: z.literal('together'), result: togetherResultSchema }),
  /** `id`: of the `ask` that it is of, where an engine answers several. */
  z.object({ v, type: z.literal('work'), work: workSchema, id: z.int().optional() }),
  z.object({
    v,
    type: z.literal('validation'),
    report: validationReportSchema,
    /** Of each problem of the report, where they were asked for. */
    rows: z.array(problemRowsSchema).optional(),
  }),
  z.object({ v, type: z.literal('answer'), id: z.int(), answer: browseAnswerSchema }),
  z.object({ v, type: z.literal('told'), id: z.int(), answer: usersAnswerSchema }),
  z.object({ v, type: z.literal('weighed'), importance: importanceSchema }),
  z.object({ v, type: z.literal('examples'), id: z.int(), answer: examplesAnswerSchema }),
  z.object({ v, type: z.literal('probed'), estimate: estimateSchema }),
  z.object({ v, type: z.literal('backends'), backends: z.array(backendStateSchema) }),
  z.object({ v, type: z.literal('texts'), chunk: textChunkSchema }),
  z.object({ v, type: z.literal('pairs'), splits: z.array(splitAnswersSchema) }),
  z.object({ v, type: z.literal('adaptation'), adaptation: adaptationResultSchema }),
  z.object({ v, type: z.literal('prepared'), result: prepareResultSchema }),
  z.object({ v, type: z.literal('prediction'), prediction: predictionSummarySchema }),
  z.object({ v, type: z.literal('evaluation'), evaluation: evaluationSchema }),
  z.object({ v, type: z.literal('imported'), result: importResultSchema }),
  z.object({ v, type: z.literal('simulated'), result: simulationResultSchema }),
  z.object({ v, type: z.literal('recovery'), recovery: recoverySchema }),
  z.object({ v, type: z.literal('compared'), result: pairedResultSchema }),
  z.object({ v, type: z.literal('error'), error: appErrorSchema }),
])
export type FromEngine = z.infer<typeof fromEngineSchema>

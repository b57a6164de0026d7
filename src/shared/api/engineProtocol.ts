import { z } from 'zod'
import { experimentSchema, nameSchema } from '../config/experiment'
import { dataConfigSchema, splitFilesSchema } from '../config/data'
import { adaptationSchema } from '../domain/adaptation'
import { validationReportSchema } from '../domain/dataset'
import { metricBatchSchema } from '../domain/metric'
import { runResultSchema } from '../domain/run'
import { seedsResultSchema } from '../domain/seeds'
import { splitAnswersSchema, textChunkSchema } from '../domain/scoring'
import { appErrorSchema } from '../errors'

/**
 * Frames between core and an engine process. Every frame carries the protocol's version: an engine and a core of
 * different builds refuse each other instead of misreading.
 */
export const PROTOCOL_VERSION = 1
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
    /** The command that trains this again, and the folder it was given in, for the run's record. */
    command: z.string(),
    cwd: z.string(),
    /** Warnings of the configuration, repeated in the run's log. */
    warnings: z.array(z.string()),
  }),
  /** The same experiment once for each seed, in one pass over the data where the backend can. */
  z.strictObject({
    v,
    type: z.literal('train_seeds'),
    config: experimentSchema,
    /** Besides the seed, the name of each run and the command that trains it alone. */
    runs: z.array(z.strictObject({ seed: z.int().min(0), exp_version: nameSchema, command: z.string() })).min(1),
    logDir: z.string().min(1),
    cwd: z.string(),
    warnings: z.array(z.string()),
  }),
  z.strictObject({ v, type: z.literal('validate'), data: dataConfigSchema }),
  z.strictObject({
    v,
    type: z.literal('adapt'),
    config: experimentSchema,
    /** Absolute folder of the run whose best checkpoint is used. */
    run: z.string().min(1),
    runId: z.string(),
    /** Pairs of new users, and the texts that they index. */
    input: splitFilesSchema,
    k: z.array(z.int().min(0)).min(1),
    repeats: z.int().positive(),
    seed: z.int().min(0),
  }),
  /** Asks for every distinct (prompt, answer) pair and its texts. */
  z.strictObject({ v, type: z.literal('list_pairs'), data: dataConfigSchema }),
  z.strictObject({ v, type: z.literal('stop') }),
])
export type ToEngine = z.infer<typeof toEngineSchema>

export const progressSchema = z.object({
  epoch: z.int(),
  epochs: z.int(),
  step: z.int(),
  steps: z.int(),
  stepsPerSecond: z.number(),
  secondsLeft: z.number(),
})
export type Progress = z.infer<typeof progressSchema>

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
  z.object({ v, type: z.literal('metrics'), batch: metricBatchSchema }),
  z.object({ v, type: z.literal('result'), result: runResultSchema }),
  /** What one of several seeds' runs has to tell. */
  z.object({
    v,
    type: z.literal('seed'),
    seed: z.int(),
    news: z.discriminatedUnion('type', [
      startedSchema,
      logSchema,
      z.object({ type: z.literal('progress'), progress: progressSchema }),
      z.object({ type: z.literal('metrics'), batch: metricBatchSchema }),
    ]),
  }),
  z.object({ v, type: z.literal('seeds'), result: seedsResultSchema }),
  z.object({ v, type: z.literal('validation'), report: validationReportSchema }),
  z.object({ v, type: z.literal('texts'), chunk: textChunkSchema }),
  z.object({ v, type: z.literal('pairs'), splits: z.array(splitAnswersSchema) }),
  z.object({ v, type: z.literal('adaptation'), adaptation: adaptationSchema }),
  z.object({ v, type: z.literal('error'), error: appErrorSchema }),
])
export type FromEngine = z.infer<typeof fromEngineSchema>

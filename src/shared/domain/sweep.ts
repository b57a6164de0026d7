import { z } from 'zod'
import { experimentDocumentSchema } from '../config/experiment'
import { appErrorSchema } from '../errors'

export const SWEEP_METHODS = ['grid', 'random', 'tpe', 'asha'] as const
export type SweepMethod = (typeof SWEEP_METHODS)[number]

export const DIRECTIONS = ['minimize', 'maximize'] as const
export type Direction = (typeof DIRECTIONS)[number]

/** Figures of a run's result that points can be judged by. Those of a test split are no basis for a choice; a sweep by them says so. */
export const SWEEP_METRICS = [
  'val_loss',
  'val_acc',
  'test_loss',
  'test_acc',
  'test_unseen_loss',
  'test_unseen_acc',
] as const
export type SweepMetric = (typeof SWEEP_METRICS)[number]

/** More trials than anybody waits for: a range where a list was meant. */
export const MOST_TRIALS = 10_000

const scalarSchema = z.union([z.number(), z.string(), z.boolean()])
/** A value of a configuration key; `null` takes the key out, so that its default holds. */
export const parameterValueSchema = z.union([scalarSchema, z.null(), z.array(z.number()).readonly()])
export type ParameterValue = z.infer<typeof parameterValueSchema>

/** Values by dotted configuration key. A key whose condition does not hold is absent. */
export const pointSchema = z.record(z.string(), parameterValueSchema)
export type Point = z.infer<typeof pointSchema>

/** What is tried for one key: a list of values, or a range. */
export const parameterSchema = z.strictObject({
  values: z.array(parameterValueSchema).min(1).optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  /** Of a range: values are min, min + step, … A whole-number key has 1 unless it is given. */
  step: z.number().positive().optional(),
  /** Of a range: whether its logarithm is drawn evenly. */
  scale: z.enum(['linear', 'log']).optional(),
  /** Tried only where other parameters have one of these values. */
  when: z.record(z.string(), z.union([scalarSchema, z.array(scalarSchema)])).optional(),
})
export type Parameter = z.infer<typeof parameterSchema>

/** A sweep's file as it stands on disk, shorthands written out. */
export const sweepFileSchema = z.strictObject({
  method: z.enum(SWEEP_METHODS),
  metric: z.enum(SWEEP_METRICS).default('val_loss'),
  /** That of the metric, where it is not given: losses are minimised. */
  direction: z.enum(DIRECTIONS).optional(),
  /** Each point is trained once for each. */
  seeds: z.array(z.int().min(0).max(0xffff_ffff)).min(1).max(256).optional(),
  parameters: z.record(z.string(), parameterSchema),
  /** The experiment that the parameters change. */
  base: experimentDocumentSchema,
  budget: z
    .strictObject({
      /** Trials (points × seeds) at most. */
      trials: z.int().positive().max(MOST_TRIALS).optional(),
      minutes: z.number().positive().optional(),
    })
    .default({}),
  options: z
    .strictObject({
      /** Draws the points of random, tpe and asha. */
      seed: z.int().min(0).max(0xffff_ffff).default(0),
      /** tpe: points drawn at random before the model of the good ones is trusted. */
      startup: z.int().positive().default(10),
      /** tpe: points that are chosen, and trained, at once. */
      batch: z.int().positive().max(64).default(4),
      /** asha: epochs before the first halving. */
      min_epochs: z.int().positive().default(1),
      /** asha: one in so many goes on at each halving, to so many times the epochs. */
      reduction: z.int().min(2).max(10).default(3),
    })
    .prefault({}),
})
export type SweepFile = z.infer<typeof sweepFileSchema>

/** The options that say something to each method. */
export const METHOD_OPTIONS = {
  grid: [],
  random: ['seed'],
  tpe: ['seed', 'startup', 'batch'],
  asha: ['seed', 'min_epochs', 'reduction'],
} as const satisfies Record<SweepMethod, readonly (keyof SweepFile['options'])[]>

export function directionOf(metric: SweepMetric): Direction {
  return metric.endsWith('_loss') ? 'minimize' : 'maximize'
}

/**
 * `planned` has no run yet; `paused` stands at a rung of successive halving, and goes on or is `halved`: finished before its last epoch, by the
 * sweep. The others are those of its run.
 */
export const TRIAL_STATUSES = [
  'planned',
  'running',
  'paused',
  'finished',
  'halved',
  'failed',
  'stopped',
  'interrupted',
  'crashed',
] as const
export type TrialStatus = (typeof TRIAL_STATUSES)[number]

/** One point with one seed: one run. */
export const trialSchema = z.object({
  /** Counts from 0. */
  trial: z.int().min(0),
  point: z.int().min(0),
  seed: z.int().min(0),
  status: z.enum(TRIAL_STATUSES),
  parameters: pointSchema,
  /** The sweep's metric; null until the run has it. */
  metric: z.number().nullable(),
  /** Absent before it has begun. */
  runId: z.string().optional(),
  dir: z.string().optional(),
  epochs: z.int().optional(),
  error: appErrorSchema.optional(),
})
export type Trial = z.infer<typeof trialSchema>

/** Nothing is left to train of it. */
export function isOver({ status }: Pick<Trial, 'status'>): boolean {
  return status === 'finished' || status === 'halved' || status === 'failed'
}

/** A point over its seeds. */
export const pointResultSchema = z.object({
  point: z.int(),
  parameters: pointSchema,
  /** Mean of the metric over the seeds that have one, and its sample standard deviation (0 for one). */
  metric: z.number(),
  sd: z.number(),
  /** Seeds that have a figure. */
  n: z.int(),
})
export type PointResult = z.infer<typeof pointResultSchema>

/** How trials fared at a rung of successive halving. Some may still stand there, or have ended by themselves. */
export const rungSchema = z.object({
  epochs: z.int(),
  /** Trials that have come there; those that went on; those that were ended. */
  reached: z.int(),
  promoted: z.int(),
  halved: z.int(),
})
export type Rung = z.infer<typeof rungSchema>

/** What a sweep came to: the last line of `delta sweep --json`. */
export const sweepResultSchema = z.object({
  type: z.literal('result'),
  sweep: z.string(),
  /** Its folder; null for a dry run. */
  dir: z.string().nullable(),
  status: z.enum(['planned', 'finished', 'stopped']),
  method: z.enum(SWEEP_METHODS),
  metric_name: z.enum(SWEEP_METRICS),
  direction: z.enum(DIRECTIONS),
  trials: z.array(trialSchema),
  /** Points whose every seed has a figure, the best first. */
  ranking: z.array(pointResultSchema),
  /** The first of them; null where there is none. */
  best: pointResultSchema.nullable(),
  /** Those of asha. */
  rungs: z.array(rungSchema),
  /** Of this session; of a dry run, what a sweep is estimated to take at most (null where it was not asked). */
  seconds: z.number().nullable(),
})
export type SweepResult = z.infer<typeof sweepResultSchema>

/** A sweep's name is a folder's, and stands in the tag `sweep:NAME` of its runs. */
export const LONGEST_SWEEP_NAME = 80

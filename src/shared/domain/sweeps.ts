import { z } from 'zod'
import { nameSchema } from '../config/experiment'
import { appErrorSchema } from '../errors'
import { queueSchema, queuedTrialSchema } from './cluster'
import { ticketSchema } from './compare'
import { documentProblemSchema, documentTextSchema, shownValueSchema } from './experiment'
import {
  DIRECTIONS,
  MOST_TRIALS,
  SWEEP_METHODS,
  SWEEP_METRICS,
  TRIAL_STATUSES,
  parameterSchema,
  parameterValueSchema,
  pointResultSchema,
  rungSchema,
  trialSchema,
} from './sweep'

/** A sweep as its folder is called: nothing that leads out of the log folder. */
const byName = z.strictObject({ name: nameSchema })

/**
 * `running`: a process works on it. `finished`: nothing is left to try. `stopped`: something is, and nobody works on it. `paused`: a person
 * wants nothing more to begin; what a cluster runs may go on. The last two go on with `sweeps.resume`.
 */
export const SWEEP_STATUSES = ['running', 'finished', 'stopped', 'paused'] as const
export type SweepStatus = (typeof SWEEP_STATUSES)[number]

/** How far the pass is that is being trained; of all runs in it. */
export const sweepProgressSchema = z.object({
  /** Trials in the pass, and those that are decided on so far. */
  trials: z.int(),
  of: z.int(),
  /** Counts from 1. */
  epoch: z.int(),
  epochs: z.int(),
  stepsPerSecond: z.number(),
  secondsLeft: z.number(),
})
export type SweepProgress = z.infer<typeof sweepProgressSchema>

export const sweepSummarySchema = z.object({
  name: z.string(),
  dir: z.string(),
  /** Milliseconds since the Unix epoch. */
  created: z.number(),
  status: z.enum(SWEEP_STATUSES),
  /** Who works on it; null where nobody does. `ours`: started from here, and ends with this workbench. */
  worker: z.object({ pid: z.int(), host: z.string(), ours: z.boolean(), since: z.number() }).nullable(),
  method: z.enum(SWEEP_METHODS),
  metric: z.enum(SWEEP_METRICS),
  direction: z.enum(DIRECTIONS),
  dts_name: z.string(),
  model_name: z.string(),
  seeds: z.int(),
  /** Trials that it is to have at most, and how those that are decided on stand. */
  trials: z.int(),
  counts: z.partialRecord(z.enum(TRIAL_STATUSES), z.int()),
  best: pointResultSchema.nullable(),
  /** The cluster that trains it, by its login node (null: this machine); null where this machine trains it itself. */
  cluster: z.object({ host: z.string().nullable() }).nullable(),
  /** Why the last process that was started from here ended without a result. */
  error: appErrorSchema.nullable(),
})
export type SweepSummary = z.infer<typeof sweepSummarySchema>

/** A trial as the page of its sweep shows it. */
export const shownTrialSchema = trialSchema.extend({
  /** Epochs that it is to have at most. */
  most: z.int(),
  /** The metric of one that is not at its end: the last value while it trains, its best epoch's where it stands still; null where there is none yet. */
  now: z.number().nullable(),
  /** Its share of the seconds that it was trained together with others; null before its end. */
  seconds: z.number().nullable(),
  /** When its run ended, milliseconds since the Unix epoch. */
  ended: z.number().nullable(),
  /** Where it stands in a cluster's queue; null where it does not. */
  queue: queuedTrialSchema.nullable(),
  /** Whether it stands at a rung, and was handed over to go on from there. */
  promoted: z.boolean(),
})
export type ShownTrial = z.infer<typeof shownTrialSchema>

export const sweepViewSchema = z.object({
  sweep: sweepSummarySchema,
  trials: z.array(shownTrialSchema),
  /** Points whose every seed has a figure, the best first. */
  ranking: z.array(pointResultSchema),
  /** Those of asha. */
  rungs: z.array(rungSchema),
  /** What is tried, in the order of the file. */
  parameters: z.array(z.string()),
  yaml: z.string(),
  /** The values of a grid's keys, which `sweeps.addTrials` can add to; empty for other methods, and for keys with a range. */
  values: z.record(z.string(), z.array(parameterValueSchema)),
  /** Raised by `sweeps.addTrials`; null where the file has no such limit. */
  budget: z.object({ trials: z.int().nullable(), minutes: z.number().nullable() }),
  /** The command that goes on with it. */
  command: z.string(),
  cwd: z.string(),
  /** When the queue of its cluster was last seen to change, and since when it does not answer; null where it is in none. */
  queue: queueSchema.omit({ tasks: true }).nullable(),
})
export type SweepView = z.infer<typeof sweepViewSchema>

/** The keys of a sweep's file that a form has fields for, beside parameters and base. */
export const SWEEP_KEYS = [
  'method',
  'metric',
  'direction',
  'seeds',
  'budget.trials',
  'budget.minutes',
  'options.seed',
  'options.startup',
  'options.batch',
  'options.min_epochs',
  'options.reduction',
] as const
export type SweepKey = (typeof SWEEP_KEYS)[number]

/** A parameter of the text, shorthand written out; null where it says something that a form has no fields for. */
const shownParameterSchema = z.object({ key: z.string(), parameter: parameterSchema.nullable() })
export type ShownParameter = z.infer<typeof shownParameterSchema>

export const checkedSweepSchema = z.object({
  /** The text, with the changes made. */
  yaml: z.string(),
  readable: z.boolean(),
  /** What the text says of the base, by dotted key of the experiment, as `experiment.check` does. */
  values: z.record(z.string(), shownValueSchema),
  /** What it says of the keys of the sweep itself. */
  settings: z.partialRecord(z.enum(SWEEP_KEYS), shownValueSchema),
  parameters: z.array(shownParameterSchema),
  problems: z.array(documentProblemSchema),
  warnings: z.array(z.string()),
  /** Null while there are problems. */
  plan: z
    .object({
      name: z.string(),
      points: z.int(),
      trials: z.int(),
      /** The command that runs the file of that name, and the folder it is meant for. */
      command: z.string(),
      file: z.string(),
      cwd: z.string(),
    })
    .nullable(),
})
export type CheckedSweep = z.infer<typeof checkedSweepSchema>

const shortText = z.string().max(4_096)
const listed = z.array(parameterValueSchema).min(1).max(1_000)
/** A parameter as a form gives it: its values, or a range. */
const newParameterSchema = parameterSchema.extend({ values: listed.optional() })

/** What a form has changed: keys of the sweep, `base.KEY`, `parameters.KEY`; null takes a key out. */
export const sweepChangesSchema = z
  .record(
    z.string().min(1).max(300),
    z.union([shortText, z.number(), z.boolean(), z.null(), listed, newParameterSchema]),
  )
  .refine((changes) => Object.keys(changes).length <= 200, 'holds more than 200 keys')
export type SweepChanges = z.output<typeof sweepChangesSchema>

/** What a new sweep begins with. */
export const sweepOriginSchema = z.discriminatedUnion('kind', [
  /** An experiment's document, which becomes the base. */
  z.strictObject({ kind: z.literal('experiment'), yaml: documentTextSchema }),
  /** A sweep in the log folder. */
  z.strictObject({ kind: z.literal('sweep'), name: nameSchema }),
  /** A file of `configs/sweeps`. */
  z.strictObject({ kind: z.literal('file'), id: z.string().min(1).max(200) }),
])
export type SweepOrigin = z.infer<typeof sweepOriginSchema>

export const sweepRequests = {
  /** Sweeps of the log folder, the newest first. `unreadable` names folders whose files are broken, with the reason. */
  'sweeps.list': {
    input: z.strictObject({}),
    output: z.object({
      sweeps: z.array(sweepSummarySchema),
      unreadable: z.array(z.object({ dir: z.string(), reason: z.string() })),
    }),
  },
  'sweeps.get': { input: byName, output: sweepViewSchema },
  'sweeps.draft': {
    input: z.strictObject({ origin: sweepOriginSchema }),
    output: z.object({ yaml: z.string(), label: z.string(), notes: z.array(z.string()) }),
  },
  /** Sweep files of the working folder and of the installation. */
  'sweeps.files': {
    input: z.strictObject({}),
    output: z.object({ files: z.array(z.object({ id: z.string(), name: z.string(), description: z.string() })) }),
  },
  /** Makes changes to a sweep's text, and says all that is wrong with it and how many trials it comes to. */
  'sweeps.check': {
    input: z.strictObject({ yaml: documentTextSchema, changes: sweepChangesSchema.default({}) }),
    output: checkedSweepSchema,
  },
  /** A dry run: the first pass is trained for about a second. A later question with the same ticket ends this one. */
  'sweeps.plan': {
    input: z.strictObject({ yaml: documentTextSchema, ticket: ticketSchema }),
    output: z.object({
      points: z.int(),
      trials: z.int(),
      /** At most. */
      seconds: z.number(),
    }),
  },
  /** Ends the dry run with that ticket, if there is one. */
  'sweeps.forget': { input: z.strictObject({ ticket: ticketSchema }), output: z.strictObject({}) },
  /** Trains it in a process of its own; on the cluster of a stored profile where one is named. */
  'sweeps.start': {
    input: z.strictObject({ yaml: documentTextSchema, cluster: nameSchema.optional() }),
    output: z.object({ name: z.string(), dir: z.string() }),
  },
  /** Ends it in good order: every run writes a checkpoint. */
  'sweeps.stop': { input: byName, output: z.strictObject({}) },
  /**
   * Nothing more begins until it is resumed. A cluster holds what waits in its queue, and what runs there goes on; this machine ends the runs
   * in good order.
   */
  'sweeps.pause': { input: byName, output: z.strictObject({}) },
  'sweeps.resume': { input: byName, output: z.strictObject({}) },
  /** Raises the budget, or the values of a grid, in the sweep's own file; it goes on with that, or does so already. */
  'sweeps.addTrials': {
    input: z.strictObject({
      name: nameSchema,
      /** In all, those that it has included. */
      trials: z.int().positive().max(MOST_TRIALS).optional(),
      minutes: z.number().positive().optional(),
      /** Of a grid: all values of some of its keys, those that it has included. */
      values: z.record(z.string().min(1).max(300), listed).optional(),
    }),
    output: z.strictObject({}),
  },
  /** A copy of a trial's run, checkpoints included, as a run of its own; by default of the best point's best seed. */
  'sweeps.promote': {
    input: z.strictObject({
      name: nameSchema,
      exp_name: nameSchema,
      trial: z.int().min(0).max(MOST_TRIALS).optional(),
    }),
    output: z.object({ id: z.string(), dir: z.string(), trial: z.int() }),
  },
} as const

import { z } from 'zod'
import { HISTORY_AXES } from './history'
import { runStatusSchema } from './lifecycle'
import { cellSchema } from './runTable'
import { spreadSchema } from './seeds'

/** Runs of one comparison. */
export const MOST_COMPARED = 2_000
const runId = z.string().min(1).max(200)
const runIds = z.array(runId).min(1).max(MOST_COMPARED)

/** Splits that a run has predictions of. */
export const PREDICTED_SPLITS = ['dev', 'test', 'test_unseen'] as const
export const predictedSplitSchema = z.enum(PREDICTED_SPLITS)
export type PredictedSplit = z.infer<typeof predictedSplitSchema>

/** Keys in which runs of one experiment differ by chance alone. */
export const SEED_KEYS: readonly string[] = ['trainer.seed', 'trainer.data_seed', 'exp_version']

/** Results that are shown unless others are asked for. */
export const USUAL_FIGURES: readonly string[] = [
  'val_loss',
  'val_acc',
  'test_loss',
  'test_acc',
  'test_unseen_loss',
  'test_unseen_acc',
]

export const compareRunsQuerySchema = z.strictObject({
  runs: runIds,
  /** Figures and parameters besides the usual results, by their names in the table of runs (`val_loss.min`). */
  columns: z.array(z.string().min(1).max(500)).max(100).default([]),
  /** Keys that are equal in all runs too. */
  all: z.boolean().default(false),
})
export type CompareRunsQuery = z.input<typeof compareRunsQuerySchema>

export const comparedRunSchema = z.object({
  id: z.string(),
  exp_name: z.string(),
  exp_version: z.string(),
  status: runStatusSchema,
  model_name: z.string(),
  dts_name: z.string(),
  /** Milliseconds since the Unix epoch. */
  created: z.number(),
  /** Its accuracies mean nothing: answers changed as pairs were presented swapped. */
  leaks: z.boolean(),
  /** Splits that it has predictions of. */
  splits: z.array(predictedSplitSchema),
})
export type ComparedRun = z.infer<typeof comparedRunSchema>

/** One key and its value in each run. Null is a value; runs without the key are named. */
export const differenceSchema = z.object({
  name: z.string(),
  /** Some run has another value, or none. */
  differs: z.boolean(),
  values: z.array(cellSchema),
  /** Places of the runs that do not have the key; their value is null. */
  missing: z.array(z.int()),
})
export type Difference = z.infer<typeof differenceSchema>

/** Runs that differ in nothing but their seed. */
export const runGroupSchema = z.object({
  /** What they have in common: `convarg/caimira`. */
  label: z.string(),
  /** Their places in the list of runs. */
  runs: z.array(z.int()).min(1),
})
export type RunGroup = z.infer<typeof runGroupSchema>

/** One figure of every run and over every group. */
export const comparedFigureSchema = z.object({
  name: z.string(),
  /** Null: the run has none, or it is not a number. */
  values: z.array(z.number().nullable()),
  /** Of each group; over those of its runs that have the figure, null where none has. */
  spreads: z.array(spreadSchema.nullable()),
})
export type ComparedFigure = z.infer<typeof comparedFigureSchema>

export const comparedRunsSchema = z.object({
  /** In the order asked, each once. */
  runs: z.array(comparedRunSchema),
  /** Ids that the history does not know. */
  unknown: z.array(z.string()),
  /** In the order of their first runs. */
  groups: z.array(runGroupSchema),
  params: z.array(differenceSchema),
  environment: z.array(differenceSchema),
  /** `val_loss` and `val_acc` are those of the tested checkpoint; figures of the test splits; then what was asked for. */
  figures: z.array(comparedFigureSchema),
})
export type ComparedRuns = z.infer<typeof comparedRunsSchema>

/**
 * What a band around a mean of runs is: from the lowest to the highest, one sample standard deviation to either side, or the 95 %
 * interval of the mean by Student's t.
 */
export const BANDS = ['range', 'sd', 'ci95'] as const
export type Band = (typeof BANDS)[number]

/** The most a picture of many curves is asked for at once. */
const MOST_BUCKETS = 2_000

export const compareCurvesQuerySchema = z.strictObject({
  /** Ids of runs; each group becomes one curve. */
  groups: z.array(z.array(runId).min(1).max(500)).min(1).max(MOST_COMPARED),
  metric: z.string().min(1).max(500),
  axis: z.enum(HISTORY_AXES).default('epoch'),
  /** The part of the axis that is shown, both ends included. */
  range: z.tuple([z.number(), z.number()]).optional(),
  buckets: z.int().min(1).max(MOST_BUCKETS).default(400),
  /** Weight of the past in a moving average of each run, taken over all of its points before anything else. */
  smoothing: z.number().min(0).lt(1).default(0),
  band: z.enum(BANDS).default('range'),
})
export type CompareCurvesQuery = z.input<typeof compareCurvesQuerySchema>

const curveValues = z.array(z.number().nullable())

/** The mean of a group's curves at the steps that all of them have. */
export const groupCurveSchema = z.object({
  /** Runs that have the metric; the others are left out. */
  runs: z.int(),
  /** Steps that all of these have, in the range. */
  points: z.int(),
  /** Points that some run has and others do not. */
  unaligned: z.int(),
  /** Steps, epochs from 0, or seconds since the run was started: then the mean over the runs. */
  x: z.array(z.number()),
  /** Null is a figure that is not a number. */
  mean: curveValues,
  low: curveValues,
  high: curveValues,
})
export type GroupCurve = z.infer<typeof groupCurveSchema>

/** Comparisons with one reference in one answer. */
export const MOST_TESTED = 200
/** A corrected p-value below this says that a difference is no accident. */
export const LEVEL = 0.05

export const ticketSchema = z.string().min(1).max(100)
const resamples = z.int().min(100).max(100_000).default(10_000)

export const pairedQuerySchema = z.strictObject({
  /** Ids of runs; several, of one experiment with different seeds, count by their mean. */
  reference: z.array(runId).min(1).max(100),
  others: z.array(z.array(runId).min(1).max(100)).min(1).max(MOST_TESTED),
  split: predictedSplitSchema,
  /** Of the bootstrap; sign flips are as many or more. */
  resamples,
  seed: z.int().min(0).default(0),
  /** Whoever asks: a later question of theirs ends this one with `stopped`, and `compare.work` tells them how far it is. */
  ticket: ticketSchema.optional(),
})
export type PairedQuery = z.input<typeof pairedQuerySchema>

const count = z.int().min(0)

/** Pairs by who has them right. A tie, z = 0, is wrong. */
export const cellCountsSchema = z.object({ both: count, only_a: count, only_b: count, neither: count })
export type CellCounts = z.infer<typeof cellCountsSchema>

/** One side against the reference, on the pairs that all runs of both have predicted. */
export const pairedDifferenceSchema = z.object({
  pairs: count,
  users: count,
  /** Pairs that are not compared, since a run of the other side lacks them. */
  unpaired: z.object({ reference: count, other: count }),
  /** Accuracies on these pairs, each pair counted once; over several runs their mean. */
  accuracy: z.object({ reference: z.number(), other: z.number() }),
  /** Other − reference, with the 95 % interval of a bootstrap over users. */
  difference: z.object({ value: z.number(), low: z.number(), high: z.number() }),
  /** Of the sign-flip test over users' differences, two-sided. */
  p: z.number(),
  /** By Holm, over all comparisons of this answer. */
  corrected: z.number(),
  /** Said only where the corrected p is below {@link LEVEL} and zero lies outside the interval. */
  verdict: z.enum(['better', 'worse', 'undecided']),
  /** Users by the sign of their difference. */
  wins: count,
  losses: count,
  ties: count,
  /** Reference is a, the other b; null where a side has several runs. */
  cells: cellCountsSchema.nullable(),
})
export type PairedDifference = z.infer<typeof pairedDifferenceSchema>

export const pairedResultSchema = z.object({
  resamples: count,
  /** Sign flips drawn; users are few enough for all of them where there are 16 or fewer. */
  flips: count,
  /** Comparisons that p-values are corrected for. */
  comparisons: count,
  /** The smallest corrected p that any of them could have had. Above {@link LEVEL} nothing could have been found. */
  smallest: z.number(),
  /** In the order asked; or why there is none. */
  others: z.array(z.union([pairedDifferenceSchema, z.object({ skipped: z.string() })])),
})
export type PairedResult = z.infer<typeof pairedResultSchema>

export const compareReportQuerySchema = z.strictObject({
  runs: runIds,
  /** One of them; the first without it. */
  reference: runId.optional(),
  columns: z.array(z.string().min(1).max(500)).max(100).default([]),
  /** Every run by itself, although some differ only by their seed. */
  single: z.boolean().default(false),
  /** Whose predictions are tested; without one, the first that can be. */
  split: predictedSplitSchema.optional(),
  ticket: ticketSchema.optional(),
})
export type CompareReportQuery = z.output<typeof compareReportQuerySchema>

/** What core asks an engine: files are absolute. */
export const pairedQuestionSchema = z.strictObject({
  /** Files of predictions. */
  reference: z.array(z.string().min(1)).min(1),
  others: z.array(z.array(z.string().min(1)).min(1)).min(1),
  resamples,
  seed: z.int().min(0),
})
export type PairedQuestion = z.infer<typeof pairedQuestionSchema>

export const compareRequests = {
  /** Configurations, figures and groups of any number of runs. */
  'compare.runs': { input: compareRunsQuerySchema, output: comparedRunsSchema },
  /** One metric's curves: of single runs, or the mean and band of runs that differ by their seed. */
  'compare.curves': { input: compareCurvesQuerySchema, output: z.object({ curves: z.array(groupCurveSchema) }) },
  /** Differences in accuracy from a reference on the same pairs, with intervals and corrected tests. */
  'compare.paired': { input: pairedQuerySchema, output: pairedResultSchema },
  /** All of it as one HTML file. Under a ticket, as `compare.paired`. */
  'compare.report': { input: compareReportQuerySchema, output: z.object({ html: z.string() }) },
  /** Ends the question under a ticket with `stopped`; nothing where there is none. */
  'compare.cancel': { input: z.strictObject({ ticket: ticketSchema }), output: z.strictObject({}) },
} as const

/** Which way a figure is better; undefined for one that is neither, such as a learning rate. */
export function betterWay(figure: string): 'higher' | 'lower' | undefined {
  const name = figure.replace(/\.(min|max)$/, '')
  // What the base reward does, and what weights cost: neither says how good the model is.
  if (/(^|_)(acc_r_star|reg_loss)$/.test(name)) return undefined
  if (/(^|_)(loss|nll|ece|brier|perplexity)($|_)/.test(name)) return 'lower'
  return /(^|_)(acc|auc|lift|tau|rho|kendall|spearman)($|_)/.test(name) ? 'higher' : undefined
}

/** Places of the best values, several where they are equal; none where there is no better, or nothing to be better than. */
export function bestOf(figure: string, values: readonly (number | null | undefined)[]): number[] {
  const way = betterWay(figure)
  const known = values.filter((value) => value !== null && value !== undefined)
  if (way === undefined || known.length < 2) return []
  const best = way === 'higher' ? Math.max(...known) : Math.min(...known)
  return values.flatMap((value, at) => (value === best ? [at] : []))
}

import { z } from 'zod'

/** What curves may be drawn against. `time` is in milliseconds since the Unix epoch. */
export const HISTORY_AXES = ['step', 'epoch', 'time'] as const

/** Asks for the curves of any number of runs and metrics at once, sampled for a picture of so many columns. */
export const historyQuerySchema = z.strictObject({
  /** Ids of runs. */
  runs: z.array(z.string().min(1).max(200)).max(2_000),
  /** Names of metrics; empty means all of each run. */
  metrics: z.array(z.string().min(1).max(500)).max(500),
  axis: z.enum(HISTORY_AXES).default('step'),
  /** The part of the axis that is shown, both ends included; without it each curve's whole. */
  range: z.tuple([z.number(), z.number()]).optional(),
  /** Columns of the picture: of each, the lowest and the highest point are kept. */
  buckets: z.int().min(1).max(10_000).default(600),
  /** Weight of the past in a moving average, 0 for none; taken over all points, before any is left out. */
  smoothing: z.number().min(0).lt(1).default(0),
})
export type HistoryQuery = z.input<typeof historyQuerySchema>

/** Null is a figure that is not a number. */
const valuesSchema = z.array(z.number().nullable())

export const historySeriesSchema = z.object({
  run: z.string(),
  metric: z.string(),
  /** Number of the run's last batch that is in here; live batches with higher numbers continue it. */
  sequence: z.int(),
  /** Points in the range; the arrays below hold a sample of them where there are more than two a bucket. */
  points: z.int(),
  x: z.array(z.number()),
  y: valuesSchema,
  /** The smoothed curve, sampled by itself; absent without smoothing. */
  smooth: z.object({ x: z.array(z.number()), y: valuesSchema }).optional(),
})
export type HistorySeries = z.infer<typeof historySeriesSchema>

export const historyResultSchema = z.object({
  series: z.array(historySeriesSchema),
  /** Runs that the history does not know. */
  unknown: z.array(z.string()),
})
export type HistoryResult = z.infer<typeof historyResultSchema>

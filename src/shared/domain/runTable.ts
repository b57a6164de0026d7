import { z } from 'zod'
import { runStatusSchema } from './lifecycle'

/** A parameter or figure of a run as a table shows it. Null: the run has none. */
export const cellSchema = z.union([z.string(), z.number(), z.boolean(), z.null()])
export type RunCell = z.infer<typeof cellSchema>

export const runTableQuerySchema = z.strictObject({
  /** Metrics (`val_loss`, `val_loss.min`), parameters (`trainer.learning_rate`) and columns of the history, in their order. */
  columns: z.array(z.string().min(1).max(500)).max(100).default([]),
  /** The runs in the trash instead of all others. */
  trash: z.boolean().default(false),
})

/** A run as a row. */
export const runRowSchema = z.object({
  id: z.string(),
  exp_name: z.string(),
  exp_version: z.string(),
  status: runStatusSchema,
  reason: z.string().nullable(),
  model_name: z.string(),
  dts_name: z.string(),
  /** Milliseconds since the Unix epoch. */
  created: z.number(),
  ended: z.number().nullable(),
  epochs: z.int(),
  /** Wall time of training; null until it has ended. */
  seconds: z.number().nullable(),
  /** Its accuracies mean nothing: answers changed as pairs were presented swapped. */
  leaks: z.boolean(),
  starred: z.boolean(),
  note: z.string(),
  tags: z.array(z.string()),
  /** Absolute folder. */
  dir: z.string().nullable(),
  /** When it was put into the trash. */
  trashed: z.number().nullable(),
  /** As many as columns were asked for; null for a column that no run has. */
  cells: z.array(cellSchema),
})
export type RunRow = z.infer<typeof runRowSchema>

export const runTableSchema = z.object({
  /** Newest first. */
  rows: z.array(runRowSchema),
  /** Runs in the trash of this log folder. */
  trashed: z.int(),
  /** Run folders whose files are broken, with the reason: they are shown, never hidden. */
  unreadable: z.array(z.object({ dir: z.string(), reason: z.string() })),
  /** The log folder has not been read to its end yet. */
  reading: z.boolean(),
})

/** What a table of runs can show and filter by. */
export const runNamesSchema = z.object({
  columns: z.array(z.string()),
  metrics: z.array(z.string()),
  params: z.array(z.string()),
})

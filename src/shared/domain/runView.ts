import { z } from 'zod'
import { runStatusSchema, transitionSchema } from './lifecycle'
import { annotationsSchema, runRecordSchema } from './run'

/** A file in a run's folder. */
export const runFileSchema = z.object({
  /** Relative to the folder, with slashes: `checkpoints/best.safetensors`. */
  name: z.string(),
  bytes: z.int(),
  /** Milliseconds since the Unix epoch. */
  modified: z.number(),
})
export type RunFile = z.infer<typeof runFileSchema>

/** One run as its page shows it; its curves are asked for by `history.query`. */
export const runViewSchema = z.object({
  record: runRecordSchema,
  /** As the history knows it: corrected where the engine died without a word. */
  status: runStatusSchema,
  reason: z.string().nullable(),
  /** Absolute folder. */
  dir: z.string(),
  annotations: annotationsSchema.omit({ format: true }),
  /** Names of the metrics that it has. */
  metrics: z.array(z.string()),
  /** Last value of each metric; null is not a number. */
  figures: z.record(z.string(), z.number().nullable()),
  epochs: z.int(),
  /** Text of hparams.yaml. */
  hparams: z.string(),
  /** The last lines of run.log. */
  log: z.array(z.string()),
  files: z.array(runFileSchema),
  /** Text of environment.json: what it ran on. */
  environment: z.string(),
  /** Every change of its status that the history knows, the first one first. */
  transitions: z.array(transitionSchema),
  /** Files that could not be read or hold broken lines, in words. */
  problems: z.array(z.string()),
})
export type RunView = z.infer<typeof runViewSchema>

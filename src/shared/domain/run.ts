import { z } from 'zod'
import { runStatusSchema } from './lifecycle'

/** What one training run came to: the last line of `delta train --json`. */
export const runResultSchema = z.object({
  type: z.literal('result'),
  runId: z.string(),
  dir: z.string(),
  status: runStatusSchema,
  test_acc: z.number().optional(),
  test_loss: z.number().optional(),
  test_unseen_acc: z.number().optional(),
  test_unseen_loss: z.number().optional(),
  /** How often the base reward alone is right, and what the model adds: acc − acc_r_star. Lift only where there is one. */
  test_acc_r_star: z.number().optional(),
  test_lift: z.number().optional(),
  test_unseen_acc_r_star: z.number().optional(),
  test_unseen_lift: z.number().optional(),
  val_acc: z.number().optional(),
  val_loss: z.number().optional(),
  /** True when a split's answers changed as its pairs were presented swapped: its accuracies mean nothing. */
  leaks: z.boolean().optional(),
  /** 0-based epoch of the best checkpoint (lowest val_loss). */
  best_epoch: z.int().optional(),
  /** Epochs begun. */
  epochs: z.int(),
  steps: z.int(),
  /** Wall time from the first step to the last figure; of all sessions where the run was resumed. */
  seconds: z.number(),
  /** Training alone, median, the first epoch left out where there are more. */
  ms_per_epoch: z.number(),
  /** One pass over the validation split, median. */
  ms_per_validation: z.number(),
  steps_per_second: z.number(),
  peak_rss_bytes: z.int(),
  backend: z.string(),
  threads: z.int(),
})
export type RunResult = z.infer<typeof runResultSchema>

/** `run.json` in a run's folder: who the run is and how it stands. Rewritten atomically at each change of status. */
export const runRecordSchema = z.object({
  format: z.literal(1),
  id: z.string(),
  exp_name: z.string(),
  exp_version: z.string(),
  model_name: z.string(),
  dts_name: z.string(),
  status: runStatusSchema,
  /** Why it ended so, in words for a person; absent while running and when finished. */
  reason: z.string().optional(),
  /** Milliseconds since the Unix epoch. */
  created: z.number(),
  ended: z.number().optional(),
  /** The engine's process while `status` is running, so that a reader can tell a live run from a dead one. */
  pid: z.int(),
  /** Tells that process from a later one with its number; absent in older records. */
  process_start: z.string().optional(),
  host: z.string(),
  /** The command that trains it again. */
  command: z.string(),
  /** The folder it was given in. */
  cwd: z.string().optional(),
  version: z.string(),
  warnings: z.array(z.string()),
  result: runResultSchema.optional(),
})
export type RunRecord = z.infer<typeof runRecordSchema>

/** Names of the files in a run's folder. */
export const RUN_FILES = {
  record: 'run.json',
  hparams: 'hparams.yaml',
  metrics: 'metrics.jsonl',
  /** Only where the model has topics. */
  topics: 'topics.jsonl',
  log: 'run.log',
  /** While an engine is at work; touched as long as it lives. */
  owner: '.owner',
  /** Tags, note and star; only where there are any. */
  annotations: 'annotations.json',
  /** What a person has called the dimensions of its model. */
  dimensions: 'dimensions.json',
  /** On what it ran: versions, commit, processor, hashes of the data. */
  environment: 'environment.json',
  checkpoints: 'checkpoints',
  predictions: 'predictions',
  /** One JSON file a split, see `evaluationSchema`. */
  evaluation: 'evaluation',
} as const

export const LONGEST_TAG = 100
export const LONGEST_NOTE = 20_000

export const tagSchema = z
  .string()
  .trim()
  .min(1)
  .max(LONGEST_TAG)
  .regex(/^[^,"\p{Cc}]+$/u, 'a tag has no comma, quotation mark or control character')

/** `annotations.json`: what people say about a run. */
export const annotationsSchema = z.object({
  format: z.literal(1),
  tags: z.array(tagSchema),
  note: z.string().max(LONGEST_NOTE),
  starred: z.boolean(),
})
export type Annotations = z.infer<typeof annotationsSchema>

import { z } from 'zod'

export const OPTIMIZERS = ['Adam', 'AdamW', 'SGD', 'RMSprop'] as const
export const SCHEDULERS = ['none', 'cosine', 'onecycle', 'reduce_on_plateau'] as const
/** Number types in which embedding tables are held in memory. */
export const TABLE_DTYPES = ['float32', 'float16'] as const
export type TableDtype = (typeof TABLE_DTYPES)[number]

const positive = z.number().positive()
const beta = z.number().min(0).lt(1)

/** The `trainer` section of `exp_config.yaml`. Defaults are the reference's, but for `max_epochs` (there 500). */
export const trainerSchema = z.strictObject({
  max_epochs: z.int().positive().default(100).describe('Passes over the training pairs'),
  max_steps: z.int().positive().optional().describe('Stops after so many optimiser steps, if that comes first'),
  batch_size: z.int().positive().default(512).describe('Pairs a step'),
  optimizer: z.enum(OPTIMIZERS).default('Adam').describe('Adam runs as AdamW: without weight decay they are the same'),
  learning_rate: positive.default(2e-3),
  betas: z.tuple([beta, beta]).default([0.9, 0.999]),
  eps: positive.default(1e-8).describe("Added to the root of Adam's second moment"),
  weight_decay: z.number().min(0).default(0).describe('Decoupled weight decay, per unit of learning rate'),
  scheduler: z.enum(SCHEDULERS).default('none'),
  warmup_steps: z.int().min(-1).default(-1).describe('Linear warm-up of `cosine`; −1 means 5 % of all steps'),
  min_lr: z.number().min(0).default(1e-7).describe('Where `cosine` and `reduce_on_plateau` end'),
  max_lr: positive.optional().describe('Peak of `onecycle`; the learning rate by default'),
  plateau_factor: z.number().gt(0).lt(1).default(0.1).describe('`reduce_on_plateau`: the rate is multiplied by it'),
  plateau_patience: z.int().min(0).default(10).describe('`reduce_on_plateau`: epochs without improvement before that'),
  patience: positive.default(1e9).describe('Early stopping: epochs without a lower val_loss'),
  gradient_clip_val: positive.optional().describe('Largest L2 norm of the whole gradient'),
  test_on: z.enum(['best', 'last']).default('best').describe('Checkpoint that is tested'),
  seed: z.int().min(0).max(0xffff_ffff).default(0).describe('Draws initial weights and dropout'),
  data_seed: z.int().min(0).max(0xffff_ffff).optional().describe('Draws the shuffles; the seed by default'),
  table_dtype: z
    .enum(TABLE_DTYPES)
    .default('float32')
    .describe('Holds the text vectors so in memory; float16 takes half of it, and rounds vectors of wider files'),
  num_workers: z.int().min(0).default(2).describe('Accepted for old files and ignored'),
})
export type TrainerConfig = z.infer<typeof trainerSchema>

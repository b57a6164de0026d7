import { z } from 'zod'

/** Figures of one split, as the preference loss defines them; each is a mean over the split's rows. */
export const SPLIT_METRICS = ['loss', 'bt_loss', 'reg_loss', 'acc', 'acc_r_star', 'acc_delta'] as const
export type SplitMetric = (typeof SPLIT_METRICS)[number]

/** Prefixes under which figures are logged: `train_loss`, `val_acc`, `test_unseen_loss`. */
export type MetricPrefix = 'train' | 'val' | 'test' | 'test_unseen'

/** Figures of one moment: a line of `metrics.jsonl`. */
export const metricBatchSchema = z.object({
  /** 0-based; figures taken after training carry the number of epochs trained. */
  epoch: z.int(),
  /** 0-based index of the last optimiser step taken before, so that curves share their x axis with PyTorch Lightning's. */
  step: z.int(),
  /** Milliseconds since the Unix epoch. */
  time: z.number(),
  values: z.record(z.string(), z.number()),
})
export type MetricBatch = z.infer<typeof metricBatchSchema>

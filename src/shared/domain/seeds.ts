import { z } from 'zod'
import type { ExperimentConfig } from '../config/experiment'
import { AppError, appErrorSchema } from '../errors'
import { runResultSchema, type RunResult } from './run'
import type { TogetherResult } from './together'

/** One figure over runs that differ in their seed alone. */
export const spreadSchema = z.object({
  mean: z.number(),
  /** Sample standard deviation, with n − 1; 0 for a single run. */
  sd: z.number(),
  n: z.int(),
})
export type Spread = z.infer<typeof spreadSchema>

/** What runs of several seeds came to: the last line of `delta train --seeds … --json`. */
export const seedsResultSchema = z.object({
  type: z.literal('result'),
  /** Of the runs that ended without an error, in the order of their seeds. */
  runs: z.array(z.object({ seed: z.int(), ...runResultSchema.shape })),
  failed: z.array(z.object({ seed: z.int(), error: appErrorSchema })),
  /** Of each figure that all these runs have. */
  summary: z.record(z.string(), spreadSchema),
  /** One pass over the training pairs for all runs together: median, the first epoch left out where there are more. */
  ms_per_epoch: z.number(),
  seconds: z.number(),
  peak_rss_bytes: z.int(),
  backend: z.string(),
  threads: z.int(),
})
export type SeedsResult = z.infer<typeof seedsResultSchema>

/** Figures that a summary is made of. */
const SUMMARISED = [
  'val_acc',
  'val_loss',
  'test_acc',
  'test_loss',
  'test_unseen_acc',
  'test_unseen_loss',
  'test_lift',
  'test_unseen_lift',
  'best_epoch',
] as const satisfies (keyof RunResult)[]

export function summarise(runs: readonly RunResult[]): Record<string, Spread> {
  return Object.fromEntries(
    SUMMARISED.flatMap((name): [string, Spread][] => {
      const values = runs.flatMap((run) => run[name] ?? [])
      return values.length === 0 || values.length < runs.length ? [] : [[name, spreadOf(values)]]
    }),
  )
}

/** Mean and sample standard deviation of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  const n = values.length
  const mean = values.reduce((a, b) => a + b, 0) / n
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, sd: n < 2 ? 0 : Math.sqrt(squares / (n - 1)), n }
}

/** More runs in one pass than this are better split: their weights no longer stay in a cache. */
export const MOST_SEEDS = 256

/**
 * `1..16`, `1,2,5` or a mixture: distinct seeds in the order given.
 *
 * @returns null when the text says something else
 */
export function parseSeeds(text: string): number[] | null {
  const seeds: number[] = []
  for (const part of text.split(',')) {
    const range = /^\s*(\d{1,10})(?:\.\.(\d{1,10}))?\s*$/.exec(part)
    if (!range) return null
    const [first, last] = [Number(range[1]), Number(range[2] ?? range[1])]
    if (last < first || last >= 2 ** 32 || last - first >= MOST_SEEDS) return null
    for (let seed = first; seed <= last; seed++) seeds.push(seed)
  }
  const distinct = new Set(seeds).size === seeds.length
  return distinct && seeds.length <= MOST_SEEDS ? seeds : null
}

/** One of several experiments that differ in their seed. Its batches are those of `data_seed`, which all share. */
export function withSeed(config: ExperimentConfig, seed: number, exp_version: string): ExperimentConfig {
  const { trainer } = config
  return { ...config, exp_version, trainer: { ...trainer, seed, data_seed: trainer.data_seed ?? trainer.seed } }
}

/**
 * @param seeds of the runs, in their order
 * @throws AppError of the first run when none of them ended well
 */
export function seedsResult(seeds: readonly number[], { runs, failed, ...all }: TogetherResult): SeedsResult {
  const [first] = failed
  if (runs.length === 0 && first) throw AppError.fromJSON(first.error)
  return {
    type: 'result',
    ...all,
    runs: runs.map(({ run, result }) => ({ seed: seeds[run]!, ...result })),
    failed: failed.map(({ run, error }) => ({ seed: seeds[run]!, error })),
    summary: summarise(runs.map(({ result }) => result)),
  }
}

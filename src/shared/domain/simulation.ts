import { z } from 'zod'
import { SPLIT_NAMES } from './dataset'

/** More would not fit the 32-bit row numbers of a text file, or is a slip of the keyboard. */
const MAX_PAIRS = 1_000_000
const MAX_TEXTS = 5_000_000
const MAX_USERS = 1_000_000
const MAX_WIDTH = 16_384
/** Beyond it neither a text's words nor an alignment in {@link Recovery} mean anything to a reader. */
const MAX_ATTRIBUTES = 32

const share = z.number().min(0).max(0.9)
const strength = z.number().min(0).max(100)

/** What a simulation is made from; docs/simulation.md gives the formulas. */
export const simulationOptionsSchema = z
  .strictObject({
    pairs: z.int().min(1).max(MAX_PAIRS),
    users: z.int().min(1).max(MAX_USERS),
    texts: z.int().min(3).max(MAX_TEXTS),
    /** Answers to one prompt. */
    answers: z.int().min(2).max(100),
    /** Width D of the vectors. */
    width: z.int().min(1).max(MAX_WIDTH),
    /** Number A of text attributes, which is also the length of a user's preference vector. */
    attributes: z.int().min(1).max(MAX_ATTRIBUTES),
    /** T of the logistic choice; 0 chooses the better answer always. */
    temperature: strength,
    /** ν of Davidson's ties; 0 has none. */
    ties: strength,
    /** Groups of like-minded users; 0 draws every user alone. */
    clusters: z.int().min(0).max(10_000),
    /** Share of a user's variance that is their own, when there are clusters. */
    spread: z.number().min(0).max(1),
    /** How far, in units of a preference vector's length, a user's preferences move from the first pair to the last. */
    drift: strength,
    /** Share of the users who are in `test_unseen` alone. */
    unseen: share,
    /** Shares of the questions. */
    dev: share,
    test: share,
    /** Length of the noise in an answer's vector over that of its attributes. */
    embedding_noise: strength,
    seed: z
      .int()
      .min(0)
      .max(2 ** 32 - 1),
  })
  .refine(({ attributes, width }) => attributes <= width, {
    path: ['attributes'],
    message: 'there cannot be more attributes than the vectors have numbers (width)',
  })
  .refine(({ texts, answers }) => texts >= answers + 1, {
    path: ['texts'],
    message: 'one question takes a prompt and its answers: there are fewer texts than that',
  })
  .refine(({ dev, test }) => dev + test <= 0.9, {
    path: ['dev'],
    message: 'dev and test together leave less than a tenth of the questions for training',
  })
export type SimulationOptions = z.infer<typeof simulationOptionsSchema>

export const SIMULATION_PRESETS = {
  default: {
    pairs: 20_000,
    users: 100,
    texts: 5_000,
    answers: 4,
    width: 64,
    attributes: 4,
    temperature: 0.3,
    ties: 0,
    clusters: 0,
    spread: 0.5,
    drift: 0,
    unseen: 0.1,
    dev: 0.1,
    test: 0.1,
    embedding_noise: 1,
    seed: 0,
  },
  /** The size of the PRISM Alignment Dataset with vectors of 1,536 numbers. */
  prism: {
    pairs: 27_000,
    users: 1_500,
    texts: 68_000,
    answers: 4,
    width: 1_536,
    attributes: 8,
    temperature: 0.3,
    ties: 0,
    clusters: 0,
    spread: 0.5,
    drift: 0,
    unseen: 0.1,
    dev: 0.1,
    test: 0.1,
    embedding_noise: 1,
    seed: 0,
  },
} as const satisfies Record<string, SimulationOptions>
export type SimulationPreset = keyof typeof SIMULATION_PRESETS

export const simulatedSplitSchema = z.object({
  split: z.enum(SPLIT_NAMES),
  pairs: z.int(),
  users: z.int(),
  ties: z.int(),
  /** Accuracy of somebody who knows the truth: the mean of max(p, 1 − p). */
  best_acc: z.number(),
})

export const simulationResultSchema = z.object({
  /** Absolute folder of the data set. */
  dir: z.string(),
  dts_name: z.string(),
  options: simulationOptionsSchema,
  questions: z.int(),
  splits: z.array(simulatedSplitSchema).readonly(),
  bytes: z.int(),
  seconds: z.number(),
})
export type SimulationResult = z.infer<typeof simulationResultSchema>

/** Files of the truth, in the data set's folder. */
export const TRUTH_FILES = { about: 'truth.json', arrays: 'truth.safetensors' } as const

/** `truth.json`. The arrays are in {@link TRUTH_FILES.arrays}: docs/simulation.md names them. */
export const truthSchema = z.object({
  format: z.literal(1),
  options: simulationOptionsSchema,
  /** Users who are in `test_unseen` alone, by their id (a user's id is their row of the arrays). */
  unseen_users: z.array(z.int()),
  /** Group of every user; empty where there are none. */
  clusters: z.array(z.int()),
  splits: z.array(simulatedSplitSchema),
})
export type Truth = z.infer<typeof truthSchema>

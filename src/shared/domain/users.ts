import { z } from 'zod'
import { embedderSchema } from '../config/data'
import { appErrorSchema } from '../errors'
import { PAIR_CHOICES, adaptationSchema } from './adaptation'
import { ticketSchema } from './compare'
import { dimensionMatchRequests, dimensionMatchSchema, dimensionProfileSchema } from './dimensionMatch'
import { evaluatedSplitSchema, evaluationSchema } from './evaluation'
import { pairListQuestion, pairListSchema, userIdSchema, userPairSchema } from './userPairs'

/** What a window asks about the users of a run, and what an engine that holds the run answers. */
const count = z.int().min(0)
const text = z.string()

/** Pairs of one user that share a value of a column, as the one reward for everybody (`bt`) sees them. */
export const userSliceSchema = z.object({
  column: text,
  value: text,
  pairs: count,
  /** Pairs that `bt` has right, and its accuracy on the value's pairs of all users. */
  right: count,
  expected: z.number(),
})
export type UserSlice = z.infer<typeof userSliceSchema>

/** One user, by the pairs that they have in a split. */
export const userRowSchema = z.object({
  u_id: userIdSchema,
  /** Whether training knows them: only then they have a vector of their own. */
  known: z.boolean(),
  train_pairs: count,
  pairs: count,
  /** Pairs with z > 0. */
  right: count,
  /** 95 % interval of the accuracy by Wilson's score. */
  low: z.number(),
  high: z.number(),
  /** Mean −log p of the chosen answer. */
  nll: z.number(),
  /** Pairs that `bt` has right; null where there is no `bt`. */
  baseline_right: count.nullable(),
  /**
   * The slice in which the user judges most, and least, as one reward for everybody would: by how many standard errors `bt` is better, and
   * worse, on their pairs than on those of all users. Null where no slice of three pairs or more is on that side.
   */
  typical: userSliceSchema.nullable(),
  untypical: userSliceSchema.nullable(),
})
export type UserRow = z.infer<typeof userRowSchema>

export const usersTableSchema = z.object({
  split: evaluatedSplitSchema,
  /** Splits that the data has. */
  splits: z.array(evaluatedSplitSchema),
  checkpoint: evaluationSchema.shape.checkpoint,
  pairs: count,
  /** By user, in the order of the data. */
  users: z.array(userRowSchema),
})
export type UsersTable = z.infer<typeof usersTableSchema>

export const MAP_METHODS = ['pca', 'umap'] as const
export type MapMethod = (typeof MAP_METHODS)[number]

/** The vectors of a split's users in the plane: what users bring to δ (skills, shares, factors), one place a known user. */
export const userMapSchema = z.object({
  method: z.enum(MAP_METHODS),
  /** Numbers in a vector; 0 where the model has none, or none of these users has one. */
  dimensions: count,
  /** Places in the table's `users`. */
  users: z.array(count),
  x: z.array(z.number()),
  y: z.array(z.number()),
  /** Shares of the variance of all trained users along x and y; null for a method without axes. */
  explained: z.tuple([z.number(), z.number()]).nullable(),
})
export type UserMap = z.infer<typeof userMapSchema>

/** One number of a user's vector, against those of all users whom training knows. */
export const userDimensionSchema = z.object({
  value: z.number(),
  mean: z.number(),
  /** 5 % and 95 % of the users lie below these. */
  low: z.number(),
  high: z.number(),
  /** Share of the users whose number is smaller. */
  rank: z.number(),
})

export const userDetailSchema = z.object({
  user: userRowSchema,
  splits: z.array(evaluatedSplitSchema),
  model_name: text,
  /** What made the vectors of the data's texts; null where that is not recorded. */
  embedder: embedderSchema.nullable(),
  /** The most confident mistake first. */
  pairs: z.array(userPairSchema),
  /** Of a new user the vector is the mean of all; null where the model has none. */
  vector: z.array(userDimensionSchema).nullable(),
  /** Users with the most alike vectors, by the distance in standard deviations of each number. */
  nearest: z.array(z.object({ u_id: userIdSchema, distance: z.number(), train_pairs: count })),
})
export type UserDetail = z.infer<typeof userDetailSchema>

/** One dimension's part of δ_w − δ_l: load · (user − difficulty) of the chosen answer less that of the rejected one. */
export const contributionSchema = z.object({
  user: z.number(),
  chosen: z.object({ load: z.number(), difficulty: z.number().nullable() }),
  rejected: z.object({ load: z.number(), difficulty: z.number().nullable() }),
  contribution: z.number(),
})
export type Contribution = z.infer<typeof contributionSchema>

export const whySchema = z.object({
  z: z.number(),
  p: z.number(),
  r_diff: z.number(),
  delta_diff: z.number(),
  /** Their contributions add up to `delta_diff`; null where the model cannot tell them. */
  dimensions: z.array(contributionSchema).nullable(),
})
export type Why = z.infer<typeof whySchema>

export const explainedPairSchema = whySchema.extend({ row: count, prompt: text, chosen: text, rejected: text })
export type ExplainedPair = z.infer<typeof explainedPairSchema>

const loadedTextSchema = z.object({
  /** Cut to `CELL_CHARACTERS`. */
  text,
  /** Means over the pairs of the split in which it is an answer. */
  load: z.number(),
  difficulty: z.number().nullable(),
})
const loadedUserSchema = z.object({ u_id: userIdSchema, value: z.number() })

/** One dimension of a model: the answers that count most, and least, on it, and the users with the largest and smallest number. */
export const dimensionSchema = z.object({
  highest: z.array(loadedTextSchema),
  lowest: z.array(loadedTextSchema),
  largest: z.array(loadedUserSchema),
  smallest: z.array(loadedUserSchema),
})
export type Dimension = z.infer<typeof dimensionSchema>

export const dimensionsSchema = z.object({
  model_name: text,
  /** Empty where the model has none. */
  dimensions: z.array(dimensionSchema),
  /** The strongest words of each topic; null for a model without topics. */
  topics: z.array(z.array(text)).nullable(),
})
export type Dimensions = z.infer<typeof dimensionsSchema>

export const LONGEST_DIMENSION_NAME = 60
export const MOST_NAMED_DIMENSIONS = 1_000
/** `dimensions.json` in a run's folder: a name a dimension, '' where it has none. */
export const dimensionNamesSchema = z.object({
  format: z.literal(1),
  names: z.array(text.max(LONGEST_DIMENSION_NAME)).max(MOST_NAMED_DIMENSIONS),
})
const named = { names: dimensionNamesSchema.shape.names }

const vectorSchema = z.array(z.number()).min(1).max(100_000)

/** Fits that a window may ask for at once, and pairs of each. */
export const MOST_REPEATS = 50
export const LARGEST_K = 1_000_000
/** Different numbers of pairs in one question. */
export const MOST_K = 50
const adapting = {
  /** One user; null for all whom training does not know. */
  user: userIdSchema.nullable(),
  choose: z.enum(PAIR_CHOICES),
  k: z.array(count.max(LARGEST_K)).min(1).max(MOST_K),
  repeats: z.int().positive().max(MOST_REPEATS),
  seed: count,
}

export const usersQuestionSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('table'), split: evaluatedSplitSchema }),
  z.strictObject({ type: z.literal('map'), split: evaluatedSplitSchema, method: z.enum(MAP_METHODS) }),
  z.strictObject({ type: z.literal('user'), split: evaluatedSplitSchema, user: userIdSchema }),
  z.strictObject({ type: z.literal('dimensions'), split: evaluatedSplitSchema }),
  /** What its dimensions are, for another run. */
  z.strictObject({ type: z.literal('profile'), split: evaluatedSplitSchema }),
  /** Its dimensions beside those of another run, which is a. */
  z.strictObject({ type: z.literal('match'), split: evaluatedSplitSchema, with: dimensionProfileSchema }),
  z.strictObject({ type: z.literal('pair'), split: evaluatedSplitSchema, row: count }),
  z.strictObject({ type: z.literal('pairs'), split: evaluatedSplitSchema, ...pairListQuestion }),
  z.strictObject({ type: z.literal('adapt'), split: evaluatedSplitSchema, ...adapting }),
  /** Two answers to a prompt that stand in no split, as vectors of the run's embedder. */
  z.strictObject({
    type: z.literal('prefer'),
    split: evaluatedSplitSchema,
    user: userIdSchema,
    prompt: vectorSchema,
    first: vectorSchema,
    second: vectorSchema,
  }),
])
export type UsersQuestion = z.infer<typeof usersQuestionSchema>

export const usersAnswerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('table'), table: usersTableSchema }),
  z.object({ type: z.literal('map'), map: userMapSchema }),
  z.object({ type: z.literal('user'), user: userDetailSchema }),
  z.object({ type: z.literal('dimensions'), dimensions: dimensionsSchema }),
  z.object({ type: z.literal('profile'), profile: dimensionProfileSchema }),
  z.object({ type: z.literal('match'), match: dimensionMatchSchema }),
  z.object({ type: z.literal('pair'), pair: explainedPairSchema }),
  z.object({ type: z.literal('prefer'), why: whySchema }),
  z.object({ type: z.literal('pairs'), list: pairListSchema }),
  z.object({ type: z.literal('adapt'), adaptation: adaptationSchema }),
  z.object({ type: z.literal('error'), error: appErrorSchema }),
])
export type UsersAnswer = z.infer<typeof usersAnswerSchema>

/** Characters of a text that a person pastes. */
const MOST_TEXT = 100_000

const ofRun = { id: z.string().min(1).max(200), split: evaluatedSplitSchema }

export const usersRequests = {
  /** Every user of a split of a run's data. */
  'users.table': { input: z.strictObject(ofRun), output: usersTableSchema },
  'users.map': { input: z.strictObject({ ...ofRun, method: z.enum(MAP_METHODS) }), output: userMapSchema },
  /** One user, by their id or, as an address has it, its text: pairs with the mistakes first, their vector, and who is like them. */
  'users.one': { input: z.strictObject({ ...ofRun, user: userIdSchema }), output: userDetailSchema.extend(named) },
  /** Pairs of everybody, a part at a time: all of them, those of a bin of the reliability curve, or of a slice. */
  'users.pairs': { input: z.strictObject({ ...ofRun, ...pairListQuestion }), output: pairListSchema },
  /** What each dimension of the model stands for: texts and users at its ends. */
  'users.dimensions': { input: z.strictObject(ofRun), output: dimensionsSchema.extend(named) },
  /** Calls a dimension something; '' takes the name away. It stands in the run's folder. */
  'users.nameDimension': {
    input: z.strictObject({
      id: ofRun.id,
      dimension: count.max(MOST_NAMED_DIMENSIONS - 1),
      name: text.max(LONGEST_DIMENSION_NAME),
    }),
    output: z.object(named),
  },
  ...dimensionMatchRequests,
  /**
   * Fits users' own rows on k of their pairs as if training did not know them, everything else frozen, and tells how well they are known then;
   * with the command that does the same, where the command line can.
   */
  'users.adapt': {
    input: z.strictObject({
      ...ofRun,
      ...adapting,
      /** Whoever asks: a later fit of theirs ends this one with `stopped`, and `users.work` tells them how far it is. */
      ticket: ticketSchema.optional(),
    }),
    output: adaptationSchema.extend({ command: text.nullable() }),
  },
  /** Ends the fit under a ticket with `stopped`; nothing where there is none. */
  'users.cancel': { input: z.strictObject({ ticket: ticketSchema }), output: z.strictObject({}) },
  /** Whole texts of a pair, and why it is predicted as it is. */
  'users.pair': { input: z.strictObject({ ...ofRun, row: count }), output: explainedPairSchema },
  /** Which of two answers a user would prefer, where the embedder of the data runs here: p is that of the first. */
  'users.prefer': {
    input: z.strictObject({
      ...ofRun,
      user: userIdSchema,
      prompt: z.string().max(MOST_TEXT),
      first: z.string().min(1).max(MOST_TEXT),
      second: z.string().min(1).max(MOST_TEXT),
    }),
    output: whySchema,
  },
} as const

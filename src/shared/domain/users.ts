import { z } from 'zod'
import { appErrorSchema } from '../errors'
import { evaluatedSplitSchema, evaluationSchema } from './evaluation'

/** What a window asks about the users of a run, and what an engine that holds the run answers. */
const count = z.int().min(0)
const text = z.string()
export const userIdSchema = z.union([z.string().max(10_000), z.number()])

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

export const MAP_METHODS = ['pca'] as const

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

export const usersQuestionSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('table'), split: evaluatedSplitSchema }),
  z.strictObject({ type: z.literal('map'), split: evaluatedSplitSchema, method: z.enum(MAP_METHODS) }),
])
export type UsersQuestion = z.infer<typeof usersQuestionSchema>

export const usersAnswerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('table'), table: usersTableSchema }),
  z.object({ type: z.literal('map'), map: userMapSchema }),
  z.object({ type: z.literal('error'), error: appErrorSchema }),
])
export type UsersAnswer = z.infer<typeof usersAnswerSchema>

const ofRun = { id: z.string().min(1).max(200), split: evaluatedSplitSchema }

export const usersRequests = {
  /** Every user of a split of a run's data. */
  'users.table': { input: z.strictObject(ofRun), output: usersTableSchema },
  'users.map': { input: z.strictObject({ ...ofRun, method: z.enum(MAP_METHODS) }), output: userMapSchema },
} as const

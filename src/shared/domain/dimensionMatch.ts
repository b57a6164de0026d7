import { z } from 'zod'
import { evaluatedSplitSchema } from './evaluation'
import { userIdSchema } from './userPairs'

/** Which dimension of one run corresponds to which of another. */
const count = z.int().min(0)

/** What a run's dimensions are to users and texts, as far as another run needs it to be compared. */
export const dimensionProfileSchema = z.object({
  model_name: z.string(),
  /** K; 0 where the model is the same for everybody. */
  dimensions: count,
  users: z.array(userIdSchema),
  /** [users, K] row-major. */
  values: z.array(z.number()),
  /** Names of the answers' texts: equal ones are of equal texts. */
  texts: z.array(z.string()),
  /** [texts, K] row-major. */
  loads: z.array(z.number()),
})
export type DimensionProfile = z.infer<typeof dimensionProfileSchema>

/** [dimensions of a][dimensions of b] Pearson's r; null where one side is constant. */
const correlationsSchema = z.array(z.array(z.number().nullable()))

export const dimensionMatchSchema = z.object({
  /** Users, and answers, that both runs have. */
  users: count,
  texts: count,
  correlations: z.object({
    /** Null where fewer than three are shared. */
    users: correlationsSchema.nullable(),
    texts: correlationsSchema.nullable(),
  }),
  /**
   * [dimensions of a][dimensions of b] mean of both correlations, or the one that there is. A dimension and its mirror image are the same: of
   * users and of texts both signs turn. Where they disagree it is another dimension, and they cancel.
   */
  likeness: z.array(z.array(z.number())),
  /** One to one, with the largest sum of |likeness|, by the dimension of a. */
  pairs: z.array(z.object({ a: count, b: count })),
})
export type DimensionMatch = z.infer<typeof dimensionMatchSchema>

const runId = z.string().min(1).max(200)

export const dimensionMatchRequests = {
  /** Dimensions of two runs of one kind of model beside each other, each with its counterpart. */
  'users.matchDimensions': {
    input: z.strictObject({ id: runId, other: runId, split: evaluatedSplitSchema }),
    output: dimensionMatchSchema.extend({
      names: z.object({ a: z.array(z.string()), b: z.array(z.string()) }),
    }),
  },
} as const

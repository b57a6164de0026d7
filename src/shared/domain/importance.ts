import { z } from 'zod'
import { MOST_COMPARED, ticketSchema } from './compare'

/** Fewer runs say nothing about what matters. */
export const FEWEST_RUNS = 10
export const MOST_FIELDS = 100

const values = z.array(z.number().nullable()).max(MOST_COMPARED)

/** Parameters of runs and a figure; places of texts count as numbers. */
export const importanceQuestionSchema = z
  .strictObject({
    /** Each as long as `figure`; null where a run does not have the parameter. */
    fields: z
      .array(z.strictObject({ name: z.string().min(1).max(500), kind: z.enum(['number', 'category']), values }))
      .min(1)
      .max(MOST_FIELDS),
    /** Runs without it are left out. */
    figure: values,
    seed: z.int().min(0).default(0),
  })
  .refine(({ fields, figure }) => fields.every((field) => field.values.length === figure.length), {
    message: 'a field is not as long as the figure',
  })
export type ImportanceQuestion = z.input<typeof importanceQuestionSchema>

export const importanceSchema = z.object({
  /** Runs that have the figure. */
  runs: z.int(),
  trees: z.int(),
  /** Share of the figure's variance that the forest explains on runs that its trees have not seen. */
  explained: z.number(),
  /** The most important first. */
  fields: z.array(
    z.object({
      name: z.string(),
      /** Error that a permutation of the parameter adds, in variances of the figure; and its standard error over the trees. */
      importance: z.number(),
      error: z.number(),
      /** Spearman's ρ over the runs that have the parameter; null for texts, and where one side is constant. */
      rho: z.number().nullable(),
    }),
  ),
})
export type Importance = z.infer<typeof importanceSchema>

export const importanceRequests = {
  /** What matters for a figure. Under a ticket, as `compare.paired`. */
  'compare.importance': {
    input: z.strictObject({ question: importanceQuestionSchema, ticket: ticketSchema.optional() }),
    output: importanceSchema,
  },
} as const

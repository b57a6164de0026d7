import { z } from 'zod'

/** Comparisons that are kept under a name: the address of the page that shows them. */
const LONGEST_NAME = 100
/** More than a person makes. */
export const MOST_SAVED = 1_000
/** Characters: the most runs of one comparison, with room for the rest. */
const LONGEST_ADDRESS = 500_000

export const comparisonNameSchema = z
  .string()
  .trim()
  .min(1, 'is missing')
  .max(LONGEST_NAME, `has at most ${LONGEST_NAME} characters`)
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'is one line')

/** What stands in the query of the page's address. */
export const comparisonAddressSchema = z
  .record(z.string().regex(/^\w{1,40}$/, 'is no key of an address'), z.string())
  .refine((address) => (address['runs'] ?? '') !== '', 'compares no run')
  .refine(
    (address) => Object.values(address).reduce((sum, text) => sum + text.length, 0) <= LONGEST_ADDRESS,
    `has more than ${LONGEST_ADDRESS} characters`,
  )
export type ComparisonAddress = z.output<typeof comparisonAddressSchema>

export const savedComparisonSchema = z.object({
  name: z.string(),
  /** Runs that it was saved with; some may be gone. */
  runs: z.int().min(0),
  /** Milliseconds since the Unix epoch. */
  saved: z.number(),
})
export type SavedComparison = z.infer<typeof savedComparisonSchema>

const named = z.strictObject({ name: comparisonNameSchema })
const nothing = z.strictObject({})

export const savedComparisonRequests = {
  /** By their names. */
  'compare.saved': { input: nothing, output: z.object({ comparisons: z.array(savedComparisonSchema) }) },
  /** The address that was kept under a name. */
  'compare.open': { input: named, output: z.object({ address: comparisonAddressSchema }) },
  /** Keeps an address under a name; one of that name is an error unless `replace`. */
  'compare.save': {
    input: named.extend({ address: comparisonAddressSchema, replace: z.boolean().default(false) }),
    output: nothing,
  },
  'compare.rename': {
    input: z.strictObject({ from: comparisonNameSchema, to: comparisonNameSchema }),
    output: nothing,
  },
  'compare.forget': { input: named, output: nothing },
} as const

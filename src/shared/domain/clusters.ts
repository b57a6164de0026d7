import { z } from 'zod'
import { nameSchema } from '../config/experiment'
import { documentChangesSchema, documentProblemSchema, documentTextSchema, shownValueSchema } from './experiment'

const byName = z.strictObject({ name: nameSchema })

/** A stored profile of a cluster, as a list shows it. */
export const clusterSummarySchema = z.object({
  name: z.string(),
  file: z.string(),
  /** Why it cannot be used; the rest says nothing then. */
  problem: z.string().nullable(),
  /** Null for this machine. */
  host: z.string().nullable(),
  partition: z.string().nullable(),
  /** Of one job, as sbatch takes it. */
  time: z.string().nullable(),
  /** Trials at the same time, at most. */
  throttle: z.int().nullable(),
})
export type ClusterSummary = z.infer<typeof clusterSummarySchema>

export const checkedClusterSchema = z.object({
  /** The text, with the changes made. */
  yaml: z.string(),
  readable: z.boolean(),
  /** What the text says, by key. */
  values: z.record(z.string(), shownValueSchema),
  problems: z.array(documentProblemSchema),
})
export type CheckedCluster = z.infer<typeof checkedClusterSchema>

/** What one harmless command told of a cluster. */
export const clusterAnswerSchema = z.object({
  what: z.string(),
  works: z.boolean(),
  text: z.string(),
  fix: z.string().optional(),
})
export type ClusterAnswer = z.infer<typeof clusterAnswerSchema>

export const clusterRequests = {
  /** Profiles in the workbench's own folder, by name. */
  'clusters.list': { input: z.strictObject({}), output: z.object({ profiles: z.array(clusterSummarySchema) }) },
  'clusters.get': { input: byName, output: z.object({ yaml: z.string() }) },
  /** What a new one begins with. */
  'clusters.draft': { input: z.strictObject({}), output: z.object({ yaml: z.string() }) },
  /** Makes changes to a profile's text, and says all that is wrong with it. */
  'clusters.check': {
    input: z.strictObject({ yaml: documentTextSchema, changes: documentChangesSchema.default({}) }),
    output: checkedClusterSchema,
  },
  /**
   * Keeps a profile. A person confirms outside of the page what it has this machine and the cluster run; `kept` is false where they did not.
   */
  'clusters.save': {
    input: z.strictObject({
      name: nameSchema,
      yaml: documentTextSchema,
      /** The name that it had: it is renamed. */
      former: nameSchema.optional(),
    }),
    output: z.object({ kept: z.boolean() }),
  },
  'clusters.copy': { input: byName, output: z.object({ name: z.string() }) },
  'clusters.delete': { input: byName, output: z.strictObject({}) },
  /** Asks the cluster for its versions and its nodes, over the profile's own way; ends within a minute. */
  'clusters.look': { input: byName, output: z.object({ answers: z.array(clusterAnswerSchema) }) },
} as const

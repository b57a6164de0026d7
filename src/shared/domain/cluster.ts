import { z } from 'zod'
import { experimentSchema } from '../config/experiment'

/** A word that no command takes for one of its options. */
const word = z
  .string()
  .min(1)
  .regex(/^[^-\s][^\s\p{Cc}]*$/u, 'one word that does not begin with a dash')
/** As ssh and rsync take it. Neither `-oProxyCommand=…` nor `me@-oProxyCommand=…`: rsync hands on what stands behind the @. */
const host = z
  .string()
  .max(300)
  .regex(/^(?:[A-Za-z0-9_][\w.+-]*@)?[A-Za-z0-9_][\w.:%-]*$/, 'a name as you type it after ssh: cluster or me@cluster')
/** No command takes a NUL. */
const argument = z
  .string()
  .min(1)
  .regex(/^[^\0]*$/, 'no zero bytes')

interface ClusterMeta {
  title: string
  description: string
  /** Edited as several lines. */
  lines?: true
}
const about = <M extends ClusterMeta>(meta: M): M => meta

/** A cluster's profile: `configs/clusters/*.yaml`. Every key has the meaning of sbatch's option of that name. */
export const clusterSchema = z.strictObject({
  launcher: z.literal('slurm').meta(about({ title: 'Launcher', description: 'The batch system.' })),
  host: host.optional().meta(
    about({
      title: 'Login node',
      description: 'As you type it after ssh; without it sbatch runs on this machine.',
    }),
  ),
  partition: word.optional().meta(about({ title: 'Partition', description: 'Of the nodes that train.' })),
  account: word.optional().meta(about({ title: 'Account', description: 'Whom the time is charged to.' })),
  qos: word.optional().meta(about({ title: 'Quality of service', description: 'As the site names it.' })),
  time: z
    .string()
    .regex(/^(\d+-)?\d+(:\d+){0,2}$/, 'minutes, H:M:S or D-H:M:S')
    .optional()
    .meta(
      about({
        title: 'Time limit',
        description: 'Of one job: minutes, H:M:S or D-H:M:S. A trial that needs more goes on in another job.',
      }),
    ),
  memory: z
    .string()
    .regex(/^\d+[KMGT]?$/, 'a number with K, M, G or T')
    .optional()
    .meta(about({ title: 'Memory', description: 'Of one trial: 4G.' })),
  cpus: z
    .int()
    .positive()
    .default(1)
    .meta(about({ title: 'Processors', description: 'Of one trial; set the experiment’s threads to as many.' })),
  gpus: word
    .optional()
    .meta(about({ title: 'GPUs', description: 'How many a trial gets, or as --gres takes them: gpu:a100:1.' })),
  throttle: z
    .int()
    .positive()
    .optional()
    .meta(about({ title: 'Trials at once', description: 'That run at the same time, at most.' })),
  preamble: z
    .string()
    .regex(/^[^\0]*$/, 'no zero bytes')
    .default('')
    .meta(
      about({
        title: 'Preamble',
        description: 'Lines of shell before each trial: module load …',
        lines: true,
      }),
    ),
  remote_dir: z
    .string()
    .regex(/^\/[^\p{Cc}]*$/u, 'an absolute path')
    .optional()
    .meta(
      about({
        title: 'Folder there',
        description:
          'Absolute, for data and runs, where the cluster does not see this machine’s folders; rsync carries.',
      }),
    ),
  delta: z
    .array(argument)
    .min(1)
    .optional()
    .meta(
      about({
        title: 'Delta there',
        description: 'What starts delta on a node, a word a line; else this very installation.',
        lines: true,
      }),
    ),
  ssh_options: z
    .array(argument)
    .default([])
    .meta(
      about({ title: 'Options of ssh', description: 'Further arguments, a word a line: -F and a file.', lines: true }),
    ),
  attempts: z
    .int()
    .min(1)
    .max(100)
    .default(10)
    .meta(about({ title: 'Jobs a trial', description: 'At most, where time limits or lost nodes end them.' })),
  poll_seconds: z
    .number()
    .min(0.2)
    .max(3600)
    .default(5)
    .meta(about({ title: 'Looks every', description: 'Seconds between two looks at the queue.' })),
})
export type Cluster = z.infer<typeof clusterSchema>

/** How a trial stands in the batch system's queue, as it was seen last. */
export const queuedTrialSchema = z.object({
  trial: z.int().min(0),
  /** `unseen`: handed over, and not in any answer since. */
  is: z.enum(['waiting', 'running', 'unseen']),
  /** Its state in the batch system's own words, with its reason, or its node. */
  text: z.string(),
  job: z.string(),
  /** Which job this is for the trial, and how often the batch system has begun it anew. */
  attempt: z.int().min(1),
  requeued: z.int().min(0),
})
export type QueuedTrial = z.infer<typeof queuedTrialSchema>

/** The queue of a sweep, in its folder. */
export const queueSchema = z.object({
  /** When it was seen: milliseconds since the Unix epoch. */
  seen: z.number(),
  /** Since when it does not answer, and why; absent while it does. */
  away: z.object({ since: z.number(), why: z.string() }).optional(),
  tasks: z.array(queuedTrialSchema),
})
export type Queue = z.infer<typeof queueSchema>

/** One trial as a node gets it. Token, index and attempt tell it from every other one, whatever the batch system's numbers are. */
export const taskSchema = z.object({
  token: z.string(),
  index: z.int().min(0),
  trial: z.int().min(0),
  attempt: z.int().min(1),
  /** Epochs after which it pauses, to be judged; to its end where there are none. */
  rung: z.int().positive().optional(),
  config: experimentSchema,
  command: z.string(),
  logDir: z.string(),
  cwd: z.string(),
  /** Where files of this machine's paths stand on the cluster. */
  paths: z.record(z.string(), z.string()),
})
export type Task = z.infer<typeof taskSchema>

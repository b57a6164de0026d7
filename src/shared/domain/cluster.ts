import { z } from 'zod'
import { experimentSchema } from '../config/experiment'

/** A word that no command takes for one of its options. */
const word = z
  .string()
  .min(1)
  .regex(/^[^-\s][^\s\p{Cc}]*$/u, 'one word that does not begin with a dash')

/** A cluster's profile: `configs/clusters/*.yaml`. Every key has the meaning of sbatch's option of that name. */
export const clusterSchema = z.strictObject({
  launcher: z.literal('slurm').describe('The batch system'),
  host: word.optional().describe('Login node, as ssh knows it; without it sbatch runs on this machine'),
  ssh_options: z.array(z.string().min(1)).default([]).describe('Further arguments of ssh, e.g. -F and a file'),
  remote_dir: z
    .string()
    .regex(/^\/[^\p{Cc}]*$/u, 'an absolute path')
    .optional()
    .describe(
      'Folder on the cluster for data and runs, where it does not share the folders of this machine; rsync carries them',
    ),
  delta: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('What starts delta on a node, word by word; by default this very installation'),
  partition: word.optional(),
  account: word.optional(),
  qos: word.optional(),
  time: z
    .string()
    .regex(/^(\d+-)?\d+(:\d+){0,2}$/, 'minutes, H:M:S or D-H:M:S')
    .optional()
    .describe('Time limit of one trial; one that needs more goes on in another job'),
  memory: z
    .string()
    .regex(/^\d+[KMGT]?$/, 'a number with K, M, G or T')
    .optional(),
  cpus: z.int().positive().default(1).describe('Processors of one trial'),
  gpus: word.optional().describe('As --gres takes them, e.g. gpu:1'),
  throttle: z.int().positive().optional().describe('Trials that run at the same time, at most'),
  preamble: z.string().default('').describe('Lines of shell before each trial: modules, environments'),
  attempts: z
    .int()
    .min(1)
    .max(100)
    .default(10)
    .describe('Jobs for one trial, where time limits or lost nodes end them'),
  poll_seconds: z.number().min(0.2).max(3600).default(5).describe('How often the queue is looked at'),
})
export type Cluster = z.infer<typeof clusterSchema>

/** One trial as a node gets it. Token, index and attempt tell it from every other one, whatever the batch system's numbers are. */
export const taskSchema = z.object({
  token: z.string(),
  index: z.int().min(0),
  trial: z.int().min(0),
  attempt: z.int().min(1),
  config: experimentSchema,
  command: z.string(),
  logDir: z.string(),
  cwd: z.string(),
  /** Where files of this machine's paths stand on the cluster. */
  paths: z.record(z.string(), z.string()),
})
export type Task = z.infer<typeof taskSchema>

import { z } from 'zod'
import { dataConfigSchema } from './data'
import { btSchema, loreSchema } from './models/baselines'
import { caimiraSchema } from './models/caimira'
import { model1Schema } from './models/model1'
import { model2Schema } from './models/model2'
import { ntmSchema } from './models/ntm'
import { trainerSchema } from './trainer'

/** Sections of `exp_config.yaml`, one per model. Adding a model adds its line here. */
export const MODEL_SCHEMAS = {
  caimira: caimiraSchema,
  model1: model1Schema,
  model2: model2Schema,
  ntm: ntmSchema,
  lore: loreSchema,
  bt: btSchema,
} as const
export type ModelName = keyof typeof MODEL_SCHEMAS
export const MODEL_NAMES = Object.keys(MODEL_SCHEMAS) as ModelName[]

export const BASE_REWARDS = ['zero_rw', 'map_rw'] as const
export const BACKENDS = ['auto', 'fused', 'wasm', 'cpu'] as const
export type BackendChoice = (typeof BACKENDS)[number]

/** `exp_config.yaml` as it stands on disk: every section optional, nothing unknown. */
export const experimentFileSchema = z.strictObject({
  trainer: trainerSchema.optional(),
  caimira: caimiraSchema.optional(),
  model1: model1Schema.optional(),
  model2: model2Schema.optional(),
  ntm: ntmSchema.optional(),
  lore: loreSchema.optional(),
  bt: btSchema.optional(),
})

export const LONGEST_NAME = 100

/** A folder name that works everywhere and cannot climb out of the log folder. */
export const nameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
    'must be 1–100 letters, digits, ".", "_" or "-", and start with a letter or digit',
  )

const common = {
  exp_name: nameSchema.default('default_exp'),
  exp_version: nameSchema.default('v0'),
  rw_model_name: z.enum(BASE_REWARDS).default('zero_rw'),
  /** `all`, `none`, or column names and prefixes. */
  features: z.union([z.enum(['all', 'none']), z.array(z.string().min(1)).min(1)]).default('none'),
  backend: z.enum(BACKENDS).default('auto'),
  threads: z.int().positive().max(64).optional().describe('Threads of the fused engine; results do not depend on it'),
  data: dataConfigSchema,
  trainer: trainerSchema,
}

/** The whole, resolved experiment: what a run's `hparams.yaml` holds and what the engine receives. */
export const experimentSchema = z.discriminatedUnion('model_name', [
  z.strictObject({ ...common, model_name: z.literal('caimira'), caimira: caimiraSchema }),
  z.strictObject({ ...common, model_name: z.literal('model1'), model1: model1Schema }),
  z.strictObject({ ...common, model_name: z.literal('model2'), model2: model2Schema }),
  z.strictObject({ ...common, model_name: z.literal('ntm'), ntm: ntmSchema }),
  z.strictObject({ ...common, model_name: z.literal('lore'), lore: loreSchema }),
  z.strictObject({ ...common, model_name: z.literal('bt'), bt: btSchema }),
])
export type ExperimentConfig = z.infer<typeof experimentSchema>

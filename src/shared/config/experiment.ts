import { z } from 'zod'
import { dataConfigSchema } from './data'
import { about } from './describe'
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
export const BACKENDS = ['auto', 'fused', 'tensorflow', 'wasm', 'cpu'] as const
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

/** What stands above the sections: what the command line has flags of their own for. */
const settings = {
  exp_name: nameSchema
    .default('default_exp')
    .meta(about({ title: 'Experiment', description: 'Folder of its runs in the log folder.', group: 'experiment' })),
  exp_version: nameSchema.default('v0').meta(
    about({
      title: 'Run',
      description: 'Folder of this run; a taken name gets -2, -3 and so on.',
      group: 'experiment',
    }),
  ),
  rw_model_name: z
    .enum(BASE_REWARDS)
    .default('zero_rw')
    .meta(
      about({
        title: 'Base reward',
        description: 'The reward that is the same for everybody; the model learns what each user adds to it.',
        group: 'experiment',
        choices: { zero_rw: 'none', map_rw: 'rewards that come with the data' },
      }),
    ),
  /** `all`, `none`, or column names and prefixes. */
  features: z
    .union([z.enum(['all', 'none']), z.array(z.string().min(1)).min(1)])
    .default('none')
    .meta(
      about({
        title: 'User features',
        description: 'Columns of the pairs that describe the user: all, none, or column names and their beginnings.',
        group: 'experiment',
      }),
    ),
  backend: z
    .enum(BACKENDS)
    .default('auto')
    .meta(
      about({
        title: 'Backend',
        description: 'What computes the model.',
        group: 'machine',
        choices: {
          auto: 'the fastest that knows the model',
          fused: 'SIMD kernels on several threads',
          tensorflow: 'TensorFlow, on a graphics card or without one; set up by npm run setup:tensorflow',
          wasm: 'TensorFlow.js on WebAssembly',
          cpu: 'TensorFlow.js in plain JavaScript, slow',
        },
      }),
    ),
  threads: z
    .int()
    .positive()
    .max(64)
    .optional()
    .meta(
      about({
        title: 'Threads',
        description:
          'Threads of the fused backend; as many as are of use where it is not given. Results do not depend on it.',
        group: 'machine',
        only: { key: '/backend', is: ['auto', 'fused'] },
      }),
    ),
}
const common = { ...settings, data: dataConfigSchema, trainer: trainerSchema }

/**
 * An experiment as a person writes it in one document: the settings of the command line, and under them the sections of
 * `exp_config.yaml`. What is left out takes its default.
 */
export const experimentDocumentSchema = z.strictObject({
  dts_name: z
    .string()
    .min(1)
    .meta(about({ title: 'Data set', description: 'A section of the data configuration.', group: 'experiment' })),
  dts_config_file: z
    .string()
    .min(1)
    .optional()
    .meta(
      about({
        title: 'Data configuration',
        description: 'The YAML file that has the section; configs/data_configs.yaml where it is not given.',
        group: 'experiment',
      }),
    ),
  model_name: z
    .enum(MODEL_NAMES)
    .default('caimira')
    .meta(
      about({
        title: 'Model',
        description: 'What is trained.',
        group: 'experiment',
        choices: {
          caimira: 'relevance and difficulty of answers, skills of users (multidimensional item response theory)',
          model1: 'a product of prompt, answer and user factors',
          model2: 'prompt and answer projected and joined, against a bounded user vector',
          ntm: 'a neural topic model over word counts, whose topics feed a caimira head',
          lore: 'low-rank rewards that users mix',
          bt: 'one reward for everybody, the yardstick',
        } satisfies Record<ModelName, string>,
      }),
    ),
  ...settings,
  ...experimentFileSchema.shape,
})
export type ExperimentDocument = z.infer<typeof experimentDocumentSchema>

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

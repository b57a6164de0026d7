import { expect, test } from 'vitest'
import { MODEL_NAMES, MODEL_SCHEMAS, experimentFileSchema, experimentSchema, nameSchema } from './experiment'
import { trainerSchema } from './trainer'

test.for(['..', '.', '', '.hidden', '-rf', 'a/b', 'a\\b', 'a\n', 'a b', 'ä', 'a\0', 'x'.repeat(101), ' a'])(
  'the name %o climbs out of the log folder, or breaks a shell',
  (name) => expect(nameSchema.safeParse(name).success).toBe(false),
)

test.for(['v0', 'default_exp', '2024-01-01', 'a.b', 'V', '0', 'x'.repeat(100)])('the name %s is refused', (name) => {
  expect(nameSchema.safeParse(name).success).toBe(true)
})

test('a model has no section in the file, or none in the experiment', () => {
  for (const name of MODEL_NAMES) {
    expect(experimentFileSchema.shape).toHaveProperty(name)
    const data = { dts_name: 'd', dts_path: '/', train: { df_file: '/a', text_file: '/b', emb_file: '/c' } }
    const config = experimentSchema.parse({ model_name: name, [name]: {}, data, trainer: {} })
    expect(config).toMatchObject({ model_name: name, [name]: MODEL_SCHEMAS[name].parse({}), features: 'none' })
  }
})

test("defaults differ from the reference's", () => {
  expect(trainerSchema.parse({})).toEqual({
    max_epochs: 100,
    batch_size: 512,
    optimizer: 'Adam',
    learning_rate: 2e-3,
    betas: [0.9, 0.999],
    eps: 1e-8,
    weight_decay: 0,
    scheduler: 'none',
    warmup_steps: -1,
    min_lr: 1e-7,
    plateau_factor: 0.1,
    plateau_patience: 10,
    patience: 1e9,
    test_on: 'best',
    seed: 0,
    table_dtype: 'float32',
    table_streaming: 'never',
    num_workers: 2,
  })
  expect(MODEL_SCHEMAS.caimira.parse({})).toEqual({
    n_dim: 5,
    lambda_s: 1e-6,
    lambda_d: 1e-6,
    r_temperature: 0.5,
    centering: 'pooled',
  })
})

test('two experiments share the lists of their defaults', () => {
  const one = trainerSchema.parse({})
  one.betas[0] = 0
  expect(trainerSchema.parse({}).betas).toEqual([0.9, 0.999])
})

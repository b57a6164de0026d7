import { expect, test } from 'vitest'
import { z } from 'zod'
import { dataSectionSchema } from './data'
import { experimentFileSchema, experimentSchema } from './experiment'
import { explain, knownKeys } from './explain'

/** `key: message` for everything wrong with an experiment file. */
function complaints(value: unknown, schema: z.ZodType = experimentFileSchema): string[] {
  const parsed = schema.safeParse(value)
  return parsed.success
    ? []
    : explain(schema, value, parsed.error).map(({ keys, message }) => `${keys.join('.')}: ${message}`)
}

test.for<[unknown, string]>([
  [{ trainer: { batchsize: 1 } }, 'trainer.batchsize: unknown key "batchsize". Did you mean "batch_size"?'],
  [{ trainr: {} }, 'trainr: unknown key "trainr". Did you mean "trainer"?'],
  [{ trainer: { zzz: 1 } }, 'trainer.zzz: unknown key "zzz".'],
  [{ trainer: 5 }, 'trainer: must be a section of keys, not 5'],
  [{ trainer: [1] }, 'trainer: must be a section of keys, not [1]'],
  [{ trainer: { batch_size: '32' } }, 'trainer.batch_size: must be a number, not "32"'],
  [{ trainer: { batch_size: 32.5 } }, 'trainer.batch_size: must be a whole number, not 32.5'],
  [{ trainer: { batch_size: 0 } }, 'trainer.batch_size: must be more than 0, not 0'],
  [{ trainer: { batch_size: 1e30 } }, 'trainer.batch_size: must be at most 9007199254740991, not 1e+30'],
  [{ trainer: { learning_rate: NaN } }, 'trainer.learning_rate: must be a number, not NaN'],
  [{ trainer: { learning_rate: Infinity } }, 'trainer.learning_rate: must be a number, not Infinity'],
  [{ trainer: { learning_rate: null } }, 'trainer.learning_rate: must be a number, not null'],
  [{ trainer: { seed: -1 } }, 'trainer.seed: must be at least 0, not -1'],
  [{ trainer: { seed: 2 ** 32 } }, 'trainer.seed: must be at most 4294967295, not 4294967296'],
  [{ trainer: { betas: [0.9] } }, 'trainer.betas: must have at least 2 items, not [0.9]'],
  [{ trainer: { betas: [0.9, 0.9, 0.9] } }, 'trainer.betas: must have at most 2 items, not [0.9, 0.9, 0.9]'],
  [{ trainer: { betas: 0.9 } }, 'trainer.betas: must be a list, not 0.9'],
  [{ trainer: { betas: [0.9, 1] } }, 'trainer.betas.1: must be less than 1, not 1'],
  [
    { trainer: { scheduler: 'cosin' } },
    'trainer.scheduler: must be one of none, cosine, onecycle, reduce_on_plateau, not "cosin". Did you mean "cosine"?',
  ],
  [{ trainer: { optimizer: 7 } }, 'trainer.optimizer: must be one of Adam, AdamW, SGD, RMSprop, not 7.'],
])('%o is explained badly', ([value, expected]) => expect(complaints(value)).toEqual([expected]))

test('a missing key is not called missing', () => {
  expect(complaints({}, dataSectionSchema)).toEqual(['dts_path: is required', 'train: is required'])
  expect(complaints({ dts_path: '', train: {} }, dataSectionSchema)).toEqual([
    'dts_path: must have at least 1 character, not ""',
    'train.df_file: is required',
    'train.text_file: is required',
    'train.emb_file: is required',
  ])
  expect(
    complaints(
      { dts_path: 'd', prefix_columns: 'user_', train: { df_file: 'a', text_file: 'b', emb_file: 3 } },
      dataSectionSchema,
    ),
  ).toEqual(['prefix_columns: must be a list, not "user_"', 'train.emb_file: must be a string, not 3'])
})

test('only the first of several mistakes is told', () => {
  const all = complaints({ trainer: { a: 1, b: 2, seed: -1, scheduler: 'x' }, caimira: { n_dim: 0 }, nope: 1 })
  expect(all).toHaveLength(6)
})

test('keys of the prototype are taken for known ones, or change it', () => {
  const value: unknown = JSON.parse(
    '{"__proto__": {"x": 1}, "trainer": {"__proto__": 1, "constructor": 2, "toString": 3}}',
  )
  expect(complaints(value)).toEqual(
    expect.arrayContaining([
      'trainer.__proto__: unknown key "__proto__".',
      'trainer.constructor: unknown key "constructor".',
      'trainer.toString: unknown key "toString".',
      '__proto__: unknown key "__proto__".',
    ]),
  )
  expect(Reflect.get({}, 'x')).toBeUndefined()
})

test('a value that holds itself, or billions, hangs the message', () => {
  const loop: unknown[] = []
  loop.push(loop)
  expect(complaints({ trainer: { seed: loop } })).toEqual(['trainer.seed: must be a number, not [[[…]]]'])
  let many: unknown = 'x'
  for (let i = 0; i < 12; i++) many = Array<unknown>(10).fill(many)
  expect(complaints({ trainer: { seed: many } })[0]).toMatch(/^trainer\.seed: must be a number, not \[\[.{10,60}…$/)
})

test('a message is as long as the value it complains of, or lets control characters through', () => {
  expect(complaints({ trainer: { scheduler: '\u001b[31m'.repeat(10_000) } })[0]!.length).toBeLessThan(200)
  expect(complaints({ trainer: { scheduler: '\u001b[31m' } })[0]).toContain('"\\u001b[31m"')
  expect(complaints({ trainer: { ['\u001b'.repeat(500)]: 1 } })[0]!.replace(/^[^:]*/, '').length).toBeLessThan(200)
})

test('knownKeys misses keys behind unions and records', () => {
  expect(knownKeys(experimentFileSchema)).toEqual(expect.arrayContaining(['trainer', 'caimira', 'bt']))
  expect(knownKeys(experimentFileSchema, ['caimira'])).toContain('r_temperature')
  expect(knownKeys(experimentSchema, ['lore'])).toContain('lambda_v')
  expect(knownKeys(experimentFileSchema, ['caimira', 'n_dim'])).toEqual([])
  expect(knownKeys(z.record(z.string(), dataSectionSchema), ['any'])).toContain('dts_path')
})

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { AppError } from '../../shared/errors'
import { FileRoots } from '../files/fileRoots'
import { parseScalar, resolveData, resolveExperiment, type ExperimentRequest } from './resolveExperiment'

const DATA = `
d:
  dts_path: data/d
  vocab_file: vocab.txt
  prefix_columns: [user_]
  train: {df_file: df.jsonl, text_file: ../texts.json, emb_file: /abs/emb.npy}
  dev: {df_file: dev.jsonl, text_file: t.json, emb_file: e.npy, bow_file: b.npz}
  test: {df_file: test.jsonl, text_file: t.json, emb_file: e.npy}
broken:
  dts_path: 5
  trian: {}
`
const EXPERIMENT = `
trainer:
  batch_size: 32
  learning_rate: 1.0e-3
  max_epochs: 7
caimira:
  n_dim: 3
  r_temperature: 0.25
`

let folder: string
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'delta-config-'))
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  fs.mkdirSync(path.join(folder, 'configs'))
  configs(DATA, EXPERIMENT)
})

function configs(data: string, experiment: string): void {
  fs.writeFileSync(path.join(folder, 'configs', 'data_configs.yaml'), data)
  fs.writeFileSync(path.join(folder, 'configs', 'exp_config.yaml'), experiment)
}

const roots = (): { cwd: string; installed: string } => ({ cwd: folder, installed: path.join(folder, 'nowhere') })
type Settings = Record<string, unknown>

function resolve(
  request: Partial<ExperimentRequest> = {},
  settings: Settings = {},
): ReturnType<typeof resolveExperiment> {
  const overrides = new Map(Object.entries(settings).map(([key, value]) => [key, { value, flag: `--set ${key}` }]))
  return resolveExperiment({ dts_name: 'd', ...request, overrides }, roots())
}

function failure(request: Partial<ExperimentRequest> = {}, settings: Settings = {}): AppError {
  try {
    resolve(request, settings)
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('the configuration was accepted')
}

const yaml = (name: string): string => path.join(folder, 'configs', name)

test('a path is resolved against the working folder', () => {
  expect(resolve().config.data).toEqual({
    dts_name: 'd',
    dts_path: path.join(folder, 'configs/data/d'),
    vocab_file: path.join(folder, 'configs/data/d/vocab.txt'),
    prefix_columns: ['user_'],
    train: {
      df_file: path.join(folder, 'configs/data/d/df.jsonl'),
      text_file: path.join(folder, 'configs/data/texts.json'),
      emb_file: '/abs/emb.npy',
    },
    dev: {
      df_file: path.join(folder, 'configs/data/d/dev.jsonl'),
      text_file: path.join(folder, 'configs/data/d/t.json'),
      emb_file: path.join(folder, 'configs/data/d/e.npy'),
      bow_file: path.join(folder, 'configs/data/d/b.npz'),
    },
    test: {
      df_file: path.join(folder, 'configs/data/d/test.jsonl'),
      text_file: path.join(folder, 'configs/data/d/t.json'),
      emb_file: path.join(folder, 'configs/data/d/e.npy'),
    },
  })
})

test('a configuration named on the command line is looked for beside the default one', () => {
  fs.mkdirSync(path.join(folder, 'sub'))
  fs.renameSync(yaml('data_configs.yaml'), path.join(folder, 'sub', 'mine.yaml'))
  expect(resolve({ dts_config_file: 'sub/mine.yaml' }).config.data.dts_path).toBe(path.join(folder, 'sub/data/d'))
  expect(failure({ dts_config_file: 'mine.yaml' })).toMatchObject({ code: 'not_found' })
})

test('the installation’s files are used although the working folder has its own, or not at all', () => {
  const empty = path.join(folder, 'empty')
  fs.mkdirSync(empty)
  const { config } = resolveExperiment({ dts_name: 'd' }, { cwd: empty, installed: folder })
  expect(config.trainer.batch_size).toBe(32)
})

test('another section that is broken stands in the way', () => {
  expect(resolve().config.data.dts_name).toBe('d')
  const error = failure({ dts_name: 'broken' })
  expect(error).toMatchObject({ code: 'config_invalid', details: { file: yaml('data_configs.yaml'), line: 10 } })
  expect(error.details.findings).toEqual([
    'line 10, broken.dts_path: must be a string, not 5',
    'line 9, broken.train: is required',
    'line 11, broken.trian: unknown key "trian". Did you mean "train"?',
  ])
})

test('a mistyped data set is not named, or "constructor" is one', () => {
  expect(failure({ dts_name: 'brokn' })).toMatchObject({
    message: 'There is no data set "brokn". Did you mean "broken"?',
    details: { fix: 'Known data sets: d, broken.' },
  })
  for (const dts_name of ['constructor', '__proto__', 'toString', ''])
    expect(failure({ dts_name })).toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('There is no data set'),
    })
})

test.for<[string, string]>([
  ['- a\n- b\n', 'A data configuration holds one section per data set'],
  ['', 'A data configuration holds one section per data set'],
  ['d:\n', 'd: must be a section of keys, not null'],
  ['d: 5\n', 'd: must be a section of keys, not 5'],
])('the data configuration %o is taken, or explained badly', ([source, message]) => {
  configs(source, EXPERIMENT)
  expect(failure()).toMatchObject({ code: 'config_invalid', message, details: { line: 1 } })
})

test.for(['~/d', '$HOME/d', '${HOME}/d', '%USERPROFILE%/d'])('%s is silently a folder of that name', (dts_path) => {
  configs(DATA.replace('data/d', `'${dts_path}'`), EXPERIMENT)
  const error = failure()
  expect(error.message).toContain('are not expanded')
  expect(error.details).toMatchObject({ line: 3, key: 'd.dts_path' })
})

test('a folder that really is called ~ cannot be used', () => {
  configs(DATA.replace('data/d', '~x'), EXPERIMENT)
  fs.mkdirSync(yaml('~x'))
  expect(resolve().config.data.dts_path).toBe(yaml('~x'))
})

test('a flag that was not given wins over the file, or one that was does not', () => {
  expect(resolve().config).toMatchObject({
    exp_name: 'default_exp',
    exp_version: 'v0',
    model_name: 'caimira',
    trainer: { batch_size: 32, learning_rate: 1e-3, max_epochs: 7, optimizer: 'Adam' },
    caimira: { n_dim: 3, r_temperature: 0.25 },
  })
  const { config } = resolve(
    { exp_name: 'e', exp_version: 'v7', backend: 'cpu' },
    { 'trainer.batch_size': 64, 'caimira.n_dim': 9, 'trainer.betas': [0.8, 0.9] },
  )
  expect(config).toMatchObject({
    exp_name: 'e',
    exp_version: 'v7',
    backend: 'cpu',
    trainer: { batch_size: 64, learning_rate: 1e-3, betas: [0.8, 0.9] },
    caimira: { n_dim: 9, r_temperature: 0.25 },
  })
})

test.for(['caimira', 'model1', 'model2', 'lore'])('--n_dim does not reach %s', (model_name) => {
  expect(resolve({ model_name }, { [`${model_name}.n_dim`]: 4 }).config).toMatchObject({ [model_name]: { n_dim: 4 } })
})

test('a key of another model, or of none, is accepted', () => {
  expect(failure({ model_name: 'bt' }, { 'bt.n_dim': 4 }).message).toBe('--set bt.n_dim: bt has no key "n_dim".')
  expect(failure({}, { 'lore.n_dim': 4 }).message).toMatch(/^--set lore\.n_dim: there is no key "lore\.n_dim"\./)
  expect(failure({}, { 'trainer.min_l': 1 }).message).toBe(
    '--set trainer.min_l: trainer has no key "min_l". Did you mean "min_lr"?',
  )
  expect(failure({}, { 'trainr.seed': 1 }).message).toBe(
    '--set trainr.seed: there is no key "trainr.seed". Did you mean "trainer.seed"?',
  )
  for (const key of [
    '__proto__.x',
    'trainer.__proto__',
    'trainer.constructor',
    'trainer',
    'trainer.a.b',
    'data.dts_path',
  ])
    expect(failure({}, { [key]: 1 })).toMatchObject({ code: 'config_invalid', exitCode: 2 })
  expect(Reflect.get({}, 'x')).toBeUndefined()
})

test('a bad flag is told as a key of the file, or only the first is', () => {
  const error = failure({}, { 'trainer.batch_size': -5, 'trainer.seed': 'abc', 'trainer.betas': [0.9, 2] })
  expect(error.message).toBe('3 mistakes in the settings')
  expect([...(error.details.findings ?? [])].sort()).toEqual([
    '--set trainer.batch_size must be more than 0, not -5',
    '--set trainer.betas must be less than 1, not 2',
    '--set trainer.seed must be a number, not "abc"',
  ])
  expect(failure({ exp_name: '../x' }).message).toMatch(/^--exp_name must be 1–100 letters/)
  expect(failure({ backend: 'gpu' }).message).toMatch(/^--backend must be one of auto, .*, not "gpu"/)
  expect(failure({ rw_model_name: 'map' }).message).toMatch(/^--rw_model_name must be one of zero_rw/)
})

test('a mistyped model is not named', () => {
  expect(failure({ model_name: 'camira' }).message).toBe('There is no model "camira". Did you mean "caimira"?')
  expect(failure({ model_name: '__proto__' }).message).toBe('There is no model "__proto__".')
})

test('mistakes in the experiment file come one at a time, or without a line', () => {
  configs(DATA, 'trainer:\n  batchsize: 1\n  seed: -1\n\ncaimira: {n_dim: 0}\nnope: 1\n')
  const { message, details } = failure()
  expect(message).toBe('4 mistakes in the configuration')
  expect(details).toMatchObject({ file: yaml('exp_config.yaml') })
  expect([...(details.findings ?? [])].sort()).toEqual([
    'line 2, trainer.batchsize: unknown key "batchsize". Did you mean "batch_size"?',
    'line 3, trainer.seed: must be at least 0, not -1',
    'line 5, caimira.n_dim: must be more than 0, not 0',
    'line 6, nope: unknown key "nope".',
  ])
})

test('a data file in place of the configuration is told line by line', () => {
  const keys = Array.from({ length: 1000 }, (_, i) => `zz${i}: 1`)
  configs(DATA, `trainer:\n  ${keys.join('\n  ')}\n`)
  const { message, details } = failure()
  expect(message).toBe('1000 mistakes in the configuration')
  expect(details.findings).toHaveLength(31)
  expect(details.findings?.at(-1)).toBe('and 970 more')
})

test.for(['', '# all defaults\n', 'trainer:\n', 'trainer:\ncaimira:\n  # n_dim: 3\n', '{}'])(
  'the experiment file %o, where nothing is set, is refused',
  (source) => {
    configs(DATA, source)
    expect(resolve().config.trainer.batch_size).toBe(512)
  },
)

test.for(['- 1\n', '5\n', 'text\n'])('the experiment file %o is accepted', (source) => {
  configs(DATA, source)
  expect(failure().message).toMatch(/must be a section of keys/)
})

test.for<[string, unknown]>([
  ['all', 'all'],
  ['none', 'none'],
  [' all ', 'all'],
  ['a', ['a']],
  ['user_age, user_b ,', ['user_age', 'user_b']],
])('--features %o is split badly', ([features, expected]) => {
  expect(resolve({ features }).config.features).toEqual(expected)
})

test.for(['', ',', ' , '])('--features %o selects something', (features) => {
  expect(failure({ features })).toMatchObject({ code: 'config_invalid', message: '--features names no feature' })
})

test('has_user_features of the file wins over --features, or over --set', () => {
  configs(DATA, `${EXPERIMENT}model1: {has_user_features: true}\nmodel2: {has_user_features: false}\n`)
  const of = (model_name: string, features?: string, settings: Settings = {}): unknown =>
    Reflect.get(resolve({ model_name, ...(features !== undefined && { features }) }, settings).config, model_name)
  expect(of('model1')).toMatchObject({ has_user_features: true })
  expect(of('model1', 'none')).toMatchObject({ has_user_features: false })
  expect(of('model2')).toMatchObject({ has_user_features: false })
  expect(of('model2', 'user_a')).toMatchObject({ has_user_features: true })
  expect(of('model1', 'all', { 'model1.has_user_features': false })).toMatchObject({ has_user_features: false })
  expect(of('caimira', 'all')).not.toHaveProperty('has_user_features')
})

test('a warning is missing where figures would mislead', () => {
  expect(resolve().warnings).toEqual([])
  configs(DATA, `${EXPERIMENT}  centering: side\n`.replace('max_epochs: 7', 'num_workers: 4'))
  expect(resolve().warnings.join('\n')).toMatch(/num_workers is ignored.*\n.*a leak/)
  configs(DATA.replace(/ {2}dev:.*\n/, ''), EXPERIMENT)
  expect(resolve().warnings.join()).toMatch(/no dev split: test is used/)
  configs(DATA.replace(/ {2}(dev|test):.*\n/g, ''), EXPERIMENT)
  expect(resolve().warnings.join()).toMatch(/neither a dev nor a test split/)
})

test.for<[string, unknown]>([
  ['1e-6', 1e-6],
  ['true', true],
  ['[0.9, 0.95]', [0.9, 0.95]],
  ['none', 'none'],
  ['-5', -5],
  ['.nan', NaN],
  ['', ''],
  ['a: b: c', 'a: b: c'],
  ['"', '"'],
  ['*x', '*x'],
])('%o is read as something else from the command line', ([text, value]) => expect(parseScalar(text)).toEqual(value))

test('a data configuration is resolved without an experiment', () => {
  fs.rmSync(yaml('exp_config.yaml'))
  expect(resolveData({ dts_name: 'd' }, roots()).dts_name).toBe('d')
})

test('what a page has written vouches for files that nobody allowed', () => {
  const outside = path.join(folder, 'outside.yaml')
  fs.writeFileSync(outside, DATA)
  const files = new FileRoots({ builtIn: [{ path: path.join(folder, 'configs'), trust: 'picked' }] })
  const ask = (dts_config_file?: string) => {
    try {
      return resolveData({ dts_name: 'd', dts_config_file }, { ...roots(), files }).train?.emb_file
    } catch (error) {
      return AppError.from(error).code
    }
  }
  // Files that a person wrote may name any other.
  expect(ask()).toBe('/abs/emb.npy')
  expect(ask(outside)).toBe('forbidden_path')
  files.allow(outside, 'read')
  expect(ask(outside)).toBe('forbidden_path')
  files.allow(outside, 'picked')
  expect(ask(outside)).toBe('/abs/emb.npy')
  files.checkTarget(yaml('data_configs.yaml'))
  expect(ask()).toBe('forbidden_path')
})

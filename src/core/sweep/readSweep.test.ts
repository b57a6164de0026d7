import fs from 'node:fs'
import path from 'node:path'
import { beforeAll, afterAll, expect, it, test } from 'vitest'
import { AppError } from '../../shared/errors'
import { ROOT, workspace } from '../testing/workspace'
import { grid } from './methods'
import { plannedPoints, readSweep, trialExperiment, type SweepPlan } from './readSweep'

let folder: string
beforeAll(() => {
  folder = workspace()
})
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

const roots = () => ({ cwd: folder, installed: ROOT })

const SOUND = `method: grid
seeds: 1..2
parameters:
  trainer.learning_rate: [0.01, 0.02]
  caimira.n_dim: { min: 2, max: 6, step: 2 }
base:
  dts_name: small
  trainer: { max_epochs: 9, seed: 4 }
`

function read(text: string, name = 'first.yaml'): SweepPlan {
  const file = path.join(folder, name)
  fs.writeFileSync(file, text)
  return readSweep(file, roots())
}

function failure(text: string, name?: string): string[] {
  try {
    read(text, name)
  } catch (thrown) {
    const { message, details } = AppError.from(thrown)
    expect(AppError.from(thrown).code).toBe('config_invalid')
    expect(details.file).toBe(path.join(folder, name ?? 'first.yaml'))
    return details.findings ? [...details.findings] : [`line ${details.line}, ${message}`]
  }
  throw new Error('the file was read')
}

it('a sound file is read otherwise than it says', () => {
  const plan = read(SOUND)
  expect(plan).toMatchObject({ name: 'first', direction: 'minimize', seeds: [1, 2], warnings: [] })
  expect(grid(plan.search.space, 100)).toEqual(
    [0.01, 0.02].flatMap((rate) => [2, 4, 6].map((n) => ({ 'trainer.learning_rate': rate, 'caimira.n_dim': n }))),
  )
  expect(plannedPoints(plan)).toBe(6)
})

it('a trial is not the base with its point and seed, or its batches are not those of all', () => {
  const plan = read(SOUND)
  const point = { 'trainer.learning_rate': 0.02, 'caimira.n_dim': 4 }
  const { config, request } = trialExperiment(plan, point, 2, 't001-s2', roots())
  expect(config).toMatchObject({
    exp_name: 'first',
    exp_version: 't001-s2',
    caimira: { n_dim: 4 },
    trainer: { learning_rate: 0.02, seed: 2, data_seed: 4, max_epochs: 9 },
  })
  expect(request.changes).toMatchObject({ 'trainer.seed': 2, 'trainer.data_seed': 4 })
})

test.each([
  [
    'an unknown key',
    SOUND.replace('method', 'methud'),
    [
      'method: must be one of grid, random, tpe, asha, not nothing',
      'line 1, methud: unknown key "methud". Did you mean "method"?',
    ],
  ],
  [
    'an unknown method',
    SOUND.replace('grid', 'gird'),
    ['line 1, method: must be one of grid, random, tpe, asha, not "gird". Did you mean "grid"?'],
  ],
  [
    'a key that the model has not',
    SOUND.replace('caimira.n_dim', 'caimira.n_dims'),
    [
      'line 5, parameters.caimira.n_dims: there is no key "caimira.n_dims" that caimira can try. Did you mean "caimira.n_dim"?',
    ],
  ],
  [
    'a value that is impossible',
    SOUND.replace('0.02', '-1'),
    ['line 4, parameters.trainer.learning_rate.values.1: must be more than 0, not -1'],
  ],
  [
    'an end of a range that is impossible',
    SOUND.replace('min: 2', 'min: 0'),
    ['line 5, parameters.caimira.n_dim.min: must be more than 0, not 0'],
  ],
  [
    'an empty range',
    SOUND.replace('max: 6', 'max: 2'),
    ['line 5, parameters.caimira.n_dim: min must be less than max, not 2 and 2'],
  ],
  [
    'a range of text',
    SOUND.replace('caimira.n_dim', 'trainer.scheduler'),
    ['line 5, parameters.trainer.scheduler: takes no range: list its values'],
  ],
  [
    'a grid without steps',
    SOUND.replace('[0.01, 0.02]', '{ min: 0.1, max: 1 }'),
    ['line 4, parameters.trainer.learning_rate: needs a list of values, or a step, for a grid'],
  ],
  [
    'the seed as a parameter',
    SOUND.replace('caimira.n_dim', 'trainer.seed'),
    ['line 5, parameters.trainer.seed: is no parameter: list the seeds under `seeds`'],
  ],
  [
    'an unknown data set',
    SOUND.replace('small', 'smal'),
    ['line 7, base.dts_name: There is no data set "smal". Did you mean "small"?'],
  ],
  [
    'a mistake in the base',
    SOUND.replace('max_epochs', 'max_epoch'),
    ['line 8, base.trainer.max_epoch: unknown key "max_epoch". Did you mean "max_epochs"?'],
  ],
  ['seeds that are none', SOUND.replace('1..2', '2..1'), ['line 2, seeds: must be a list, not "2..1"']],
  [
    'random without a budget',
    SOUND.replace('grid', 'random'),
    ['budget.trials: is required by random: trials (points × seeds) at most'],
  ],
  [
    'fewer trials than seeds',
    `${SOUND}budget: { trials: 1 }\n`,
    ['line 9, budget.trials: must be at least the number of seeds, 2, not 1: a point is trained with each'],
  ],
  [
    'an option of another method',
    `${SOUND}options: { startup: 3 }\n`,
    ['line 9, options.startup: says nothing to grid, which has no options'],
  ],
  [
    'a condition on nothing',
    SOUND.replace('step: 2', 'step: 2, when: { trainer.lr: 1 }'),
    ['line 5, parameters.caimira.n_dim.when: a condition names another parameter, and "trainer.lr" is none.'],
  ],
  [
    'a condition that never holds',
    SOUND.replace('step: 2', 'step: 2, when: { trainer.learning_rate: 0.3 }'),
    [
      'line 5, parameters.caimira.n_dim.when.trainer.learning_rate: waits for trainer.learning_rate to be 0.3, which it never is',
    ],
  ],
  [
    'a value listed twice',
    SOUND.replace('[0.01, 0.02]', '[0.01, 0.02, 0.01]'),
    ['line 4, parameters.trainer.learning_rate.values: lists 0.01 twice'],
  ],
  [
    'a name given by the sweep',
    SOUND.replace('dts_name', 'exp_version: mine\n  dts_name'),
    ['line 7, base.exp_version: is given by the sweep: t000-s0, t000-s1, …'],
  ],
  [
    'asha by what is tested last',
    `${SOUND.replace('grid', 'asha')}metric: test_acc\nbudget: { trials: 8 }\noptions: { min_epochs: 9 }\n`,
    [
      'line 9, metric: asha judges by val_loss or val_acc while training, not by test_acc',
      'line 11, options.min_epochs: must be less than trainer.max_epochs, or nothing is halved',
    ],
  ],
] as const)('%s is let through, or not told where and how', (_, text, said) => {
  const found = failure(text)
  expect(found).toHaveLength(said.length)
  for (const [i, one] of said.entries()) expect(found[i]).toContain(one)
})

it('a name that no folder can have is taken from the file', () => {
  expect(failure(SOUND, 'a b.yaml')[0]).toContain('takes the file\'s name, "a b"')
  expect(read(SOUND.replace('dts_name', 'exp_name: fine\n  dts_name'), 'a b.yaml').name).toBe('fine')
})

it('says nothing of a choice by test figures, or of points that the budget leaves out', () => {
  const { warnings, search } = read(`${SOUND}metric: test_acc\nbudget: { trials: 5 }\n`)
  expect(search).toMatchObject({ direction: 'maximize', points: 2 })
  expect(warnings).toEqual(
    [expect.stringContaining('optimistic'), expect.stringContaining('2 of the grid’s 6'.replace('’', "'"))].reverse(),
  )
})

test.each(['sample', 'convarg'])('configs/sweeps/%s.yaml does not hold', (name) => {
  const plan = readSweep(path.join(ROOT, 'configs', 'sweeps', `${name}.yaml`), { cwd: ROOT, installed: ROOT })
  expect(plan.warnings).toEqual([])
  if (name === 'convarg') expect(plannedPoints(plan) * plan.seeds.length).toBe(64)
})

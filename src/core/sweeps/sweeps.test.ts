import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { RequestInput, RequestOutput, Route } from '../../shared/api/requests'
import type { SweepView } from '../../shared/domain/sweeps'
import { createCore, type Core } from '../createCore'
import { childProcessSpawner } from '../engine/childProcessSpawner'
import { askCore } from '../testing/coreIn'
import { ENGINE, ROOT, buildCli, workspace } from '../testing/workspace'
import { sharesOf } from './costs'

let cwd: string
let n = 0
beforeAll(() => {
  buildCli()
  cwd = workspace()
})
afterAll(() => fs.rmSync(cwd, { recursive: true, force: true }))

let core: Core
let dataDir: string
let logDir: string
const open = (): Core =>
  createCore({ logDir, dataDir, spawner: childProcessSpawner(ENGINE), roots: { cwd, installed: ROOT } })
beforeEach(() => {
  n++
  dataDir = path.join(cwd, `data-${n}`)
  logDir = path.join(cwd, `logs-${n}`)
  core = open()
  return () => core.close()
})

const ask = <R extends Route>(route: R, input: RequestInput<R>): Promise<RequestOutput<R>> =>
  askCore(core, route, input)
const refused = async (route: Route, input: unknown): Promise<string> => {
  const reply = await core.request(route, input)
  return reply.ok ? 'done' : reply.error.code
}

const sweepOf = (epochs: number, more = 'budget: { trials: 4 }'): string => `# rates
method: random
seeds: 1..2
parameters:
  trainer.learning_rate: { min: 0.001, max: 0.1, scale: log } # a rate
  caimira.n_dim: [2, 3, 5]
base:
  dts_name: small
  exp_name: rates
  # short
  trainer: { max_epochs: ${epochs}, batch_size: 64, patience: ${epochs} }
${more}
`

const view = (name = 'rates'): Promise<SweepView> => ask('sweeps.get', { name })
async function running(): Promise<void> {
  await expect.poll(async () => (await view()).sweep.counts.running ?? 0).toBeGreaterThan(0)
}
/** Every trial of the first pass has an epoch behind it. */
async function begun(): Promise<void> {
  const epochs = async (): Promise<number[]> => (await view()).trials.map((trial) => trial.epochs ?? 0)
  await expect.poll(async () => (await epochs()).filter((done) => done > 0).length).toBe(4)
}
async function until(status: SweepView['sweep']['status'], name = 'rates'): Promise<SweepView> {
  await expect.poll(async () => (await view(name)).sweep.status, { interval: 100 }).toBe(status)
  return view(name)
}

test('a sweep of the window is not trained, has another best, costs another time, or its best has no checkpoint of its own', async () => {
  const heard: string[] = []
  core.subscribe(({ event }) => heard.push(event))
  expect(await ask('sweeps.list', {})).toEqual({ sweeps: [], unreadable: [] })
  expect(await ask('sweeps.start', { yaml: sweepOf(3) })).toEqual({ name: 'rates', dir: path.join(logDir, 'rates') })
  const { sweep, trials, ranking, parameters } = await until('finished')
  expect(sweep).toMatchObject({ trials: 4, counts: { finished: 4 }, worker: null, error: null, seeds: 2 })
  expect(heard).toContain('sweeps.changed')
  expect(parameters).toEqual(['trainer.learning_rate', 'caimira.n_dim'])
  const means = [0, 1].map((point) => {
    const own = trials.filter((trial) => trial.point === point).map(({ metric }) => metric ?? NaN)
    return (own[0]! + own[1]!) / 2
  })
  expect(ranking[0]?.metric).toBeCloseTo(Math.min(...means), 12)
  expect(trials.every(({ seconds, epochs, most }) => (seconds ?? 0) > 0 && epochs === 3 && most === 3)).toBe(true)

  const { id, dir, trial } = await ask('sweeps.promote', { name: 'rates', exp_name: 'best' })
  const chosen = trials[trial]!
  expect(chosen.point).toBe(ranking[0]?.point)
  expect(chosen.metric).toBe(Math.min(...trials.filter((one) => one.point === chosen.point).map((one) => one.metric!)))
  const file = 'checkpoints/best.safetensors'
  expect(fs.readFileSync(path.join(dir, file))).toEqual(fs.readFileSync(path.join(chosen.dir!, file)))
  const { run } = await ask('runs.get', { id })
  expect(run).toMatchObject({ exp_name: 'best', exp_version: 'v0', status: 'finished', result: { runId: id, dir } })
  // The sweep gone, its best is as good as before.
  fs.rmSync(path.join(logDir, 'rates'), { recursive: true })
  expect((await ask('runs.evaluate', { id, split: 'test' })).evaluation.split).toBe('test')

  expect(await ask('sweeps.list', {})).toMatchObject({ sweeps: [] })
})

test('a sweep that is stopped, or whose window is closed, is not found again, or does not go on with more trials', async () => {
  await ask('sweeps.start', { yaml: sweepOf(100_000) })
  await begun()
  expect((await view()).sweep).toMatchObject({ status: 'running', worker: { ours: true } })
  expect(core.running).toBe(1)
  expect(await refused('sweeps.resume', { name: 'rates' })).toBe('usage')
  await ask('sweeps.stop', { name: 'rates' })
  const stopped = await until('stopped')
  expect(stopped.sweep.counts).toEqual({ stopped: 4 })
  expect(stopped.trials.every(({ epochs }) => (epochs ?? 0) > 0)).toBe(true)

  await ask('sweeps.resume', { name: 'rates' })
  await running()
  // A window that closes ends it in good order; the next one finds it.
  await core.close()
  core = open()
  expect((await view()).sweep).toMatchObject({ status: 'stopped', counts: { interrupted: 4 } })
  expect((await ask('sweeps.list', {})).sweeps.map(({ name }) => name)).toEqual(['rates'])
  expect(await refused('sweeps.addTrials', { name: 'rates', trials: 4 })).toBe('usage')
  await ask('sweeps.addTrials', { name: 'rates', trials: 6 })
  expect((await view()).yaml).toContain('budget: { trials: 6 }')
  await running()
  expect((await view()).sweep.trials).toBe(6)
  await ask('sweeps.stop', { name: 'rates' })
  await until('stopped')
})

test('a sweep of the window goes to another cluster than it names, or to one that cannot train it', async () => {
  const sweep = sweepOf(3)
  const profile = '# mine\nlauncher: slurm\npoll_seconds: 1\n'
  await ask('clusters.save', { name: 'mine', yaml: profile })
  expect(await refused('sweeps.start', { yaml: sweep, cluster: 'other' })).toBe('not_found')
  expect(await refused('sweeps.start', { yaml: sweep, cluster: '../clusters/mine' })).toBe('usage')
  fs.writeFileSync(path.join(dataDir, 'clusters', 'broken.yaml'), 'launcher: none\n')
  expect(await refused('sweeps.start', { yaml: sweep, cluster: 'broken' })).toBe('config_invalid')
  expect(fs.existsSync(logDir)).toBe(false)

  const before = process.env['PATH']
  // No Slurm here, whatever machine this is.
  process.env['PATH'] = cwd
  try {
    await ask('sweeps.start', { yaml: sweep, cluster: 'mine' })
    expect(fs.readFileSync(path.join(logDir, 'rates', 'cluster.yaml'), 'utf8')).toBe(profile)
    const { sweep: ended } = await until('stopped')
    expect(ended.error).toMatchObject({ code: 'service_failed' })
    expect(ended.error?.message).toBe('sbatch failed: it is not on this machine')
  } finally {
    process.env['PATH'] = before
  }
})

test('a sweep that is paused goes on by itself, or loses what it learned; trials that are added while it is trained are not trained', async () => {
  // More than a second of training, of which the pause needs a tenth.
  await ask('sweeps.start', { yaml: sweepOf(1500) })
  await begun()
  expect(await refused('sweeps.addTrials', { name: 'rates', trials: 4 })).toBe('usage')
  await ask('sweeps.addTrials', { name: 'rates', trials: 6 })
  await ask('sweeps.pause', { name: 'rates' })
  const paused = await until('paused')
  expect(paused.sweep).toMatchObject({ worker: null, trials: 6, error: null })
  expect(paused.trials.every(({ status, epochs }) => status === 'stopped' && (epochs ?? 0) > 0)).toBe(true)
  expect(await refused('sweeps.pause', { name: 'rates' })).toBe('usage')
  await core.close()
  core = open()
  expect((await view()).sweep.status).toBe('paused')
  await ask('sweeps.resume', { name: 'rates' })
  await running()
  await ask('sweeps.addTrials', { name: 'rates', trials: 8 })
  const { sweep, trials } = await until('finished')
  expect([sweep.trials, trials.length, sweep.counts]).toEqual([8, 8, { finished: 8 }])
})

test('a grid with more values trains its points again, loses some, or takes other keys than it began with', async () => {
  const grid = (rates: string): string =>
    `method: grid\nparameters:\n  trainer.learning_rate: ${rates}\n  caimira.n_dim: [2, 3] # few\nbase: { dts_name: small, exp_name: rates, trainer: { max_epochs: 2 } }\n`
  await ask('sweeps.start', { yaml: grid('[0.01, 0.02]') })
  const before = await until('finished')
  expect(before.values).toEqual({ 'trainer.learning_rate': [0.01, 0.02], 'caimira.n_dim': [2, 3] })
  const add = { name: 'rates', values: { 'trainer.learning_rate': [0.005, 0.01, 0.02] } }
  for (const values of [{ 'trainer.learning_rate': [0.02, 0.03] }, { 'trainer.weight_decay': [0, 1] }, {}])
    expect(await refused('sweeps.addTrials', { name: 'rates', values })).toBe('usage')
  expect((await view()).yaml).toBe(grid('[0.01, 0.02]'))
  await ask('sweeps.addTrials', add)
  const { trials, sweep, yaml } = await until('finished')
  expect(yaml).toBe(grid('[0.005, 0.01, 0.02]'))
  expect(sweep).toMatchObject({ trials: 6, counts: { finished: 6 } })
  expect(trials.slice(0, 4).map(({ runId }) => runId)).toEqual(before.trials.map(({ runId }) => runId))
  expect(trials.slice(4).map(({ parameters }) => parameters)).toEqual([
    { 'trainer.learning_rate': 0.005, 'caimira.n_dim': 2 },
    { 'trainer.learning_rate': 0.005, 'caimira.n_dim': 3 },
  ])
  expect(await refused('sweeps.addTrials', add)).toBe('usage')
})

describe('a text', () => {
  test('says other trials than it has, or loses a comment when the form changes a key', async () => {
    const checked = await ask('sweeps.check', {
      yaml: sweepOf(3),
      changes: {
        method: 'grid',
        seeds: '0..4',
        'budget.trials': null,
        'base.trainer.max_epochs': 7,
        'base.model_name': 'caimira',
        'parameters.trainer.learning_rate': { values: [0.001, 0.01] },
        'parameters.trainer.weight_decay': { min: 1e-4, max: 1, scale: 'log', step: 0.1 },
      },
    })
    expect(checked.yaml).toBe(`# rates
method: grid
seeds: 0..4
parameters:
  trainer.learning_rate: [0.001, 0.01] # a rate
  caimira.n_dim: [2, 3, 5]
  trainer.weight_decay: { min: 1.0e-4, max: 1, step: 0.1, scale: log }
base:
  dts_name: small
  model_name: caimira
  exp_name: rates
  # short
  trainer: { max_epochs: 7, batch_size: 64, patience: 3 }
`)
    expect(checked.problems).toMatchObject([{ key: 'parameters.trainer.weight_decay', line: 7 }])
    const { plan, settings, values } = await ask('sweeps.check', {
      yaml: checked.yaml,
      changes: { 'parameters.trainer.weight_decay': null },
    })
    expect(plan).toMatchObject({ points: 6, trials: 30, name: 'rates', file: 'rates.yaml' })
    expect(settings).toEqual({ method: 'grid', seeds: '0..4' })
    expect(values).toMatchObject({ dts_name: 'small', 'trainer.max_epochs': 7 })
  })

  test('with mistakes has them told one at a time, or at another line', async () => {
    const yaml = sweepOf(3).replace('max: 0.1', 'max: 1e-4').replace('[2, 3, 5]', '[2, -3]').replace('random', 'rndom')
    const first = await ask('sweeps.check', { yaml })
    expect(first.problems).toMatchObject([{ key: 'method', line: 2, fix: { insert: 'random' } }])
    const { problems, plan } = await ask('sweeps.check', { yaml: yaml.replace('rndom', 'random') })
    expect(problems.map(({ key, line }) => [key, line])).toEqual([['parameters.trainer.learning_rate', 5]])
    expect(plan).toBeNull()
    expect(await refused('sweeps.start', { yaml })).toBe('config_invalid')
    expect(fs.existsSync(logDir)).toBe(false)
    expect((await ask('sweeps.check', { yaml: 'a: [' })).readable).toBe(false)
  })

  test('made of an experiment keeps its version or loses its comments', async () => {
    const experiment = 'dts_name: small # mine\nexp_version: v7\n\ntrainer:\n  # short\n  max_epochs: 2\n'
    const { yaml } = await ask('sweeps.draft', { origin: { kind: 'experiment', yaml: experiment } })
    expect(yaml).toBe(
      'method: grid\nmetric: val_loss\nseeds: 0..2\nparameters:\nbase:\n  dts_name: small # mine\n\n  trainer:\n    # short\n    max_epochs: 2\n',
    )
    const { files } = await ask('sweeps.files', {})
    expect(files.map(({ id }) => id)).toEqual(['installed/convarg', 'installed/sample'])
    const sample = await ask('sweeps.draft', { origin: { kind: 'file', id: 'installed/sample' } })
    expect(sample.yaml).toBe(fs.readFileSync(path.join(ROOT, 'configs/sweeps/sample.yaml'), 'utf8'))
  })

  test('is measured otherwise than a dry run of the command line, or the measuring leaves something behind', async () => {
    const plan = await ask('sweeps.plan', { yaml: sweepOf(3), ticket: 'page' })
    expect(plan).toMatchObject({ points: 2, trials: 4 })
    expect(plan.seconds).toBeGreaterThan(0)
    expect(fs.existsSync(logDir)).toBe(false)
  })
})

describe('who has taken over a page', () => {
  const NAMES = ['..', '../x', '/etc', 'a/b', 'a\\b', '.hidden', 'x\0', '', 'a'.repeat(101), 'C:x']
  test.for(NAMES)('cannot leave the log folder by the name %j', async (name) => {
    for (const route of ['sweeps.get', 'sweeps.stop', 'sweeps.pause', 'sweeps.resume'] as const)
      expect(await refused(route, { name })).toBe('usage')
    expect(await refused('sweeps.addTrials', { name, trials: 9 })).toBe('usage')
    expect(await refused('sweeps.promote', { name: 'rates', exp_name: name })).toBe('usage')
    expect(await refused('sweeps.draft', { origin: { kind: 'sweep', name } })).toBe('usage')
    const yaml = sweepOf(3).replace('exp_name: rates', `exp_name: ${JSON.stringify(name)}`)
    expect(await refused('sweeps.start', { yaml })).toBe('config_invalid')
    expect(fs.existsSync(logDir)).toBe(false)
  })

  test('reads a file of configs/sweeps by a path, or a sweep behind a link', async () => {
    expect(await refused('sweeps.draft', { origin: { kind: 'file', id: 'installed/../exp_config' } })).toBe('not_found')
    const elsewhere = path.join(cwd, `elsewhere-${n}`)
    fs.mkdirSync(elsewhere)
    fs.mkdirSync(logDir)
    fs.writeFileSync(path.join(elsewhere, 'sweep.json'), '{}')
    fs.symlinkSync(elsewhere, path.join(logDir, 'link'))
    expect(await refused('sweeps.get', { name: 'link' })).toBe('not_found')
    fs.mkdirSync(path.join(logDir, 'broken'))
    fs.writeFileSync(path.join(logDir, 'broken', 'sweep.json'), '{"format":')
    expect(await refused('sweeps.get', { name: 'broken' })).toBe('unreadable')
    const { sweeps, unreadable } = await ask('sweeps.list', {})
    expect([sweeps, unreadable.length]).toEqual([[], 2])
  })

  test('has keys written that no sweep has, or text that is no value of one', async () => {
    for (const key of ['base.nothing', 'parameters.__proto__', 'base', '__proto__.x', 'record.sweep'])
      expect(await refused('sweeps.check', { yaml: sweepOf(3), changes: { [key]: 1 } })).toBe('config_invalid')
    expect(await refused('sweeps.check', { yaml: sweepOf(3), changes: { method: { a: 1 } } })).toBe('usage')
    expect(await refused('sweeps.check', { yaml: 'x'.repeat(70_000) })).toBe('usage')
    const { yaml, problems } = await ask('sweeps.check', {
      yaml: sweepOf(3),
      changes: { metric: 'val_loss\nbudget: { trials: 9 }' },
    })
    expect(yaml).toContain('metric: "val_loss\\nbudget: { trials: 9 }"')
    expect(problems).toMatchObject([{ key: 'metric' }])
  })
})

test('shares of a time add up to more or less than it, or one that was alone pays for others', () => {
  expect(sharesOf([{ from: 0, to: 10 }])).toEqual([10])
  expect(
    sharesOf([
      { from: 0, to: 10 },
      { from: 0, to: 10 },
      { from: 20, to: 24 },
    ]),
  ).toEqual([5, 5, 4])
  expect(
    sharesOf([
      { from: 0, to: 10 },
      { from: 4, to: 6 },
      { from: 7, to: 7 },
    ]),
  ).toEqual([9, 1, 0])
})

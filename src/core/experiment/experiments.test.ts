import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { load } from 'js-yaml'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { RequestInput, RequestOutput, Route } from '../../shared/api/requests'
import { MODEL_NAMES } from '../../shared/config/experiment'
import { createCore, type Core } from '../createCore'
import { childProcessSpawner } from '../engine/childProcessSpawner'
import { askCore } from '../testing/coreIn'
import { ENGINE, ROOT, buildCli, workspace } from '../testing/workspace'
import { shellWords } from './drafts'

let cwd: string
let core: Core
let n = 0
beforeAll(() => {
  buildCli()
  cwd = workspace()
})
afterAll(() => fs.rmSync(cwd, { recursive: true, force: true }))

let dataDir: string
let logDir: string
beforeEach(() => {
  n++
  dataDir = path.join(cwd, `data-${n}`)
  logDir = path.join(cwd, `logs-${n}`)
  core = createCore({ logDir, dataDir, spawner: childProcessSpawner(ENGINE), roots: { cwd, installed: ROOT } })
  return () => core.close()
})

const ask = <R extends Route>(route: R, input: RequestInput<R>): Promise<RequestOutput<R>> =>
  askCore(core, route, input)
const check = (yaml: string, changes: RequestInput<'experiment.check'>['changes'] = {}, seeds?: string) =>
  ask('experiment.check', { yaml, changes, seeds })
const fails = (route: Route, input: object) => core.request(route, input)

async function finished(id: string): Promise<RequestOutput<'runs.get'>> {
  await expect.poll(async () => (await ask('runs.get', { id })).run.status).toBe('finished')
  return ask('runs.get', { id })
}

/** Runs the command that was shown in a real shell, into another log folder. */
async function byCommand(command: string): Promise<string> {
  const other = path.join(cwd, `by-command-${n}`)
  const line = command.replace(logDir, other).replace('npm run -s delta --', '"$NODE" "$CLI"')
  await promisify(execFile)('/bin/sh', ['-c', line], {
    cwd,
    env: { ...process.env, NODE: process.execPath, CLI: path.join(ROOT, 'out/main/cli.js'), DELTA_HOME: dataDir },
  })
  return other
}
const hparamsOf = (dir: string, run: string): unknown =>
  load(fs.readFileSync(path.join(dir, run, 'hparams.yaml'), 'utf8'))

const SOUND = `dts_name: small # the small one
model_name: model1
exp_name: e

trainer:
  max_epochs: 2
  learning_rate: 0.02 # high
  batch_size: 32
`

describe('a sound document', () => {
  test('is resolved otherwise than its command says', async () => {
    const { problems, readable, values, plan, warnings } = await check(SOUND)
    expect({ problems, readable, warnings }).toEqual({ problems: [], readable: true, warnings: [] })
    expect(values).toMatchObject({ dts_name: 'small', model_name: 'model1', 'trainer.learning_rate': 0.02 })
    // batch_size 32 is what exp_config.yaml of the folder says anyhow.
    expect(plan?.command).toBe(
      `npm run -s delta -- train --dts_name small --exp_name e --model_name model1 --max_epochs 2 --learning_rate 0.02 --log_dir ${logDir}`,
    )
    expect(load(plan?.resolved ?? '')).toMatchObject({
      model_name: 'model1',
      trainer: { max_epochs: 2, batch_size: 32, learning_rate: 0.02 },
      model1: { n_dim: 5 },
    })
  })

  test('leaves out what exp_config.yaml sets, and it comes back', async () => {
    const { plan } = await check('dts_name: small\n')
    expect(plan?.command).toBe(
      `npm run -s delta -- train --dts_name small --max_epochs 100 --batch_size 512 --learning_rate 0.002 --log_dir ${logDir}`,
    )
    expect(load(plan?.resolved ?? '')).toMatchObject({ trainer: { batch_size: 512, max_epochs: 100 } })
  })

  test('changes of a form touch anything but the value', async () => {
    const changes = {
      'trainer.max_epochs': 7,
      'trainer.seed': 3,
      dts_name: 'small',
      'model1.dropout': 0.2,
      exp_name: null,
    }
    const { yaml, plan } = await check(SOUND, changes)
    expect(yaml).toBe(
      SOUND.replace('max_epochs: 2', 'max_epochs: 7')
        .replace('exp_name: e\n', '')
        .replace('batch_size: 32\n', 'batch_size: 32\n  seed: 3\n\nmodel1:\n  dropout: 0.2\n'),
    )
    expect(plan?.command).toContain('--seed 3 --set model1.dropout=0.2')
  })

  test.for(MODEL_NAMES)('%s with every kind of value says on the command line what it says as text', async (model) => {
    const text = `dts_name: small\nmodel_name: ${model}\nfeatures: [user_a]\nbackend: cpu\ntrainer: { betas: [0.5, 0.6], gradient_clip_val: 1e-3, optimizer: SGD, num_workers: 0 }\n`
    const { plan, problems, warnings } = await check(text)
    expect(problems).toEqual([])
    const words = shellWords(plan!.command).slice(4)
    // Read back by the command line's own parser: flags, then settings.
    expect(words).toContain('trainer.betas=[0.5,0.6]')
    expect(words.join(' ')).toContain('--features user_a --backend cpu')
    expect(warnings.length > 0).toBe(!['model1', 'ntm'].includes(model))
  })
})

describe('mistakes', () => {
  test('are told one by one, or without their place', async () => {
    const text = `dts_name: small
model_name: camira
trainer:
  max_epochs: 0
  learning_rte: 0.1
  betas: [0.9, 2]
caimira:
  n_dim: "many" # letters
colour: red
`
    const { problems, plan, readable } = await check(text)
    expect({ plan, readable }).toEqual({ plan: null, readable: true })
    const seen = problems.map(({ key, line, column, message, fix }) => [key, line, column, message, fix?.label])
    expect(seen).toEqual(
      expect.arrayContaining([
        ['model_name', 2, 13, expect.stringContaining('Did you mean "caimira"?'), 'Use caimira'],
        ['trainer.max_epochs', 4, 15, 'Must be more than 0, not 0', undefined],
        ['trainer.learning_rte', 5, 3, expect.stringContaining('Unknown key'), 'Rename to learning_rate'],
        ['trainer.betas.1', 6, 10, 'Must be less than 1, not 2', undefined],
        ['caimira.n_dim', 8, 10, 'Must be a number, not "many"', undefined],
        ['colour', 9, 1, expect.stringContaining('Unknown key'), undefined],
      ]),
    )
    const { fix } = problems.find(({ key }) => key === 'trainer.learning_rte')!
    const repaired = text.slice(0, fix!.from) + fix!.insert + text.slice(fix!.to)
    expect(repaired).toBe(text.replace('learning_rte', 'learning_rate'))
    expect(text.slice(problems.find(({ key }) => key === 'model_name')!.from).startsWith('camira')).toBe(true)
  })

  test.for<[string, string, number, RegExp]>([
    ['dts_name: smal\n', 'dts_name', 1, /no data set "smal".*small/is],
    ['# nothing\n', 'dts_name', 1, /required/i],
    ['dts_name: small\ndts_config_file: configs/nowhere.yaml\n', 'dts_config_file', 2, /no file/i],
    ['dts_name: small\nexp_name: ../up\n', 'exp_name', 2, /letters/],
    ['dts_name: small\nfeatures: ["a,b"]\n', 'features', 2, /comma/],
    ['dts_name: small\ntrainer: 5\n', 'trainer', 2, /section/],
    ['dts_name: small\n\ttrainer: 5\n', '', 2, /tab/],
    ['dts_name: "small\n', '', 2, /not closed/],
    ['a: 1\na: 2\n', '', 2, /twice/],
    ['- 1\n', '', 1, /section/],
    ['dts_name: small\n---\ndts_name: small\n', '', 1, /one is expected/],
    ['text', '', 1, /section/],
  ])('%j is not explained at its place', async ([text, key, line, message]) => {
    const { problems, plan } = await check(text)
    expect(plan).toBeNull()
    expect(problems[0]).toMatchObject({ key, line, message: expect.stringMatching(message) })
  })

  test('in the data are told as mistakes of the document', async () => {
    const { plan } = await check('dts_name: absent\n')
    expect(plan).not.toBeNull()
    await expect(ask('experiment.estimate', { yaml: 'dts_name: absent\n', ticket: 't' })).rejects.toMatchObject({
      code: 'data_invalid',
    })
  })
})

describe('attacks', () => {
  test('a bomb of aliases, deep nesting or thousands of keys takes long or much', async () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]']
    for (let i = 1; i < 30; i++) {
      const [name, before] = [i, i - 1].map((at) => String.fromCharCode(97 + (at % 26)) + at)
      bomb.push(
        `${name}: &${name} [${Array(9)
          .fill(i === 1 ? '*a' : `*${before}`)
          .join(', ')}]`,
      )
    }
    for (const text of [
      bomb.join('\n'),
      `trainer: ${'['.repeat(20_000)}`,
      `trainer: ${'{a: '.repeat(10_000)}1${'}'.repeat(10_000)}`,
      Array.from({ length: 6_000 }, (_, i) => `k${i}: 1`).join('\n'),
      `trainer:\n${Array.from({ length: 5_000 }, (_, i) => `  k${i}: 1`).join('\n')}`,
      `dts_name: ${'x'.repeat(60_000)}`,
      `trainer:\n  betas: [${'1, '.repeat(15_000)}]`,
      `a: &a {b: 1}\ntrainer:\n  <<: [${'*a, '.repeat(9_000)}*a]`,
    ]) {
      const { plan, problems } = await check(text)
      expect(plan).toBeNull()
      expect(problems.length).toBeGreaterThan(0)
      expect(problems.length).toBeLessThanOrEqual(100)
      expect(JSON.stringify(problems).length).toBeLessThan(100_000)
    }
    // What a bomb would expand to never ends.
  })

  test('keys of the prototype change it, or come back as values', async () => {
    const text =
      'dts_name: small\n__proto__: { polluted: 1 }\nconstructor: { prototype: { polluted: 1 } }\ntrainer: { __proto__: { max_epochs: 7 } }\n'
    const { problems, values } = await check(text)
    expect(problems.map(({ key }) => key)).toEqual(expect.arrayContaining(['constructor']))
    expect(values).toEqual({ dts_name: 'small' })
    expect('polluted' in {}).toBe(false)
    for (const key of [
      '__proto__',
      '__proto__.x',
      'trainer.__proto__',
      'constructor.prototype.x',
      'data.dts_path',
      'x',
    ])
      expect(await fails('experiment.check', { yaml: 'dts_name: small\n', changes: { [key]: 1 } })).toMatchObject(
        // A literal __proto__ is no key at all, and nothing is changed.
        key === '__proto__'
          ? { ok: true, data: { yaml: 'dts_name: small\n' } }
          : { ok: false, error: { code: 'config_invalid' } },
      )
  })

  test('values of changes write more than a value', async () => {
    for (const value of [
      'x\nbackend: cpu',
      'x # y',
      '*a',
      '&a b',
      '!!js/function x',
      '{a: 1}',
      "it's",
      '\u2028',
      'a: b',
    ]) {
      const { yaml, values } = await check('dts_name: small\ntrainer:\n  seed: 1\n', {
        exp_name: value,
        'trainer.seed': value,
      })
      expect(values).toMatchObject({ exp_name: value, 'trainer.seed': value })
      expect(values.backend).toBeUndefined()
      expect(load(yaml)).toMatchObject({ exp_name: value })
    }
  })

  test('text that is too long, or paths outside the roots, are read', async () => {
    expect(await fails('experiment.check', { yaml: 'x'.repeat(70_000) })).toMatchObject({
      ok: false,
      error: { code: 'usage' },
    })
    const outside = path.join(path.dirname(cwd), 'outside.yaml')
    fs.writeFileSync(outside, 'small: { dts_path: / }')
    try {
      for (const file of [outside, '/etc/passwd', '../outside.yaml', '/proc/self/environ']) {
        const { problems, plan } = await check(`dts_name: small\ndts_config_file: ${file}\n`)
        expect(plan).toBeNull()
        expect(problems[0]).toMatchObject({ key: 'dts_config_file', line: 2 })
        expect(JSON.stringify(problems)).not.toContain('root:')
      }
    } finally {
      fs.rmSync(outside)
    }
  })

  test('names of presets lead out of their folder', async () => {
    for (const name of ['../x', 'a/b', '..', '.hidden', 'a\\b', 'x'.repeat(61), '', 'con:x', 'a\0b', 'trailing.'])
      for (const route of ['experiment.savePreset', 'experiment.deletePreset'] as const)
        expect(
          await fails(route, { name, ...(route === 'experiment.savePreset' && { yaml: 'trainer: {}\n' }) }),
          name,
        ).toMatchObject({ ok: false, error: { code: 'usage' } })
    for (const id of ['own/../../x', 'installed/../data_configs', '/etc/passwd', 'installed/data_configs'])
      expect(await fails('experiment.draft', { origin: { kind: 'preset', id } })).toMatchObject({
        ok: false,
        error: { code: 'not_found' },
      })
  })
})

describe('drafts', () => {
  test('of the defaults say what exp_config.yaml says, and nothing else', async () => {
    const { yaml, reference } = await ask('experiment.draft', { origin: { kind: 'defaults' } })
    expect(load(yaml)).toEqual({
      dts_name: 'small',
      model_name: 'caimira',
      exp_name: 'default_exp',
      exp_version: 'v0',
      trainer: { max_epochs: 3, batch_size: 32, learning_rate: 0.01 },
    })
    expect(yaml).toContain('# From configs/exp_config.yaml:')
    expect(reference.values).toEqual({})
    // What is written there is what the command line does without any flag.
    expect((await check(yaml)).plan?.command).toBe(`npm run -s delta -- train --dts_name small --log_dir ${logDir}`)
  })

  test('of every preset of the installation are sound, and keep the data set', async () => {
    const { presets } = await ask('experiment.presets', {})
    expect(presets.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'quick-look',
        'reference',
        'early-stopping',
        'caimira-wide',
        'exp_config_psoup',
        'simpler',
      ]),
    )
    expect(presets.some(({ name }) => name.startsWith('data_config'))).toBe(false)
    for (const { id, description, file } of presets) {
      if (file.includes('presets')) expect(description.length, id).toBeGreaterThan(30)
      const { yaml, reference } = await ask('experiment.draft', {
        origin: { kind: 'preset', id },
        keep: { dts_name: 'small', exp_name: 'mine' },
      })
      const { problems, plan, values } = await check(yaml)
      expect(problems, id).toEqual([])
      expect(plan).not.toBeNull()
      expect(values).toMatchObject({ ...reference.values, dts_name: 'small', exp_name: 'mine' })
      // Its own text, comments and all.
      const text = fs.readFileSync(file, 'utf8')
      expect(yaml).toContain(text.slice(text.indexOf('\n') + 1).trim())
    }
  })

  test('of a preset for another model keep a model it says nothing of', async () => {
    const draft = (model_name: 'lore' | 'caimira') =>
      ask('experiment.draft', {
        origin: { kind: 'preset', id: 'installed/caimira-wide' },
        keep: { dts_name: 'small', model_name },
      })
    expect(load((await draft('lore')).yaml)).toMatchObject({ model_name: 'caimira' })
    const quick = await ask('experiment.draft', {
      origin: { kind: 'preset', id: 'installed/quick-look' },
      keep: { dts_name: 'small', model_name: 'lore' },
    })
    expect(load(quick.yaml)).toMatchObject({ model_name: 'lore' })
  })

  test('own presets are lost, or keep what is of one experiment only', async () => {
    const yaml = 'dts_name: small\nmodel_name: lore\nexp_name: e\n\ntrainer:\n  seed: 4 # four\n'
    const saved = await ask('experiment.savePreset', { name: 'My first', description: 'What I like\nsecond', yaml })
    expect(saved).toMatchObject({
      id: 'own/My first',
      source: 'own',
      models: ['lore'],
      description: 'What I like second',
    })
    expect(fs.readFileSync(saved.file, 'utf8')).toBe(
      '# What I like\n# second\n\nmodel_name: lore\n\ntrainer:\n  seed: 4 # four\n',
    )
    expect((await ask('experiment.presets', {})).presets[0]).toEqual(saved)
    const { yaml: draft } = await ask('experiment.draft', {
      origin: { kind: 'preset', id: saved.id },
      keep: { dts_name: 'small', model_name: 'bt' },
    })
    expect(load(draft)).toMatchObject({ dts_name: 'small', model_name: 'lore', trainer: { seed: 4 } })
    expect((await check(draft)).problems).toEqual([])
    await ask('experiment.deletePreset', { name: 'My first' })
    expect((await ask('experiment.presets', {})).presets.some(({ source }) => source === 'own')).toBe(false)
    expect(await fails('experiment.deletePreset', { name: 'My first' })).toMatchObject({ error: { code: 'not_found' } })
    expect(await fails('experiment.savePreset', { name: 'bad', yaml: 'trainer:\n  max_epochs: 0\n' })).toMatchObject({
      error: { code: 'config_invalid' },
    })
    expect((await ask('experiment.presets', {})).presets.some(({ name }) => name === 'bad')).toBe(false)
  })
})

describe('a run', () => {
  test('has another configuration than the command that was shown, or its draft than itself', async () => {
    const yaml = `${SOUND}\nmodel1:\n  n_dim: 3\n  lambda_x: 1.0e-7\nfeatures: [user_]\n`
    const { plan } = await check(yaml)
    const { runs } = await ask('experiment.start', { yaml, place: 'now' })
    const { run, hparams } = await finished(runs[0]!.id)
    expect(load(hparams)).toEqual({ ...Object(load(plan!.resolved)), exp_version: 'v0' })
    expect(run.command).toBe(plan!.command)

    const other = await byCommand(plan!.command)
    expect(hparamsOf(other, 'e/v0')).toEqual(hparamsOf(logDir, 'e/v0'))

    const draft = await ask('experiment.draft', { origin: { kind: 'run', id: run.id } })
    expect(draft).toMatchObject({ notes: [], reference: { label: 'e/v0' } })
    const again = await check(draft.yaml)
    expect(again.problems).toEqual([])
    expect(load(again.plan!.resolved)).toEqual(load(hparams))
    expect(draft.reference.values).toMatchObject({ 'model1.n_dim': 3, 'trainer.max_epochs': 2, features: ['user_'] })
  })

  test('of several seeds differs from what --seeds makes', async () => {
    const yaml = SOUND.replace('exp_name: e', 'exp_name: many').replace('batch_size: 32', 'batch_size: 32\n  seed: 7')
    const { plan } = await check(yaml, {}, '1..3')
    expect(plan?.command).toContain('--set trainer.data_seed=7 --seeds 1..3')
    const { runs } = await ask('experiment.start', { yaml, place: 'end', seeds: '1..3' })
    expect(runs.map(({ dir }) => path.basename(dir))).toEqual(['v0-s1', 'v0-s2', 'v0-s3'])
    for (const [i, { id }] of runs.entries()) {
      const { hparams } = await finished(id)
      expect(load(hparams)).toMatchObject({ trainer: { seed: i + 1, data_seed: 7 } })
    }
    const other = await byCommand(plan!.command)
    for (const version of ['v0-s1', 'v0-s3'])
      expect(hparamsOf(other, `many/${version}`)).toEqual(hparamsOf(logDir, `many/${version}`))
    expect(await fails('experiment.start', { yaml: SOUND, place: 'end', seeds: '1,1' })).toMatchObject({
      error: { code: 'usage' },
    })
    expect(await fails('experiment.start', { yaml: 'dts_name: x\n', place: 'now' })).toMatchObject({
      error: { code: 'config_invalid' },
    })
  })
})

describe('an estimate', () => {
  test('is far from what the run takes, or leaves something behind', async () => {
    const first = await ask('experiment.estimate', { yaml: SOUND, ticket: 't' })
    expect(first).toMatchObject({
      pairs: 160,
      users: 6,
      stepsPerEpoch: 5,
      epochs: 2,
      totalSteps: 10,
      besides: 0,
      width: 8,
    })
    expect(first.msPerStep).toBeGreaterThan(0)
    expect(first.secondsAtMost).toBeGreaterThan(0)
    expect(first.rssBytes).toBeGreaterThan(1e7)
    expect(first.tableBytes).toBeGreaterThanOrEqual(48 * 8 * 4)
    expect(fs.existsSync(logDir) ? fs.readdirSync(logDir).filter((name) => !name.startsWith('.')) : []).toEqual([])
  })

  test('is measured again for other epochs, or not when asked to', async () => {
    const first = await ask('experiment.estimate', { yaml: SOUND, ticket: 't' })
    const longer = SOUND.replace('max_epochs: 2', 'max_epochs: 20\n  patience: 3')
    const second = await ask('experiment.estimate', { yaml: longer, ticket: 't' })
    expect(second).toMatchObject({
      msPerStep: first.msPerStep,
      measured: first.measured,
      epochs: 20,
      mayStopEarly: true,
    })
    expect(second.secondsAtMost).toBeCloseTo(10 * first.secondsAtMost, 5)
    const stepped = await ask('experiment.estimate', {
      yaml: SOUND.replace('max_epochs: 2', 'max_steps: 7'),
      ticket: 't',
    })
    expect(stepped).toMatchObject({ epochs: 2, totalSteps: 7 })
    const again = await ask('experiment.estimate', { yaml: SOUND, ticket: 't', again: true })
    expect(again.measured).toBeGreaterThan(first.measured)
  })

  test('goes on although a later question or nobody wants it', async () => {
    const slow = SOUND.replace('batch_size: 32', 'batch_size: 1')
    const first = fails('experiment.estimate', { yaml: slow, ticket: 't' })
    const other = ask('experiment.estimate', { yaml: slow, ticket: 'another' })
    await new Promise((resolve) => setTimeout(resolve, 50))
    const second = ask('experiment.estimate', { yaml: SOUND, ticket: 't' })
    expect(await first).toMatchObject({ ok: false, error: { code: 'stopped' } })
    expect(await second).toMatchObject({ pairs: 160 })
    expect(await other).toMatchObject({ pairs: 160 })
    const third = fails('experiment.estimate', { yaml: slow.replace('model1', 'bt'), ticket: 't' })
    await ask('experiment.forget', { ticket: 't' })
    expect(await third).toMatchObject({ ok: false, error: { code: 'stopped' } })
  })
})

test('words of a command are read otherwise than a shell does', () => {
  expect(shellWords(`a --b='c d' 'it'\\''s' "x \\"y\\"" --e=f\\ g`)).toEqual([
    'a',
    '--b=c d',
    "it's",
    'x "y"',
    '--e=f g',
  ])
})

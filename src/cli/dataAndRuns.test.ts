import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildCli, workspace } from '../core/testing/workspace'
import { delta } from './testing/builtCli'

let cwd: string
beforeAll(() => {
  buildCli()
  cwd = workspace()
})
afterAll(() => fs.rmSync(cwd, { recursive: true, force: true }))

test('a sound data set is reported as anything else', async () => {
  const [people, json] = await Promise.all([
    delta(cwd, 'data', 'validate', '--dts_name', 'small'),
    delta(cwd, 'data', 'validate', '--dts_name', 'small', '--json'),
  ])
  expect(people).toMatchObject({ code: 0, stderr: '' })
  expect(people.stdout).toMatch(/^split +pairs +users +texts +width +features$/m)
  expect(people.stdout).toMatch(/^train +160 +6 +\d+ +8 +1$/m)
  expect(people.stdout).toMatch(/^small: 0 errors, \d+ warnings?$/m)
  expect(json.lines).toHaveLength(1)
  expect(json.lines[0]).toMatchObject({ type: 'result', dts_name: 'small', valid: true })
})

test('only the first of several mistakes in the data is told, or it has no place', async () => {
  const { code, stdout } = await delta(cwd, 'data', 'validate', '--dts_name', 'broken')
  expect(code).toBe(2)
  expect(stdout).toMatch(/999/)
  expect(stdout).toMatch(/u_id/)
  expect(stdout).toMatch(/at .*broken\.jsonl:1/)
  expect(stdout).toMatch(/^broken: [2-9] errors/m)
  const json = await delta(cwd, 'data', 'validate', '--dts_name', 'broken', '--json')
  expect(json.code).toBe(2)
  expect(json.lines.at(-1)).toMatchObject({ type: 'result', valid: false })
})

test.for<[string[], RegExp]>([
  [['data', 'validate', '--dts_nme', 'x'], /--dts_n(a)?me/],
  [['data', 'validat'], /Did you mean validate\?/],
  [['runs', 'lst'], /Did you mean list\?/],
  [['trian'], /Did you mean train\?/],
  [[], /Usage: delta/],
])('%o does not say what would be right', async ([args, message]) => {
  const { code, stderr, stdout } = await delta(cwd, ...args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(message)
})

test('the only data set of a configuration has to be named, or one of several need not be', async () => {
  const taken = await delta(cwd, 'data', 'validate', '--dts_config_file', 'configs/other.yaml', '--json')
  expect(taken.lines.at(-1)).toMatchObject({ type: 'result', dts_name: 'moved', valid: true })
  for (const verb of [
    'validate',
    'stats',
    'preview',
    'embed',
    'bow',
    'features',
    'score --url http://localhost:1 --output x',
  ])
    expect(await delta(cwd, 'data', ...verb.split(' '))).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--dts_name is missing[^]*small, absent, broken/),
    })
})

test('help and version are errors', async () => {
  const [help, version] = await Promise.all([delta(cwd, 'train', '--help'), delta(cwd, '--version')])
  expect([help.code, version.code]).toEqual([0, 0])
  expect(help.stdout).toContain('--learning_rate')
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+/)
})

test('runs list misses a run, or fails where there is none', async () => {
  const none = await delta(cwd, 'runs', 'list')
  expect(none.code).toBe(0)
  expect(none.stdout).toContain(path.join(cwd, 'lightning_logs'))
  const [trained] = await Promise.all([
    delta(cwd, 'train', '--dts_name', 'small', '--max_epochs', '1', '--json'),
    delta(cwd, 'train', '--dts_name', 'small', '--max_epochs', '2', '--exp_name', 'other'),
  ])
  const [people, json] = await Promise.all([delta(cwd, 'runs', 'list'), delta(cwd, 'runs', 'list', '--json')])
  expect(people.stdout).toMatch(/^run +status +model +data/m)
  expect(people.stdout).toMatch(/^default_exp\/v0 +finished +caimira +small +0\.\d{4}/m)
  const { runs } = json.lines.at(-1) as { runs: Record<string, unknown>[] }
  expect(runs).toHaveLength(2)
  expect(runs.find((run) => run['exp_name'] === 'default_exp')).toMatchObject({
    id: trained.lines.at(-1)?.['runId'],
    exp_version: 'v0',
    status: 'finished',
  })
})

import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { unzipSync } from 'fflate'
import { buildCli, workspace } from '../../core/testing/workspace'
import { delta, start } from '../testing/builtCli'

let cwd: string
let ids: string[]
beforeAll(async () => {
  buildCli()
  cwd = workspace()
  const train = (...more: string[]) =>
    delta(cwd, 'train', '--dts_name', 'small', '--max_epochs', '2', '--exp_name', 'e', '--json', ...more)
  const done = [await train('--seed', '1'), await train('--seed', '2', '--learning_rate', '0.03')]
  ids = done.map(({ lines }) => String(lines.at(-1)?.['runId']))
})
afterAll(() => fs.rmSync(cwd, { recursive: true, force: true }))

test('a filter, an order or a format of the list is lost on the way', async () => {
  const { lines } = await delta(
    cwd,
    'runs',
    'list',
    '--json',
    '--filter',
    'trainer.learning_rate > 0.02 and val_acc >= 0',
  )
  expect(lines.at(-1)).toMatchObject({
    type: 'result',
    total: 1,
    runs: [{ id: ids[1], exp_version: 'v0-2', params: { 'trainer.seed': 2 } }],
  })
  const csv = await delta(
    cwd,
    'runs',
    'list',
    '--format',
    'csv',
    '--sort',
    'trainer.seed',
    '--columns',
    'trainer.seed,val_loss',
  )
  const [header, first, second] = csv.stdout.split('\n')
  expect(header).toMatch(/^id,exp_name,.*,trainer\.seed,val_loss$/)
  expect(first).toMatch(new RegExp(`^${ids[0]},e,v0,finished,.*,1,0\\.\\d{6,}$`))
  expect(second).toMatch(new RegExp(`^${ids[1]},e,v0-2,`))
  const fault = await delta(cwd, 'runs', 'list', '--filter', 'val_acc >> 1')
  expect(fault).toMatchObject({ code: 2, stdout: '' })
  expect(fault.stderr).toMatch(/at column 10: .*\n {2}- val_acc >> 1\n {2}- {10}\^/)
})

test('a difference is not shown, or what is equal is', async () => {
  const { lines } = await delta(cwd, 'runs', 'diff', 'e/v0', ids[1] ?? '', '--json')
  expect(lines.at(-1)).toMatchObject({
    params: [
      { name: 'exp_version', values: [{ value: 'v0' }, { value: 'v0-2' }] },
      { name: 'trainer.learning_rate', values: [{ value: 0.01 }, { value: 0.03 }] },
      { name: 'trainer.seed', values: [{ value: 1 }, { value: 2 }] },
    ],
  })
})

test('a comparison loses seeds, digits or the reference', async () => {
  const runs = ['e/v0', 'e/v0-2']
  const compared = await delta(cwd, 'runs', 'compare', ...runs, '--metric', 'val_loss', '--json')
  const [first, second] = Object(compared.lines.at(-1)).groups
  expect(first).toMatchObject({ label: 'e/v0', runs: [ids[0]], figures: { val_loss: { n: 1, sd: 0 } } })
  const csv = await delta(cwd, 'runs', 'compare', ...runs, '--metric', 'val_loss', '--format', 'csv')
  const [mean, other] = [first.figures.val_loss.mean, second.figures.val_loss.mean]
  expect(csv.stdout.split('\n')).toEqual([
    'group,runs,val_loss_mean,val_loss_sd,val_loss_n,val_loss_delta',
    `e/v0,1,${mean},0,1,0`,
    `e/v0-2,1,${other},0,1,${other - mean}`,
    '',
  ])
  const together = await delta(cwd, 'runs', 'compare', ...runs, '--group-by', 'model_name', '--json')
  expect(together.lines.at(-1)).toMatchObject({
    groups: [{ label: 'model_name=caimira', figures: { val_loss: { n: 2, values: [mean, other] } } }],
  })
  const tested = await delta(cwd, 'runs', 'compare', ...runs, '--test', 'test', '--json')
  const { paired, groups } = Object(tested.lines.at(-1))
  expect(paired).toMatchObject({ split: 'test', comparisons: 1, resamples: 10_000 })
  const accuracy = groups.map(({ figures }: { figures: { test_acc: { mean: number } } }) => figures.test_acc.mean)
  expect(paired.others[0].pairs).toBe(40)
  expect(paired.others[0].difference.value).toBeCloseTo(accuracy[1] - accuracy[0], 6)
  const nothing = await delta(cwd, 'runs', 'compare', ...runs, '--test', 'test_unseen')
  expect(nothing.stdout).toContain('has no predictions of test_unseen')
  const latex = await delta(cwd, 'runs', 'diff', ...runs, '--format', 'latex')
  expect(latex.stdout).toContain(String.raw`trainer.learning\_rate & 0.01 & 0.03 \\`)
  expect(await delta(cwd, 'runs', 'compare', 'e/v0', '--metric', 'val_los')).toMatchObject({ code: 2 })
})

test('tags and notes are not kept in the folder, so that a lost history loses them', async () => {
  await delta(cwd, 'runs', 'tag', 'e/v0', 'baseline', 'good')
  await delta(cwd, 'runs', 'note', 'e/v0', 'hello "world"')
  fs.rmSync(path.join(cwd, 'history'), { recursive: true })
  const { lines } = await delta(cwd, 'runs', 'list', '--json', '--filter', 'tag = baseline')
  expect(lines.at(-1)).toMatchObject({ runs: [{ id: ids[0], tags: ['baseline', 'good'], note: 'hello "world"' }] })
})

test('an export leaves files out, or overwrites', async () => {
  const file = path.join(cwd, 'runs.zip')
  expect(await delta(cwd, 'runs', 'export', 'e/v0', 'e/v0-2', '--output', file)).toMatchObject({ code: 0 })
  const files = unzipSync(new Uint8Array(fs.readFileSync(file)))
  const original = path.join(cwd, 'lightning_logs', 'e', 'v0', 'checkpoints', 'best.safetensors')
  expect(Buffer.from(files['e/v0/checkpoints/best.safetensors'] ?? []).equals(fs.readFileSync(original))).toBe(true)
  expect(Object.keys(files)).toContain('e/v0-2/metrics.jsonl')
  expect(await delta(cwd, 'runs', 'export', 'e/v0', '--output', file)).toMatchObject({ code: 2 })
  // Read back by another person.
  const folder = path.join(cwd, 'copy')
  await delta(cwd, 'runs', 'export', 'e/v0', '--output', folder)
  const other = { DELTA_HOME: path.join(cwd, 'other') }
  const imported = await start(cwd, ['runs', 'import', folder, '--json', '--log_dir', 'none'], other).done
  expect(imported.lines.at(-1)).toMatchObject({ runs: [ids[0]] })
})

test('a deleted run is still listed, or cannot be brought back', async () => {
  await delta(cwd, 'runs', 'delete', 'e/v0-2')
  const gone = await delta(cwd, 'runs', 'list', '--json')
  expect(gone.lines.at(-1)).toMatchObject({ total: 1, unreadable: [] })
  await delta(cwd, 'runs', 'restore', 'e/v0-2')
  expect((await delta(cwd, 'runs', 'list', '--json')).lines.at(-1)).toMatchObject({ total: 2 })
  expect(await delta(cwd, 'runs', 'purge', 'e/v0-2')).toMatchObject({ code: 2 })
})

test('a run that is trained again is called equal though it is not, or the other way round', async () => {
  const equal = await delta(cwd, 'runs', 'reproduce', 'e/v0', '--json')
  expect(equal).toMatchObject({ code: 0 })
  expect(equal.lines.at(-1)).toMatchObject({ equal: true, results: [] })
  // The data is no longer what it was.
  const file = path.join(cwd, 'data', 'train.jsonl')
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n')
  fs.writeFileSync(
    file,
    lines
      .slice(0, -8)
      .map((line) => `${line}\n`)
      .join(''),
  )
  const other = await delta(cwd, 'runs', 'reproduce', 'e/v0', '--json')
  expect(other).toMatchObject({ code: 3 })
  const said = Object(other.lines.at(-1))
  expect(said.equal).toBe(false)
  expect(said.results.map(({ what }: { what: string }) => what)).toContain('checkpoints/best.safetensors')
  expect(said.circumstances.map(({ what }: { what: string }) => what)).toContain('data train.df_file')
})

test('a history that cannot be opened hides the runs', async () => {
  const file = path.join(cwd, 'file')
  fs.writeFileSync(file, '')
  const blocked = { DELTA_HOME: path.join(file, 'home') }
  const listed = await start(cwd, ['runs', 'list', '--json'], blocked).done
  expect(listed.code).toBe(0)
  expect(listed.stderr).toMatch(/cannot be made.*Showing what the folders of the runs hold/s)
  expect(Object(listed.lines.at(-1)).runs.length).toBeGreaterThanOrEqual(2)
})

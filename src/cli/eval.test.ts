import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildCli, workspace } from '../core/testing/workspace'
import { delta } from './testing/builtCli'

let cwd: string
let dir: string
beforeAll(async () => {
  buildCli()
  cwd = workspace()
  const { lines } = await delta(cwd, 'train', '--dts_name', 'small', '--max_epochs', '2', '--exp_name', 'e', '--json')
  dir = String(lines.at(-1)?.['dir'])
})
afterAll(() => fs.rmSync(cwd, { recursive: true, force: true }))

const file = (): string => path.join(dir, 'evaluation', 'test.json')
const stored = (): object => Object(JSON.parse(fs.readFileSync(file(), 'utf8')))

test('what the run has stored is not shown, or an engine computes something else from its checkpoint', async () => {
  const before = stored()
  fs.writeFileSync(file(), JSON.stringify({ ...before, auc: 0.125 }))
  expect((await delta(cwd, 'eval', 'e/v0', '--json')).lines.at(-1)).toMatchObject({ type: 'result', dir, auc: 0.125 })
  // Of a run from before there were evaluations.
  fs.rmSync(path.join(dir, 'evaluation'), { recursive: true })
  const { code, lines } = await delta(cwd, 'eval', 'e/v0', '--json')
  expect(code).toBe(0)
  expect(lines.at(-1)).toMatchObject(before)
  // It is kept for the next time, and for the window.
  expect(stored()).toEqual(before)
  const fewer = await delta(cwd, 'eval', 'e/v0', '--resamples', '50', '--json')
  expect(fewer.lines.at(-1)).toMatchObject({ bootstrap: { resamples: 50 } })
  expect(stored()).toEqual(before)
})

test('an evaluation of an earlier checkpoint passes for that of the run', async () => {
  fs.mkdirSync(path.dirname(file()), { recursive: true })
  const { lines } = await delta(cwd, 'eval', 'e/v0', '--json')
  const { checkpoint } = Object(lines.at(-1))
  fs.writeFileSync(
    file(),
    JSON.stringify({
      ...lines.at(-1),
      auc: 0.125,
      checkpoint: { ...checkpoint, epochs: checkpoint.epochs + 1, steps: 1 },
    }),
  )
  const again = await delta(cwd, 'eval', 'e/v0', '--json')
  expect(again.lines.at(-1)).toMatchObject({ checkpoint })
  expect(again.lines.at(-1)?.['auc']).not.toBe(0.125)
})

test('people do not see what it is held against; a split that is not there is no mistake of theirs', async () => {
  const { code, stdout } = await delta(cwd, 'eval', 'e/v0')
  expect(code).toBe(0)
  for (const line of [/^accuracy over pairs +\d/m, /^users shuffled +\d/m, /^generic user +\d/m, /^bt, one reward/m])
    expect(stdout).toMatch(line)
  expect(await delta(cwd, 'eval', 'e/v0', '--split', 'test_unseen')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('has no split test_unseen'),
  })
  expect(await delta(cwd, 'eval', 'e/v0', '--split', 'train')).toMatchObject({ code: 2 })
  expect(await delta(cwd, 'eval', 'e/v0', '--resamples', '0')).toMatchObject({ code: 2 })
})

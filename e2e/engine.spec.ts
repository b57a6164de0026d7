import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { contractFiles, workspace } from '../src/core/testing/workspace'
import type { AppEvent } from '../src/shared/api/events'
import type { RequestOutput, Route } from '../src/shared/api/requests'
import { runRecordSchema, type RunRecord } from '../src/shared/domain/run'
import { checkContract } from '../src/shared/testing/contract'
import { chosenBefore, expect, test, type Launched } from './support/electron'

type Page = Launched['page']

const data = test.extend<{ files: ReturnType<typeof contractFiles> }>({
  files: async ({ folder }, use) => {
    const work = workspace()
    // Not what the configurations in it name: a contract case looks whether that may be read as well.
    chosenBefore(folder, join(work, 'configs'))
    await use(contractFiles(work))
    rmSync(work, { recursive: true, force: true })
  },
})

/** What the page itself may ask, through its bridge. */
function ask(page: Page, route: string, input: unknown) {
  return page.evaluate(
    async ([name, value]) => {
      const reply = await window.delta?.request(String(name), value)
      if (!reply) throw new Error('no bridge')
      return reply
    },
    [route, input],
  )
}

async function answer<R extends Route>(page: Page, route: R, input: unknown): Promise<RequestOutput<R>> {
  const reply = await ask(page, route, input)
  if (!reply.ok) throw new Error(`${route}: ${reply.error.message}`)
  return reply.data as RequestOutput<R>
}

const record = (dir: string): RunRecord =>
  runRecordSchema.parse(JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8')))
const lines = (dir: string): number => readFileSync(join(dir, 'metrics.jsonl'), 'utf8').split('\n').length - 1

async function train(page: Page, files: object) {
  // The fused engine trains thousands of epochs a second on so little data, which no person does.
  const endless = { backend: 'wasm', changes: { 'trainer.max_epochs': 10_000_000 } }
  const { dts_config_file, config_file } = Object(files)
  const experiment = { dts_config_file, config_file, ...endless, dts_name: 'small', exp_name: 'endless' }
  const { id, dir } = await answer(page, 'runs.start', { experiment })
  await expect.poll(() => existsSync(join(dir, 'metrics.jsonl')) && lines(dir) > 20).toBe(true)
  return { id, dir }
}

/** Engines of the window: Electron's program as plain Node, or its utility process. */
const UTILITY = ['--engine-process=utility']

data('a route is answered otherwise through Electron than in process', async ({ open, files }) => {
  const { app, page } = await open()
  await app.evaluate(({ dialog, shell }, file) => {
    dialog.showOpenDialog = async () => ({ canceled: false, filePaths: [file] })
    shell.showItemInFolder = () => undefined
  }, files.config_file)
  await page.evaluate(() => {
    const heard: unknown[] = []
    Reflect.set(window, 'heard', heard)
    window.delta?.on((event) => heard.push(event))
  })
  const findings = await checkContract(
    {
      ask: (route, input) => ask(page, route, input),
      events: () => page.evaluate((): AppEvent[] => Reflect.get(window, 'heard')),
      pause: (ms) => page.waitForTimeout(ms),
    },
    files,
  )
  expect(findings).toEqual([])
})

for (const flags of [[], UTILITY])
  data(
    `an engine that is killed keeps its run running, or hides the signal ${flags.join()}`,
    async ({ open, files }) => {
      const { page } = await open(flags)
      const { id, dir } = await train(page, files)
      process.kill(record(dir).pid, 'SIGKILL')
      await expect.poll(() => record(dir).status).toBe('crashed')
      expect(record(dir).reason).toMatch(/SIGKILL/)
      const measured = lines(dir)
      await answer(page, 'runs.resume', { id, place: 'now' })
      await expect.poll(() => record(dir).status).toBe('running')
      await expect.poll(() => lines(dir)).toBeGreaterThan(measured)
      await answer(page, 'runs.stop', { id })
      await expect.poll(() => record(dir).status).toBe('stopped')
    },
  )

data('closing the window leaves its runs running, or loses what they have learned', async ({ open, files }) => {
  const { app, page } = await open()
  const { dir } = await train(page, files)
  await app.close()
  expect(record(dir)).toMatchObject({ status: 'interrupted', reason: 'the workbench was closed' })
  expect(existsSync(join(dir, 'checkpoints', 'last.safetensors'))).toBe(true)
})

for (const flags of [[], UTILITY])
  data(
    `a workbench that is killed leaves an engine, or a run that says it runs ${flags.join()}`,
    async ({ open, files }) => {
      const { app, page } = await open(flags)
      const { id, dir } = await train(page, files)
      const { pid } = record(dir)
      const before = lines(dir)
      app.process().kill('SIGKILL')
      await expect.poll(() => alive(pid)).toBe(false)
      if (flags.length === 0) {
        expect(record(dir)).toMatchObject({ status: 'interrupted', reason: 'the program that started it is gone' })
        expect(existsSync(join(dir, 'checkpoints', 'last.safetensors'))).toBe(true)
      }
      const again = await open(flags)
      await expect
        .poll(async () => (await answer(again.page, 'runs.get', { id })).run.status)
        .toBe(flags.length === 0 ? 'interrupted' : 'crashed')
      const { history } = await answer(again.page, 'runs.get', { id })
      expect(history.length).toBeGreaterThanOrEqual(before)
      await answer(again.page, 'runs.resume', { id, place: 'now' })
      await expect.poll(async () => (await answer(again.page, 'runs.get', { id })).run.status).toBe('running')
    },
  )

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

data('Stop and Resume on the page do nothing, or the page does not follow', async ({ open, files }) => {
  const { page } = await open()
  const { dir } = await train(page, files)
  await page.getByRole('row', { name: /running endless\/v0/ }).click()
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await expect(page.getByRole('row', { name: /stopped endless\/v0/ })).toBeVisible()
  const measured = lines(dir)
  await page.getByRole('button', { name: 'Resume' }).click()
  await expect(page.getByRole('row', { name: /running endless\/v0/ })).toBeVisible()
  await expect.poll(() => lines(dir)).toBeGreaterThan(measured)
  const epochs = page.getByRole('img', { name: /^Loss by epoch/ })
  const before = await epochs.getAttribute('aria-label')
  await expect.poll(() => epochs.getAttribute('aria-label')).not.toBe(before)
})

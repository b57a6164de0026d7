import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { experimentFiles, workspace } from '../src/core/testing/workspace'
import { runRecordSchema } from '../src/shared/domain/run'
import { act, chosenBefore, electronPath, expect, ROOT, test as base, type Launched } from './support/electron'

const test = base.extend<{ files: ReturnType<typeof experimentFiles> }>({
  files: async ({ folder }, use) => {
    const work = workspace()
    chosenBefore(folder, work)
    await use(experimentFiles(work))
    rmSync(work, { recursive: true, force: true })
  },
})
const ASK = ['--on-close=ask']
const BACKGROUND = 0
const QUIT = 1
const CANCEL = 2

const statusOf = (dir: string): string =>
  runRecordSchema.parse(JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8'))).status
const lines = (dir: string): number => readFileSync(join(dir, 'metrics.jsonl'), 'utf8').split('\n').length - 1

/** Dialogs answer by themselves, and tell what they asked. */
async function answerDialogs({ app }: Launched, response: number, checkboxChecked = false): Promise<void> {
  await app.evaluate(
    ({ dialog }, answer) => {
      const asked: unknown[] = []
      Reflect.set(globalThis, 'asked', asked)
      dialog.showMessageBox = async (...args: unknown[]) => {
        asked.push(args.at(-1))
        return answer
      }
    },
    { response, checkboxChecked },
  )
}
const asked = ({ app }: Launched) =>
  app.evaluate(() => (Reflect.get(globalThis, 'asked') as { message: string; buttons: string[] }[]) ?? [])

const visible = ({ app }: Launched) =>
  app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().map((one) => one.isVisible()))

async function train({ page }: Launched, files: object, epochs = 10_000_000): Promise<string> {
  const experiment = {
    ...files,
    backend: 'wasm',
    changes: { 'trainer.max_epochs': epochs },
    dts_name: 'small',
    exp_name: 'endless',
  }
  const reply = await page.evaluate((input) => window.delta?.request('runs.start', input), { experiment })
  if (!reply?.ok) throw new Error(JSON.stringify(reply))
  const dir = String(Object(reply.data).dir)
  if (epochs > 1_000) await expect.poll(() => existsSync(join(dir, 'metrics.jsonl')) && lines(dir) > 20).toBe(true)
  return dir
}

/** As the cross of its frame does. */
const close = ({ app }: Launched) => act(app, ({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close())

test('closing with a run in progress asks; cancelled, nothing has happened; in the background, it goes on', async ({
  open,
  files,
  folder,
  logDir,
}) => {
  const opened = await open(ASK)
  const dir = await train(opened, files)
  await answerDialogs(opened, CANCEL)
  await close(opened)
  await expect.poll(async () => (await asked(opened)).length).toBe(1)
  expect((await asked(opened))[0]).toMatchObject({
    message: 'One run is in progress. What shall become of it?',
    buttons: ['Keep running in the background', 'Stop runs and quit', 'Cancel'],
  })
  expect(await visible(opened)).toEqual([true])

  await answerDialogs(opened, BACKGROUND)
  await close(opened)
  await expect.poll(() => visible(opened)).toEqual([false])
  const measured = lines(dir)
  await expect.poll(() => lines(dir)).toBeGreaterThan(measured)
  expect(statusOf(dir)).toBe('running')

  // A second start shows the window again, on the run that went on.
  const args = [`--user-data-dir=${join(folder, 'user-data')}`, ROOT, `--log_dir=${logDir}`]
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  expect(spawnSync(electronPath(), [...sandbox, ...args], { stdio: 'ignore' }).status).toBe(0)
  await expect.poll(() => visible(opened)).toEqual([true])
  expect(statusOf(dir)).toBe('running')

  // A signal finds nobody who could answer: it ends in good order, without a question.
  await answerDialogs(opened, CANCEL)
  const ended = new Promise((resolve) => opened.app.process().once('exit', resolve))
  opened.app.process().kill('SIGTERM')
  await ended
  expect(statusOf(dir)).toBe('interrupted')
  expect(existsSync(join(dir, 'checkpoints', 'last.safetensors'))).toBe(true)
})

test('runs are stopped with their checkpoints when that is chosen, and the choice is remembered', async ({
  open,
  files,
  folder,
}) => {
  const opened = await open(ASK)
  const dir = await train(opened, files)
  await answerDialogs(opened, QUIT, true)
  const ended = new Promise((resolve) => opened.app.process().once('exit', resolve))
  await close(opened).catch(() => undefined)
  await ended
  expect(statusOf(dir)).toBe('interrupted')
  expect(existsSync(join(dir, 'checkpoints', 'last.safetensors'))).toBe(true)
  expect(JSON.parse(readFileSync(join(folder, 'user-data', 'shell.json'), 'utf8'))).toMatchObject({ onClose: 'quit' })
})

test('a program without a window ends with its last run', async ({ open, files }) => {
  const opened = await open(['--on-close=background'])
  const dir = await train(opened, files)
  await close(opened)
  await expect.poll(() => visible(opened)).toEqual([false])
  const ended = new Promise((resolve) => opened.app.process().once('exit', resolve))
  process.kill(runRecordSchema.parse(JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8'))).pid, 'SIGTERM')
  await ended
  expect(statusOf(dir)).toBe('stopped')
})

test('a page that crashes comes back, and the run has not noticed', async ({ open, files }) => {
  const opened = await open()
  const dir = await train(opened, files)
  const before = runRecordSchema.parse(JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8')))
  await act(opened.app, ({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents
    contents?.forcefullyCrashRenderer()
    return new Promise<void>((resolve) => contents?.once('did-finish-load', () => resolve()))
  })
  const measured = lines(dir)
  await expect.poll(() => lines(dir)).toBeGreaterThan(measured)
  expect(runRecordSchema.parse(JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8')))).toEqual(before)
  const shown = () =>
    opened.app.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.webContents.executeJavaScript('document.body.innerText.includes("endless")'),
    )
  await expect.poll(shown).toBe(true)
})

test('the menu leads to the pages, and says who this is', async ({ open }) => {
  const opened = await open()
  await opened.page.evaluate(() => {
    const heard: unknown[] = []
    Reflect.set(window, 'heard', heard)
    window.delta?.on((event) => event.event === 'app.navigate' && heard.push(event.payload))
  })
  const labels = await opened.app.evaluate(({ Menu }) =>
    Menu.getApplicationMenu()?.items.map(({ label }) => label.replace('&', '')),
  )
  expect(labels).toEqual(['File', 'Edit', 'Go', 'View', 'Window', 'Help'])
  await act(opened.app, ({ Menu }) => {
    const menu = Menu.getApplicationMenu()
    for (const id of ['/datasets', '/new', '/runs', '/settings']) menu?.getMenuItemById(id)?.click()
  })
  await expect
    .poll(() => opened.page.evaluate(() => Reflect.get(window, 'heard') as unknown))
    .toEqual(['/datasets', '/new', '/runs', '/settings'].map((to) => ({ to })))
  await answerDialogs(opened, 0)
  await act(opened.app, ({ Menu }) => {
    const help = Menu.getApplicationMenu()?.items.at(-1)?.submenu
    help?.items.find(({ label }) => label.includes('About'))?.click()
  })
  await expect.poll(async () => (await asked(opened))[0]?.message).toMatch(/^Delta Workbench \d/)
})

test('what is chosen in a dialog may be read, and still after the next start', async ({ open, files, folder }) => {
  rmSync(join(folder, 'user-data', 'history', 'file-roots.json'))
  const first = await open()
  const dataset = { paths: [files.dts_config_file] }
  const list = ({ page }: Launched) =>
    page.evaluate((input) => window.delta?.request('datasets.register', input), dataset)
  expect(await list(first)).toMatchObject({ ok: false, error: { code: 'forbidden_path' } })
  const asks = await first.app.evaluate(({ dialog }, file) => {
    const seen: unknown[] = []
    Reflect.set(globalThis, 'asks', seen)
    dialog.showOpenDialog = async (...args: unknown[]) => {
      seen.push(args.at(-1))
      return { canceled: false, filePaths: [file] }
    }
    return seen.length
  }, files.dts_config_file)
  expect(asks).toBe(0)
  const picked = await first.page.evaluate(() =>
    window.delta?.request('files.pick', { kind: 'file', title: 'Data configuration', extensions: ['yaml', 'yml'] }),
  )
  expect(picked).toEqual({ ok: true, data: { paths: [files.dts_config_file] } })
  expect(await first.app.evaluate(() => Reflect.get(globalThis, 'asks') as unknown)).toEqual([
    {
      title: 'Data configuration',
      properties: ['openFile'],
      filters: [
        { name: '*.yaml, *.yml', extensions: ['yaml', 'yml'] },
        { name: 'All files', extensions: ['*'] },
      ],
    },
  ])
  expect(await list(first)).toMatchObject({ ok: true })
  await first.app.close()
  expect(await list(await open())).toMatchObject({ ok: true })
})

import { execFileSync, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { _electron, test as base, type ElectronApplication, type Locator, type Page } from '@playwright/test'
import type * as Electron from 'electron'
import { watchForErrors } from './errors'

export const ROOT = join(import.meta.dirname, '..', '..')

/** `npm test` looks for it once; a single `playwright test` asks here. */
export function electronPath(): string {
  const found = process.env.DELTA_ELECTRON
  if (found) return found
  return execFileSync(process.execPath, [join(ROOT, 'scripts', 'electron.mjs')], { encoding: 'utf8' }).trim()
}

export interface Launched {
  app: ElectronApplication
  page: Page
}

/** As long as what is expected is waited for; see playwright.config.ts. */
const WAIT_MS = 120_000

export async function launch(logDir: string, userData: string, flags: readonly string[] = []): Promise<Launched> {
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  // Given a path, Playwright would not hold the app back until it listens, and would miss its first page now and then.
  process.env.ELECTRON_OVERRIDE_DIST_PATH ??= dirname(electronPath())
  const app = await _electron.launch({
    args: [
      ...sandbox,
      ...flags,
      // Nobody is there to answer, unless a test is about the question: the first one counts.
      '--on-close=quit',
      `--user-data-dir=${userData}`,
      ROOT,
      `--log_dir=${logDir}`,
      `--data-dir=${join(userData, 'history')}`,
    ],
    cwd: ROOT,
  })
  askAgain(app)
  // Playwright's 30 seconds are for contexts of its own making, and a click took longer once while three windows and an engine shared half a machine.
  app.context().setDefaultTimeout(WAIT_MS)
  return { app, page: await app.firstWindow() }
}

/** A busy V8 collects the promise that the debugger waits for now and then: what was asked has run, its answer is lost. */
const isLost = (error: unknown): boolean => String(error).includes('promise was garbage collected')
const MAX_TRIES = 5

function askAgain(app: ElectronApplication): void {
  const evaluate = app.evaluate.bind(app)
  Reflect.set(app, 'evaluate', async (...args: Parameters<typeof evaluate>) => {
    for (let tries = 1; ; tries++)
      try {
        return await evaluate(...args)
      } catch (error) {
        if (!isLost(error) || tries === MAX_TRIES || acting.has(args[0])) throw error
      }
  })
}

/** Functions that must not run twice. */
const acting = new Set<unknown>()

/** Does in the main process what must be done only once; its answer, which may be lost, is not given. */
export async function act(app: ElectronApplication, what: (electron: typeof Electron) => unknown): Promise<void> {
  acting.add(what)
  await app.evaluate(what).catch((error: unknown) => {
    if (!isLost(error)) throw error
  })
}

/** One that asks whether it may close would wait for an answer without end. */
const CLOSING_MS = 20_000

async function end(app: ElectronApplication, child: ChildProcess): Promise<void> {
  const closed = app.close().then(
    () => true,
    () => true,
  )
  const inTime = await Promise.race([closed, setTimeout(CLOSING_MS, false, { ref: false })])
  if (!inTime) child.kill('SIGKILL')
}

/** Tests beside this one share the display's clipboard, and may write to it between the click and the look: then both come again. */
export async function expectCopied(app: ElectronApplication, button: Locator, text: string): Promise<void> {
  await base
    .expect(async () => {
      await button.click()
      await base.expect(button).toContainText('Copied', { timeout: 2_000 })
      await base.expect.poll(() => app.evaluate(({ clipboard }) => clipboard.readText()), { timeout: 2_000 }).toBe(text)
    })
    .toPass()
}

/** As if a person had chosen `path` in an earlier start of the window whose own data lie in `folder`. */
export function chosenBefore(folder: string, path: string): void {
  const history = join(folder, 'user-data', 'history')
  mkdirSync(history, { recursive: true })
  const memory = { format: 1, roots: [{ path, trust: 'picked' }], written: [] }
  writeFileSync(join(history, 'file-roots.json'), JSON.stringify(memory))
}

interface Fixtures {
  /** A new, empty folder; the runs' log folder and the app's own data lie in it. */
  folder: string
  logDir: string
  /** Errors in the console that a test provokes; all others fail it. */
  expectedErrors: RegExp[]
  /** Opens the workbench on `logDir`, once the test has put into it what it wants. */
  open: (flags?: readonly string[]) => Promise<Launched>
}

export const test = base.extend<Fixtures>({
  folder: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'delta-e2e-'))
    await use(folder)
    rmSync(folder, { recursive: true, force: true })
  },
  logDir: async ({ folder }, use) => {
    const logDir = join(folder, 'lightning_logs')
    mkdirSync(logDir)
    await use(logDir)
  },
  expectedErrors: [[], { option: true }],
  open: async ({ folder, logDir, expectedErrors }, use) => {
    // The process is asked for while there is one.
    const launched: [ElectronApplication, ChildProcess][] = []
    const errors: string[] = []
    await use(async (flags) => {
      const one = await launch(logDir, join(folder, 'user-data'), flags)
      watchForErrors(one.page, errors, expectedErrors)
      launched.push([one.app, one.app.process()])
      return one
    })
    for (const [app, child] of launched) await end(app, child)
    base.expect(errors, 'errors in the console').toEqual([])
  },
})

export { expect } from '@playwright/test'

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { _electron, test as base, type ElectronApplication, type Page } from '@playwright/test'
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
  return { app, page: await app.firstWindow() }
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
    const launched: Launched[] = []
    const errors: string[] = []
    await use(async (flags) => {
      const one = await launch(logDir, join(folder, 'user-data'), flags)
      watchForErrors(one.page, errors, expectedErrors)
      launched.push(one)
      return one
    })
    for (const { app } of launched) await app.close().catch(() => undefined)
    base.expect(errors, 'errors in the console').toEqual([])
  },
})

export { expect } from '@playwright/test'

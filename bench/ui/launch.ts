import { dirname, join } from 'node:path'
import { _electron, type CDPSession, type ElectronApplication, type Page } from 'playwright-core'
import type { Workspace } from './workspaces'

export const ROOT = process.env['DELTA_BENCH_ROOT'] ?? process.cwd()
export const ELECTRON = process.env['DELTA_ELECTRON'] ?? ''

export interface Opened {
  app: ElectronApplication
  page: Page
  session: CDPSession
}

export function flags({ logDir, userData }: Workspace): string[] {
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return [
    ...sandbox,
    '--on-close=quit',
    `--user-data-dir=${userData}`,
    ROOT,
    `--log_dir=${logDir}`,
    `--data-dir=${join(userData, 'history')}`,
  ]
}

/** The built window under a debugger: for what happens within it, not for how fast it starts. */
export async function open(workspace: Workspace): Promise<Opened> {
  process.env['ELECTRON_OVERRIDE_DIST_PATH'] = dirname(ELECTRON)
  const app = await _electron.launch({ args: flags(workspace), cwd: ROOT })
  const page = await app.firstWindow()
  return { app, page, session: await page.context().newCDPSession(page) }
}

/** Rows of the table of runs, without its head. */
export const ROWS = '[role="grid"][aria-label="Runs"] tbody [role="row"]'

export async function firstRow(page: Page, timeout = 180_000): Promise<void> {
  await page.waitForSelector(ROWS, { timeout })
}

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { test as base, type Page } from '@playwright/test'
import { ROOT } from './electron'
import { watchForErrors } from './errors'

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

export interface Server {
  url: string
  /** Interrupts it, as Ctrl-C does; resolves to its exit code. */
  stop: () => Promise<number | null>
}

/** `npm start` on a machine without a display. */
export async function startServer(logDir: string, port = 0, flags: readonly string[] = []): Promise<Server> {
  const env = { ...process.env, DISPLAY: '', WAYLAND_DISPLAY: '' }
  const dataDir = join(dirname(logDir), 'history')
  const args = [
    join(ROOT, 'scripts', 'start.mjs'),
    '--log_dir',
    logDir,
    '--data-dir',
    dataDir,
    '--port',
    String(port),
    ...flags,
  ]
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'ignore'] })
  return { url: await printedUrl(child), stop: () => stop(child) }
}

async function printedUrl(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no stdout')
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /http:\/\/\S+/.exec(line)?.[0]
    if (url) return url
  }
  throw new Error('npm start ended without an address')
}

async function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode
  const exit = once(child, 'exit')
  child.kill('SIGINT')
  await exit
  return child.exitCode
}

interface Fixtures {
  logDir: string
  expectedErrors: RegExp[]
  /** Serves `logDir`, once the test has put into it what it wants. */
  serve: (port?: number, flags?: readonly string[]) => Promise<Server>
  watched: Page
}

/** The served page in the system's own browser. */
export const test = base.extend<Fixtures>({
  browserName: 'chromium',
  launchOptions: async ({}, use) => {
    await use({
      executablePath: BROWSERS.find((path) => existsSync(path)),
      args: [
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        '--disable-gpu',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
  },
  logDir: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'delta-e2e-'))
    const logDir = join(folder, 'lightning_logs')
    mkdirSync(logDir)
    await use(logDir)
    rmSync(folder, { recursive: true, force: true })
  },
  expectedErrors: [[], { option: true }],
  serve: async ({ logDir }, use) => {
    const servers: Server[] = []
    await use(async (port, flags) => {
      const server = await startServer(logDir, port, flags)
      servers.push(server)
      return server
    })
    for (const server of servers) await server.stop()
  },
  watched: async ({ page, expectedErrors }, use) => {
    const errors: string[] = []
    watchForErrors(page, errors, expectedErrors)
    await use(page)
    base.expect(errors, 'errors in the console').toEqual([])
  },
})

export { expect } from '@playwright/test'

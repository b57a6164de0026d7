/**
 * `npm start`: the workbench on the runs of this folder. Installs and builds what is missing, then opens Electron; where
 * there is no display, or no Electron to be had, it serves the same page to a browser. `--log_dir DIR` shows other runs,
 * `--serve` serves in any case, `--port N` says where, and `--root DIR` what it may read.
 */
import { parseArgs } from 'node:util'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ALL_SECTIONS, ensureBuilt } from './build.mjs'
import { resolveElectron } from './electron.mjs'
import {
  ELECTRON_LIBRARIES,
  ensureInstalled,
  ensureSystemPackages,
  main,
  projectEnv,
  ROOT,
  run,
  say,
  SetupError,
  underProjectNode,
  whenParentIsGone,
} from './setup.mjs'

const INTERRUPTED = 130

await main(async (args) => {
  const { serve, logDir, dataDir, port, browse } = readArguments(args)
  const served = { logDir, dataDir, port, browse }
  ensureInstalled()
  const code = await underProjectNode()
  if (code !== undefined) return code
  await ensureBuilt(ALL_SECTIONS)

  if (serve) return servePage(served)
  if (!hasDisplay()) {
    say('There is no display here: serving the page to a browser instead.')
    return servePage(served)
  }
  ensureSystemPackages(ELECTRON_LIBRARIES, 'Electron')
  const electron = await resolveElectron()
  if (electron === undefined) {
    say('No Electron could be downloaded: serving the page to a browser instead.')
    return servePage(served)
  }
  return openWindow(electron, logDir, dataDir)
})

function readArguments(args) {
  try {
    const text = { type: 'string' }
    const options = {
      log_dir: text,
      'data-dir': text,
      port: text,
      serve: { type: 'boolean' },
      root: { ...text, multiple: true },
    }
    const { values } = parseArgs({ args, options })
    const port = Number(values.port ?? 0)
    if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Error('--port takes a number from 0 to 65535')
    return {
      logDir: resolve(process.env.INIT_CWD ?? '.', values.log_dir ?? 'lightning_logs'),
      dataDir: values['data-dir'] && resolve(process.env.INIT_CWD ?? '.', values['data-dir']),
      serve: values.serve ?? false,
      browse: values.root?.map((dir) => resolve(process.env.INIT_CWD ?? '.', dir)),
      port,
    }
  } catch (error) {
    throw new SetupError(
      `${error.message}\nUsage: npm start -- [--log_dir DIR] [--data-dir DIR] [--serve] [--port N] [--root DIR]`,
    )
  }
}

function hasDisplay() {
  return process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)
}

async function openWindow(electron, logDir, dataDir) {
  // Chromium's own complaints, as of a missing D-Bus, are not the user's; ours do not come from its log.
  const flags = ['--log-level=3']
  if (process.getuid?.() === 0) {
    say("Running as root: Chromium's sandbox cannot be used and is off (--no-sandbox). Better start it as a user.")
    flags.push('--no-sandbox')
  }
  // Set by some terminals (VS Code's); Electron would then start as plain Node.
  const env = projectEnv()
  delete env.ELECTRON_RUN_AS_NODE
  const code = await run(
    electron,
    [...flags, ROOT, `--log_dir=${logDir}`, ...(dataDir ? [`--data-dir=${dataDir}`] : [])],
    { cwd: process.cwd(), env },
  )
  return code === INTERRUPTED ? 0 : code
}

async function servePage(options) {
  const { serveHere } = await import(pathToFileURL(join(ROOT, 'out', 'main', 'server.js')).href)
  let served
  try {
    served = await serveHere({ ...options, cwd: process.cwd() })
  } catch (error) {
    throw new SetupError([error.message, error.details?.fix].filter(Boolean).join('\n'))
  }
  process.stdout.write(`Delta Workbench: ${served.url}\n`)
  say(`From another machine, first: ${served.ssh}`)
  say(`Runs in ${options.logDir}. Ctrl-C ends it.`)
  await new Promise((settle) => {
    process.once('SIGINT', settle).once('SIGTERM', settle)
    whenParentIsGone(settle)
  })
  await served.close()
  return 0
}

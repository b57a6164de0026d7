/**
 * What must be true before anything else runs: npm packages as package-lock.json says, the right Node, Debian's packages.
 * Runs in a fresh clone under the system's Node, so it uses nothing but what Node 20 has.
 */
import { spawn, spawnSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const WINDOWS = process.platform === 'win32'
/** The Node of the `node` devDependency. */
export const NODE = join(ROOT, 'node_modules', 'node', 'bin', WINDOWS ? 'node.exe' : 'node')
const BIN = join(ROOT, 'node_modules', '.bin')

/** Progress goes to stderr: stdout belongs to the command that was asked for. */
export function say(line) {
  process.stderr.write(`${line}\n`)
}

/** An expected failure: its message is for the user, its stack for nobody. */
export class SetupError extends Error {}

/** Runs a script's main function; ends the process with its exit code. */
export async function main(run) {
  try {
    const code = await run(process.argv.slice(2))
    if (typeof code === 'number') process.exitCode = code
  } catch (error) {
    say(error instanceof SetupError ? error.message : (error.stack ?? String(error)))
    process.exitCode = 1
  }
}

export function isEntry(moduleUrl) {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(moduleUrl)
}

// ---------------------------------------------------------------- npm packages

const LOCK = join(ROOT, 'package-lock.json')
const INSTALLED_LOCK = join(ROOT, 'node_modules', '.package-lock.json')
const INSTALL_STAMP = join(ROOT, 'node_modules', '.cache', 'delta-install')

/** Parsing both lock files costs 5 ms; their size and time answer almost always. */
function installStamp() {
  return [LOCK, INSTALLED_LOCK]
    .map((file) => statSync(file))
    .map(({ size, mtimeMs }) => `${size}:${mtimeMs}`)
    .join(' ')
}

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** Whether every package of `wanted` (package-lock.json) stands in `installed` (npm's hidden lock file) as wanted. */
export function lockMismatch(wanted, installed) {
  for (const [path, entry] of Object.entries(wanted.packages)) {
    if (path === '') continue
    const found = installed.packages[path]
    // npm leaves out an optional package whose platform differs or whose install failed; that is no reason to try again.
    if (found === undefined && (entry.optional || entry.devOptional)) continue
    if (found?.version !== entry.version || found?.integrity !== entry.integrity) return path
  }
  return undefined
}

function installIsCurrent() {
  if (!existsSync(INSTALLED_LOCK) || !existsSync(NODE)) return false
  const stamp = installStamp()
  if (read(INSTALL_STAMP) === stamp) return true
  if (lockMismatch(JSON.parse(read(LOCK)), JSON.parse(read(INSTALLED_LOCK))) !== undefined) return false
  mkdirSync(dirname(INSTALL_STAMP), { recursive: true })
  writeFileSync(INSTALL_STAMP, stamp)
  return true
}

/** Installs npm packages where they are missing or differ from package-lock.json. */
export function ensureInstalled() {
  if (installIsCurrent()) return
  withLock('install', () => {
    if (installIsCurrent()) return
    say('Installing npm packages (npm ci)…')
    const started = Date.now()
    // `npm ci` removes node_modules, and with it the Node that may be running this: it must itself run under the system's.
    const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== BIN)
    const env = { ...process.env, PATH: path.join(delimiter) }
    const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
    const npm = (args) =>
      spawnSync('npm', args, { cwd: ROOT, env, encoding: 'utf8', shell: WINDOWS, maxBuffer: 1 << 26 })
    let done = npm(args)
    // An npm that does not know `allowScripts` builds better-sqlite3, whose binaries are in the package, and fails without a
    // compiler. Only `node` has an install script that is needed.
    if (done.status !== 0 && npm([...args, '--ignore-scripts']).status === 0) done = npm(['rebuild', 'node'])
    if (done.status !== 0) {
      throw new SetupError(
        `npm ci failed${done.error ? ` (${done.error.message})` : ''}. What it said:\n${done.stdout ?? ''}${done.stderr ?? ''}`,
      )
    }
    if (!existsSync(NODE)) {
      throw new SetupError(
        'npm did not install Node 24 (the `node` package): install scripts are off. Run: npm rebuild node',
      )
    }
    say(`Installed in ${((Date.now() - started) / 1000).toFixed(0)} s.`)
    installIsCurrent()
  })
}

/** Environment in which `node` and every npm tool are the project's own. */
export function projectEnv(extra = {}) {
  return { ...process.env, PATH: [dirname(NODE), BIN, process.env.PATH ?? ''].join(delimiter), ...extra }
}

/** The command that runs an npm tool (`eslint`, `vitest`) under the project's Node. */
export function tool(name) {
  return WINDOWS ? join(BIN, `${name}.cmd`) : join(BIN, name)
}

/** Under any other Node than the project's, runs the same script again under that one; resolves to its exit code. */
export async function underProjectNode() {
  if (realpathSync(process.execPath) === realpathSync(NODE)) return undefined
  return run(NODE, process.argv.slice(1), { env: projectEnv() })
}

/** npm does not pass a SIGTERM on: whoever ends `npm run` means what it runs. Calls `act` once; returns what ends the watch. */
export function whenParentIsGone(act) {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    act()
  }, PARENT_LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}

const PARENT_LOOK_MS = 1000

/** Runs a program on this terminal. Ctrl-C reaches it by itself; we wait for it to end. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      stdio: 'inherit',
      shell: WINDOWS && command.endsWith('.cmd'),
      ...options,
    })
    const wait = () => {}
    const forward = (signal) => child.kill(signal)
    process.on('SIGINT', wait).on('SIGTERM', forward).on('SIGHUP', forward)
    const unwatch = whenParentIsGone(() => child.kill('SIGTERM'))
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      process.off('SIGINT', wait).off('SIGTERM', forward).off('SIGHUP', forward)
      unwatch()
      resolve(code ?? (signal === 'SIGINT' ? 130 : 1))
    })
  })
}

// ---------------------------------------------------------------- one at a time

const LOCK_WAIT_MS = 100

/** Runs `work` while no other process of this checkout does the same. The lock of a dead process is ignored. */
export function withLock(name, work) {
  const file = join(ROOT, 'out', `.${name}.lock`)
  const draft = `${file}.${process.pid}`
  mkdirSync(dirname(file), { recursive: true })
  for (;;) {
    // Written elsewhere first and linked: whoever sees the lock sees its owner. Moved away before it is removed: of several
    // processes that find a dead owner, one gets it.
    try {
      writeFileSync(draft, String(process.pid))
      linkSync(draft, file)
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      const owner = read(file)
      if (owner === undefined || isAlive(Number(owner))) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_WAIT_MS)
        continue
      }
      try {
        renameSync(file, `${draft}.stale`)
        // Somebody else was quicker and owns it now: give it back.
        if (read(`${draft}.stale`) !== owner) renameSync(`${draft}.stale`, file)
      } catch (moved) {
        if (moved.code !== 'ENOENT') throw moved
      }
      rmSync(`${draft}.stale`, { force: true })
    } finally {
      rmSync(draft, { force: true })
    }
  }
  const release = () => {
    if (read(file) === String(process.pid)) rmSync(file, { force: true })
  }
  let result
  try {
    result = work()
  } catch (error) {
    release()
    throw error
  }
  if (typeof result?.finally === 'function') return result.finally(release)
  release()
  return result
}

function isAlive(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

// ---------------------------------------------------------------- Debian's packages

/** `a|b`: Debian 13 and Ubuntu 24.04 renamed `a` to `b`. */
export const ELECTRON_LIBRARIES = [
  'libnss3',
  'libgtk-3-0|libgtk-3-0t64',
  'libgbm1',
  'libasound2|libasound2t64',
  'libatk-bridge2.0-0|libatk-bridge2.0-0t64',
  'libxss1',
  'libdrm2',
]
export const VIRTUAL_DISPLAY = ['xvfb', 'xauth']
export const BROWSER = ['chromium']

/** Those of `wanted` that `dpkg-query`'s answer does not name as installed. */
export function missingPackages(wanted, answer) {
  const installed = new Set(
    answer
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  )
  return wanted.filter((names) => !names.split('|').some((name) => installed.has(name)))
}

/** Installs Debian's packages as root, else says what to run. Returns whether all are there; true where dpkg is not in use. */
export function ensureSystemPackages(wanted, reason) {
  if (process.platform !== 'linux') return true
  const names = wanted.flatMap((alternatives) => alternatives.split('|'))
  const query = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...names], {
    encoding: 'utf8',
  })
  if (query.error) return true
  const missing = missingPackages(wanted, query.stdout)
  if (missing.length === 0) return true
  if (process.getuid?.() !== 0) {
    const first = missing.map((alternatives) => alternatives.split('|')[0]).join(' ')
    say(`${reason} needs packages of the system. Run: sudo apt-get install -y --no-install-recommends ${first}`)
    return false
  }
  say(
    `Installing system packages for ${reason}: ${missing.map((alternatives) => alternatives.split('|')[0]).join(' ')}…`,
  )
  const options = { encoding: 'utf8', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: 1 << 26 }
  const update = spawnSync('apt-get', ['update'], options)
  const chosen = missing.map((alternatives) => alternatives.split('|').find(hasCandidate) ?? alternatives.split('|')[0])
  const install = spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...chosen], options)
  if (install.status === 0) return true
  say(
    `apt-get could not install ${chosen.join(' ')}. What it said:\n${update.stderr}${install.stdout}${install.stderr}`,
  )
  return false
}

function hasCandidate(name) {
  const policy = spawnSync('apt-cache', ['policy', name], { encoding: 'utf8' })
  return /Candidate: (?!\(none\))/.test(policy.stdout ?? '')
}

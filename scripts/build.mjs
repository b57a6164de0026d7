/**
 * Builds `out/` with electron-vite's configuration, section by section, and only what is stale.
 * `node scripts/build.mjs [--node] [--quiet] [--force]`; `--node` builds what the command line needs and no window.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import {
  ensureInstalled,
  isEntry,
  main,
  NODE,
  ROOT,
  run,
  say,
  SetupError,
  underProjectNode,
  withLock,
} from './setup.mjs'

/** What each section is built from. Everything else it reads comes from npm packages, which the lock file stands for. */
const SOURCES = {
  main: ['src/shared', 'src/engine', 'src/core', 'src/cli', 'src/server', 'src/main'],
  preload: ['src/shared', 'src/preload'],
  renderer: ['src/shared', 'src/renderer'],
}
const BUILD_FILES = ['electron.vite.config.ts', 'package.json', 'package-lock.json', 'scripts/build.mjs']
export const ALL_SECTIONS = Object.keys(SOURCES)
export const NODE_SECTIONS = ['main']

const OUT = join(ROOT, 'out')
const stampOf = (section) => join(OUT, section, '.fingerprint')

/** Path, size and time of every file that goes into a section: a few hundred stats, some milliseconds. */
export function fingerprint(root, section) {
  const hash = createHash('sha256')
  const note = (path) => {
    const { size, mtimeMs } = statSync(join(root, path))
    hash.update(`${path}\0${size}\0${mtimeMs}\n`)
  }
  for (const path of BUILD_FILES) note(path)
  for (const folder of SOURCES[section]) for (const path of filesUnder(root, folder)) note(path)
  return hash.digest('hex')
}

function filesUnder(root, folder) {
  const found = []
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) found.push(...filesUnder(root, path))
    else if (!/\.test\.\w+$/.test(entry.name)) found.push(path)
  }
  return found.sort()
}

function isFresh(section, wanted) {
  try {
    return readFileSync(stampOf(section), 'utf8') === wanted
  } catch {
    return false
  }
}

export function staleSections(sections) {
  return sections.filter((section) => !isFresh(section, fingerprint(ROOT, section)))
}

/** Builds what is stale, in a process of its own: a bundler has no place in the memory of a training run. */
export async function ensureBuilt(sections) {
  if (staleSections(sections).length === 0) return
  // Its stdout becomes our stderr, since stdout belongs to the command that was asked for.
  const args = [join(ROOT, 'scripts', 'build.mjs'), '--quiet', ...(sections === NODE_SECTIONS ? ['--node'] : [])]
  const code = await run(NODE, args, { stdio: ['ignore', 2, 2] })
  if (code !== 0) throw new SetupError('The build failed.')
}

async function build(sections, { quiet, force }) {
  await withLock('build', async () => {
    for (const section of sections) {
      const wanted = fingerprint(ROOT, section)
      if (!force && isFresh(section, wanted)) continue
      const started = performance.now()
      await buildSection(section, wanted)
      if (!quiet) say(`Built out/${section} in ${((performance.now() - started) / 1000).toFixed(1)} s.`)
    }
  })
}

async function buildSection(section, wanted) {
  process.chdir(ROOT)
  const { resolveConfig } = await import('electron-vite')
  const vite = await import('vite')
  const { config } = await resolveConfig({ root: ROOT, logLevel: 'warn' }, 'build', 'production')
  const target = join(OUT, `.${section}-${process.pid}`)
  const sectionConfig = config[section]
  try {
    await vite.build({ ...sectionConfig, build: { ...sectionConfig.build, outDir: target, emptyOutDir: true } })
    publish(target, join(OUT, section))
    writeFileSync(stampOf(section), wanted)
  } finally {
    rmSync(target, { recursive: true, force: true })
  }
}

/** A process that started before the last build may still load a part it has not needed so far. */
const KEEP_OLD_PARTS_MS = 24 * 3600 * 1000
const hasContentHash = (path) => /-[\w-]{8}\.\w+$/.test(path)

/**
 * Moves a finished build into place file by file, while other processes may be running the previous one. Parts carry a
 * hash of their content in their name, so old and new stand side by side; entries go last and are replaced atomically.
 */
function publish(from, to) {
  const files = filesUnder(from, '.')
  const parts = files.filter(hasContentHash)
  for (const path of [...parts, ...files.filter((file) => !hasContentHash(file))]) {
    mkdirSync(dirname(join(to, path)), { recursive: true })
    renameSync(join(from, path), join(to, path))
  }
  for (const path of filesUnder(to, '.')) {
    if (files.includes(path) || path.endsWith('.fingerprint')) continue
    if (!hasContentHash(path) || Date.now() - statSync(join(to, path)).mtimeMs > KEEP_OLD_PARTS_MS)
      rmSync(join(to, path))
  }
}

if (isEntry(import.meta.url)) {
  await main(async (args) => {
    ensureInstalled()
    const code = await underProjectNode()
    if (code !== undefined) return code
    const sections = args.includes('--node') ? NODE_SECTIONS : ALL_SECTIONS
    try {
      await build(sections, { quiet: args.includes('--quiet'), force: args.includes('--force') })
    } catch (error) {
      // The bundler's message names the file and the line; its own stack helps nobody.
      throw new SetupError(stripVTControlCharacters(error instanceof Error ? error.message : String(error)))
    }
    return 0
  })
}

/**
 * `npm run bench [-- …]`: builds the program and the bench, then asks the questions of `bench/*.ts`, those files that export a `question`.
 * They are bundled as the program is, so that they can use its sources.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureBuilt, NODE_SECTIONS } from './build.mjs'
import { ensureInstalled, isEntry, main, ROOT, underProjectNode } from './setup.mjs'

const BENCH = join(ROOT, 'bench')
const OUT = join(ROOT, 'out', 'bench')
const QUESTION = /^export const question\b/m
/** The order of the table; what is not named here comes after, by name. */
const ORDER = [
  'epoch',
  'models',
  'backends',
  'tensorflow',
  'seeds',
  'sweep',
  'predictions',
  'start',
  'tableMemory',
  'store',
  'preparation',
  'ceilings',
  'account',
  'levels',
  'scaling',
]

const sourcesIn = (folder) =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(folder, entry.name))
const nameOf = (file) => basename(file, '.ts')

/** Files of `bench/` that are questions, in the order of the table. */
export function questionFiles(folder = BENCH) {
  const rank = (file) => (ORDER.includes(nameOf(file)) ? ORDER.indexOf(nameOf(file)) : ORDER.length)
  return sourcesIn(folder)
    .filter((file) => QUESTION.test(readFileSync(file, 'utf8')))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

async function bundle(files) {
  // The configuration's paths count from here.
  process.chdir(ROOT)
  const { resolveConfig } = await import('electron-vite')
  const vite = await import('vite')
  const { config } = await resolveConfig({ root: ROOT, logLevel: 'warn' }, 'build', 'production')
  const { rolldownOptions, ...build } = config.main.build
  const input = Object.fromEntries(files.map((file) => [nameOf(file), file]))
  rmSync(OUT, { recursive: true, force: true })
  mkdirSync(OUT, { recursive: true })
  await vite.build({
    ...config.main,
    build: { ...build, outDir: OUT, emptyOutDir: false, rolldownOptions: { ...rolldownOptions, input } },
  })
}

if (isEntry(import.meta.url)) {
  await main(async (args) => {
    ensureInstalled()
    const code = await underProjectNode()
    if (code !== undefined) return code
    await ensureBuilt(NODE_SECTIONS)
    const files = questionFiles()
    await bundle([join(BENCH, 'main.ts'), ...files, ...sourcesIn(join(BENCH, 'workers'))])
    const load = (file) => import(pathToFileURL(join(OUT, `${nameOf(file)}.js`)).href)
    const questions = await Promise.all(files.map(async (file) => (await load(file)).question))
    const { bench } = await load('main.ts')
    return bench(args, questions)
  })
}

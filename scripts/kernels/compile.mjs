import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import asc from 'assemblyscript/asc'

const ROOT = join(import.meta.dirname, '../..')
const SOURCES = join(ROOT, 'src/engine/kernels/assembly')
const CACHE = join(ROOT, 'node_modules/.cache/kernels')
const MODULE = 'virtual:kernels'

/** 65,536 pages are all that a 32-bit memory can have; pages that nobody touches cost nothing. */
const FLAGS = [
  ...['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--sharedMemory'],
  ...['--initialMemory', '1', '--maximumMemory', '65536'],
]
const BUILDS = { relaxed: 'simd,threads,relaxed-simd', plain: 'simd,threads' }

/** Both builds of the kernels as base64, compiled when a source has changed since the last time. */
export async function compileKernels() {
  const sources = readdirSync(SOURCES).filter((name) => name.endsWith('.ts'))
  const hash = createHash('sha256').update(JSON.stringify([FLAGS, BUILDS, asc.version]))
  for (const name of sources.sort()) hash.update(`${name}\0`).update(readFileSync(join(SOURCES, name)))
  const file = join(CACHE, `${hash.digest('hex')}.json`)
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // Not compiled yet.
  }
  const built = {}
  for (const [name, features] of Object.entries(BUILDS)) built[name] = await compile(features)
  mkdirSync(CACHE, { recursive: true })
  const temporary = `${file}.${process.pid}`
  writeFileSync(temporary, JSON.stringify(built))
  renameSync(temporary, file)
  return built
}

async function compile(features) {
  let binary
  const flags = ['program.ts', '--baseDir', SOURCES, '--outFile', 'kernels.wasm', '--enable', features, ...FLAGS]
  const { error, stderr } = await asc.main(flags, {
    writeFile: (name, contents) => {
      if (name.endsWith('.wasm')) binary = contents
    },
  })
  const said = stderr.toString()
  if (error || said.includes('WARNING')) throw new Error(`The kernels do not compile:\n${said}${error ?? ''}`)
  return Buffer.from(binary).toString('base64')
}

/** For Vite: `import { plain, relaxed } from 'virtual:kernels'`, so that a bundle has no file to look for. */
export function kernels() {
  return {
    name: 'delta:kernels',
    resolveId: (id) => (id === MODULE ? `\0${MODULE}` : undefined),
    async load(id) {
      if (id !== `\0${MODULE}`) return undefined
      for (const name of readdirSync(SOURCES)) this.addWatchFile?.(join(SOURCES, name))
      const built = await compileKernels()
      return Object.entries(built)
        .map(([name, base64]) => `export const ${name} = ${JSON.stringify(base64)}`)
        .join('\n')
    },
  }
}

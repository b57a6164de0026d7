import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import asc from 'assemblyscript/asc'

const SOURCES = 'src/engine/kernels/assembly'
const CACHE = 'node_modules/.cache/kernels'
const MODULE = 'virtual:kernels'

/**
 * 65,536 pages are all that a 32-bit memory can have; pages that nobody touches cost nothing. Not -O3: it takes steps of a product that are written
 * out one after the other for one expression, which wants more registers than there are.
 */
const FLAGS = [
  ...['-O2', '--noAssert', '--runtime', 'stub', '--importMemory', '--sharedMemory'],
  ...['--initialMemory', '1', '--maximumMemory', '65536'],
]
const BUILDS = { relaxed: 'simd,threads,relaxed-simd', plain: 'simd,threads' }

/**
 * Both builds of the kernels as base64, compiled when a source has changed since the last time.
 *
 * @param root the project's folder: where this file is bundled into a configuration, it does not know its own
 */
export async function compileKernels(root) {
  const folder = join(root, SOURCES)
  const sources = readdirSync(folder).filter((name) => name.endsWith('.ts'))
  const hash = createHash('sha256').update(JSON.stringify([FLAGS, BUILDS, asc.version]))
  for (const name of sources.sort()) hash.update(`${name}\0`).update(readFileSync(join(folder, name)))
  const file = join(root, CACHE, `${hash.digest('hex')}.json`)
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // Not compiled yet.
  }
  const built = {}
  for (const [name, features] of Object.entries(BUILDS)) built[name] = await compile(folder, features)
  mkdirSync(join(root, CACHE), { recursive: true })
  const temporary = `${file}.${process.pid}`
  writeFileSync(temporary, JSON.stringify(built))
  renameSync(temporary, file)
  return built
}

async function compile(folder, features) {
  let binary
  const flags = ['program.ts', '--baseDir', folder, '--outFile', 'kernels.wasm', '--enable', features, ...FLAGS]
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
export function kernels(root) {
  return {
    name: 'delta:kernels',
    resolveId: (id) => (id === MODULE ? `\0${MODULE}` : undefined),
    async load(id) {
      if (id !== `\0${MODULE}`) return undefined
      for (const name of readdirSync(join(root, SOURCES))) this.addWatchFile?.(join(root, SOURCES, name))
      const built = await compileKernels(root)
      return Object.entries(built)
        .map(([name, base64]) => `export const ${name} = ${JSON.stringify(base64)}`)
        .join('\n')
    },
  }
}

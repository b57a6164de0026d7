import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import asc from 'assemblyscript/asc'

const CACHE = 'node_modules/.cache/kernels'
/** Not -O3: it takes steps of a product that are written out one after the other for one expression, which wants more registers than there are. */
const FLAGS = ['-O2', '--noAssert', '--runtime', 'stub', '--importMemory']

/** What can be imported, by name: a folder of sources with its entry, and the features of each build. */
const MODULES = {
  'virtual:kernels': {
    sources: 'src/engine/kernels/assembly',
    entry: 'program.ts',
    // 65,536 pages are all that a 32-bit memory can have; pages that nobody touches cost nothing.
    flags: ['--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
    builds: { relaxed: 'simd,threads,relaxed-simd', plain: 'simd,threads' },
  },
  'virtual:user-sums': {
    sources: 'src/engine/evaluate/assembly',
    entry: 'userSums.ts',
    flags: [],
    // Never relaxed: a fused multiply-add rounds once, and figures must not depend on the processor.
    builds: { plain: 'simd' },
  },
}

/**
 * The builds of a module as base64, compiled when a source has changed since the last time.
 *
 * @param root the project's folder: where this file is bundled into a configuration, it does not know its own
 */
async function compileModule(root, module) {
  const folder = join(root, module.sources)
  const sources = readdirSync(folder).filter((name) => name.endsWith('.ts'))
  const hash = createHash('sha256').update(JSON.stringify([FLAGS, module, asc.version]))
  for (const name of sources.sort()) hash.update(`${name}\0`).update(readFileSync(join(folder, name)))
  const file = join(root, CACHE, `${hash.digest('hex')}.json`)
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // Not compiled yet.
  }
  const built = {}
  for (const [name, features] of Object.entries(module.builds)) built[name] = await compile(folder, module, features)
  mkdirSync(join(root, CACHE), { recursive: true })
  const temporary = `${file}.${process.pid}`
  writeFileSync(temporary, JSON.stringify(built))
  renameSync(temporary, file)
  return built
}

async function compile(folder, { entry, flags }, features) {
  let binary
  const all = [entry, '--baseDir', folder, '--outFile', 'kernels.wasm', '--enable', features, ...FLAGS, ...flags]
  const { error, stderr } = await asc.main(all, {
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
    resolveId: (id) => (id in MODULES ? `\0${id}` : undefined),
    async load(id) {
      const module = id.startsWith('\0') ? MODULES[id.slice(1)] : undefined
      if (!module) return undefined
      for (const name of readdirSync(join(root, module.sources))) this.addWatchFile?.(join(root, module.sources, name))
      const built = await compileModule(root, module)
      return Object.entries(built)
        .map(([name, base64]) => `export const ${name} = ${JSON.stringify(base64)}`)
        .join('\n')
    },
  }
}

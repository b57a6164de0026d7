/**
 * `npm run fuzz [-- --count N --seed S --reader NAME --list]`: every reader of files from elsewhere on N mutated files in
 * all, in child processes with a limit on memory and on the time of a file. What a child does not survive is kept under
 * artifacts/fuzz/. Exit code 1 when anything was unclear, crashed, hung or took too much memory.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { ensureInstalled, main, ROOT, underProjectNode } from './setup.mjs'

const OUT = join(ROOT, 'out', 'fuzz')
const KEPT = join(ROOT, 'artifacts', 'fuzz')
/** A file of a few KB is read in milliseconds, on a busy machine too. */
const HANG_MS = 20_000
/** Of the JavaScript heap, and of all resident memory: what the product itself takes is some 150 MB. */
const HEAP_MB = 512
const MEMORY_MB = 1024
/** Files that one process reads, so that memory which only grows is seen. */
const PER_PROCESS = 2_000

async function bundle() {
  const { build } = await import('vite')
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'warn',
    define: { __DELTA_VERSION__: JSON.stringify(version) },
    build: {
      ssr: true,
      outDir: OUT,
      emptyOutDir: true,
      target: 'node22',
      rolldownOptions: { input: { child: join(ROOT, 'fuzz', 'child.ts'), cases: join(ROOT, 'fuzz', 'list.ts') } },
    },
  })
}

/** One process over cases [from, to); where it ended, and why when too early. */
async function processOver(reader, from, to, seed, folder) {
  const log = join(folder, 'log')
  rmSync(log, { force: true })
  rmSync(`${log}.unclear`, { force: true })
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${HEAP_MB}`, join(OUT, 'child.js'), reader, join(folder, 'case'), log, seed, from, to].map(
      String,
    ),
    { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, DELTA_FUZZ_ROOT: join(ROOT, 'fuzz') } },
  )
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (said = (said + text).slice(-4000)))
  let size = -1
  let still = 0
  let hung = false
  const watch = setInterval(() => {
    const now = existsSync(log) ? statSync(log).size : 0
    still = now === size ? still + 500 : 0
    size = now
    if (still < HANG_MS || hung) return
    hung = true
    child.kill('SIGKILL')
  }, 500)
  const code = await new Promise((resolve) => child.on('close', resolve))
  clearInterval(watch)
  const lines = existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : []
  const ended = lines.filter((line) => line.startsWith('end ')).map((line) => line.split(' '))
  const unclear = existsSync(`${log}.unclear`)
    ? readFileSync(`${log}.unclear`, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
    : []
  const lost = code === 0 ? undefined : { n: from + ended.length, why: hung ? 'hang' : 'crash', said }
  return { ended, unclear, lost }
}

async function fuzzReader(reader, count, seed, cases) {
  const folder = join(OUT, 'work', reader.replaceAll(/\W+/g, '-'))
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const row = { reader, files: 0, accepted: 0, clear: 0, unclear: 0, crash: 0, hang: 0, memory: 0, slowest: 0, peak: 0 }
  const keep = (n, what, detail) => {
    mkdirSync(KEPT, { recursive: true })
    const name = `${reader.replaceAll(/\W+/g, '-')}-${seed}-${n}-${what}`
    writeFileSync(join(KEPT, name), cases.bytesOf(reader, seed, n))
    writeFileSync(join(KEPT, `${name}.txt`), `${detail}\n`)
  }
  for (let from = 0; from < count;) {
    const to = Math.min(count, from + PER_PROCESS)
    const { ended, unclear, lost } = await processOver(reader, from, to, seed, folder)
    let before = 0
    for (const [, n, outcome, ms, mb] of ended) {
      row.files++
      row[outcome]++
      row.slowest = Math.max(row.slowest, Number(ms))
      row.peak = Math.max(row.peak, Number(mb))
      if (Number(mb) > MEMORY_MB && before <= MEMORY_MB) {
        row.memory++
        keep(Number(n), 'memory', `${mb} MB`)
      }
      before = Number(mb)
    }
    for (const { n, trail, why } of unclear) keep(n, 'unclear', `${trail.join(', ')}\n${why}`)
    from += ended.length
    if (lost) {
      row.files++
      row[lost.why]++
      keep(lost.n, lost.why, lost.said)
      from++
    }
  }
  return row
}

const COLUMNS = [
  ['reader', 'reader'],
  ['files', 'files'],
  ['accepted', 'accepted'],
  ['refused clearly', 'clear'],
  ['unclear', 'unclear'],
  ['crash', 'crash'],
  ['hang', 'hang'],
  ['over memory', 'memory'],
  ['slowest ms', 'slowest'],
  ['peak MB', 'peak'],
]

function table(rows) {
  const cells = rows.map((row) =>
    COLUMNS.map(([, key]) => (typeof row[key] === 'number' ? Math.round(row[key]).toLocaleString('en') : row[key])),
  )
  const widths = COLUMNS.map(([title], i) => Math.max(title.length, ...cells.map((cell) => cell[i].length)))
  const line = (cell) =>
    `| ${cell.map((text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join(' | ')} |`
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(COLUMNS.map(([title]) => title)), rule, ...cells.map(line)].join('\n')
}

await main(async (args) => {
  ensureInstalled()
  const code = await underProjectNode()
  if (code !== undefined) return code
  const { values } = parseArgs({
    args: args.filter((arg) => arg !== '--'),
    options: {
      count: { type: 'string', default: '10000' },
      seed: { type: 'string', default: '0' },
      reader: { type: 'string' },
      list: { type: 'boolean', default: false },
    },
  })
  await bundle()
  process.env.DELTA_FUZZ_ROOT = join(ROOT, 'fuzz')
  const cases = await import(pathToFileURL(join(OUT, 'cases.js')).href)
  const wanted = cases.names.filter(
    (name) => values.reader === undefined || name.toLowerCase().includes(values.reader.toLowerCase()),
  )
  if (values.list || wanted.length === 0) {
    process.stdout.write(`${cases.names.join('\n')}\n`)
    return values.list ? 0 : 2
  }
  const each = Math.ceil(Number(values.count) / wanted.length)
  const rows = []
  for (const name of wanted) {
    const row = await fuzzReader(name, each, Number(values.seed), cases)
    rows.push(row)
    process.stderr.write(`${table([row]).split('\n')[2]}\n`)
  }
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0)
  const most = (key) => Math.max(...rows.map((row) => row[key]))
  const all = Object.fromEntries(
    COLUMNS.map(([, key]) => [key, ['slowest', 'peak'].includes(key) ? most(key) : sum(key)]),
  )
  process.stdout.write(`${table([...rows, { ...all, reader: 'all' }])}\n`)
  return all.unclear + all.crash + all.hang + all.memory === 0 ? 0 : 1
})

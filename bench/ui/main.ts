/** `npm run bench:ui`: what the built window takes, measured in real Electron. Started by `scripts/benchUi.mjs`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { coldStart } from './coldStart'
import { comparison } from './comparison'
import { curves } from './curves'
import { table, type Figure } from './figures'
import { ROOT } from './launch'
import { liveUpdate } from './liveUpdate'
import { millionRows } from './millionRows'
import { predictions } from './predictions'
import { runsTable } from './runsTable'
import { soak } from './soak'

const QUESTIONS = { coldStart, runsTable, liveUpdate, curves, comparison, millionRows, predictions, soak }
const REPEATS = 7
const QUICK_REPEATS = 2
const MINUTES = 5
const QUICK_MINUTES = 0.5

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    only: { type: 'string' },
    quick: { type: 'boolean' },
    minutes: { type: 'string' },
  },
})
const quick = values.quick ?? false
/** How long live updates go on. */
const minutes = Number(values.minutes ?? (quick ? QUICK_MINUTES : MINUTES))
if (!(minutes > 0)) throw new Error('--minutes wants a number above 0')
const wanted = values.only?.split(',') ?? Object.keys(QUESTIONS)
const folder = join(ROOT, 'artifacts', 'bench-ui')
const file = resolve(values.json ?? join(ROOT, 'artifacts', 'bench-ui.json'))
mkdirSync(folder, { recursive: true })
mkdirSync(dirname(file), { recursive: true })

const say = (line: string): void => void process.stderr.write(`${line}\n`)
const figures: Figure[] = []
let failed = false
for (const [name, ask] of Object.entries(QUESTIONS)) {
  if (!wanted.includes(name)) continue
  say(`${name}…`)
  try {
    figures.push(...(await ask(folder, quick ? QUICK_REPEATS : REPEATS, quick, say, minutes)))
  } catch (error) {
    failed = true
    say(`${name} failed: ${error instanceof Error ? error.message : String(error)}`)
  }
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, load: loadavg(), node: process.versions.node }
  // After each, so that a machine that goes down loses one question and not all.
  writeFileSync(file, `${JSON.stringify({ machine, date: new Date().toISOString(), quick, figures }, null, 2)}\n`)
}
if (figures.length > 0) process.stdout.write(`${table(figures)}\n`)
say(`Figures: ${file}`)
process.exitCode = failed ? 1 : 0

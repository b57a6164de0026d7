/**
 * `npm run setup:tensorflow [-- --cpu | --gpu] [--from-wheel] [--check]`: makes `--backend tensorflow` work. The package
 * `@tensorflow/tfjs-node-gpu` brings its own library (TensorFlow 2.9) where it can be downloaded; else, and for graphics cards
 * that are newer than it, a present one is unpacked from TensorFlow's Python wheel and the package's add-on compiled against it.
 * Everything goes to the user's cache, so that a fresh `npm ci` does not undo it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { ensureInstalled, isEntry, main, NODE, ROOT, say, SetupError, underProjectNode } from '../setup.mjs'
import { compileAddOn } from './addOn.mjs'
import { downloadWheel, findPython, unpackWheel } from './wheel.mjs'

const PACKAGE = '@tensorflow/tfjs-node-gpu'
/** What the add-on is compiled with. */
const NODE_API_HEADERS = '1.9.0'
/** TensorFlow 2.9.1, which the package downloads, was built for cards up to this compute capability (Ampere, Ada). */
const NEWEST_CARD_OF_PACKAGE = 8.9
/** The library has 400 MB; a machine without access fails within seconds. */
const DOWNLOAD_LIMIT_MS = 20 * 60 * 1000
const CHECK_LIMIT_MS = 2 * 60 * 1000

/** The engine looks in the same place (`src/engine/backends/tensorflow/findAddOn.ts`). */
export function tensorflowFolder(env = process.env) {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'delta-workbench', 'tensorflow')
}

/**
 * Leaves a working backend in `folder`, or what was there before.
 * @param {{ kind?: 'cpu' | 'gpu', fromWheel?: boolean, folder?: string }} [options]
 */
export async function setUpTensorflow({ kind, fromWheel = false, folder = tensorflowFolder() } = {}) {
  const card = graphicsCard()
  const wanted = kind ?? (card ? 'gpu' : 'cpu')
  const present = check(folder)
  if (present.works && present.kind === wanted && !(fromWheel && present.source !== 'wheel')) return present
  if (existsSync(folder)) say(present.works ? `Replacing ${present.text}.` : `Repairing ${folder}: ${present.text}`)

  const work = workFolder(folder)
  try {
    const made = make(work, { wanted, fromWheel, card })
    writeFileSync(join(work, 'installed.json'), `${JSON.stringify(made, null, 2)}\n`)
    const checked = check(work)
    if (!checked.works) throw new SetupError(`TensorFlow is unpacked and does not start: ${checked.text}`)
    replace(folder, work)
    return checked
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Beside what it will replace, so that it can take its place at once. */
function workFolder(folder) {
  try {
    mkdirSync(dirname(folder), { recursive: true })
    return mkdtempSync(join(dirname(folder), '.tensorflow-'))
  } catch (error) {
    throw new SetupError(`Nothing can be written beside ${folder}: ${error.message}`)
  }
}

function replace(folder, work) {
  rmSync(folder, { recursive: true, force: true })
  try {
    renameSync(work, folder)
  } catch (error) {
    // Another set-up was quicker: what it made serves as well.
    if (!check(folder).works) throw error
  }
}

function make(work, { wanted, fromWheel, card }) {
  const library = join(work, 'node_modules', PACKAGE)
  const { optionalDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  installPackage(work, optionalDependencies[PACKAGE])
  const tooNew = wanted === 'gpu' && card !== undefined && card.computeCapability > NEWEST_CARD_OF_PACKAGE
  if (tooNew) say(`The package's own library is older than ${card.name}: taking TensorFlow's wheel.`)
  if (!fromWheel && !tooNew) {
    const failure = ownDownload(library, wanted)
    if (failure === undefined) return { kind: wanted, source: 'package', tensorflow: '2.9.1' }
    say(`The package's own library cannot be had (${failure}): taking TensorFlow's wheel.`)
  }
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new SetupError(`TensorFlow's wheel serves Linux on x64 only; this is ${process.platform} on ${process.arch}.`)
  const python = findPython()
  const wheels = downloadWheel(join(work, 'wheels'), { wanted, python, timeout: DOWNLOAD_LIMIT_MS })
  unpackWheel(wheels, join(library, 'deps'), python)
  rmSync(join(work, 'wheels'), { recursive: true })
  compileAddOn(library, join(work, 'node_modules', 'node-api-headers', 'include'))
  return { kind: wanted, source: 'wheel', tensorflow: wheels.version }
}

/** The package without its download. Its TensorFlow.js stays out: it is given the workbench's own. */
function installPackage(work, version) {
  say(`Fetching ${PACKAGE} ${version} from the npm registry…`)
  const manifest = {
    private: true,
    dependencies: { [PACKAGE]: version, 'node-api-headers': NODE_API_HEADERS },
    overrides: { '@tensorflow/tfjs': `npm:@tensorflow/tfjs-core@${version}` },
  }
  writeFileSync(join(work, 'package.json'), JSON.stringify(manifest))
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const shell = process.platform === 'win32'
  const done = spawnSync('npm', args, { cwd: work, encoding: 'utf8', timeout: DOWNLOAD_LIMIT_MS, shell })
  if (done.status !== 0) throw new SetupError(`npm cannot fetch ${PACKAGE}: ${lastLine(done)}`)
}

/** Why the package's own download failed; undefined where it did not. */
function ownDownload(library, wanted) {
  say(`Downloading TensorFlow 2.9.1 for ${wanted === 'gpu' ? 'CUDA' : 'processors'}…`)
  const done = spawnSync(NODE, [join('scripts', 'install.js'), wanted, 'download'], {
    cwd: library,
    encoding: 'utf8',
    timeout: DOWNLOAD_LIMIT_MS,
  })
  return done.status === 0 && existsSync(join(library, 'lib')) ? undefined : lastLine(done)
}

/** What stands in a folder, and whether it works: loaded in a process of its own, since a library of the wrong kind ends it. */
export function check(folder) {
  const note = join(folder, 'installed.json')
  if (!existsSync(note)) return { works: false, text: 'it was never set up. Run: npm run setup:tensorflow' }
  let made
  try {
    made = JSON.parse(readFileSync(note, 'utf8'))
  } catch {
    return { works: false, text: 'installed.json is damaged' }
  }
  const probe = join(import.meta.dirname, 'probe.mjs')
  const library = join(folder, 'node_modules', PACKAGE)
  const done = spawnSync(NODE, [probe, library], { encoding: 'utf8', timeout: CHECK_LIMIT_MS })
  const found = /^probe (.*)$/m.exec(done.stdout ?? '')?.[1]
  if (done.status !== 0 || found === undefined) return { ...made, works: false, text: lastLine(done) }
  const { device, product } = JSON.parse(found)
  if (product !== 11) return { ...made, works: false, text: `it multiplies wrongly (1·3 + 2·4 = ${product})` }
  if (made.kind === 'gpu' && device !== 'gpu')
    return { ...made, works: false, text: 'it finds no graphics card: its driver is missing or older than the library' }
  return {
    ...made,
    works: true,
    device,
    text: `TensorFlow ${made.tensorflow} on the ${device === 'gpu' ? 'graphics card' : 'processor'}`,
  }
}

/** The first card that NVIDIA's driver lists. */
function graphicsCard() {
  const query = spawnSync('nvidia-smi', ['--query-gpu=name,compute_cap', '--format=csv,noheader'], { encoding: 'utf8' })
  const [name, capability] = (query.status === 0 ? query.stdout : '').split('\n')[0].split(', ')
  return capability ? { name, computeCapability: Number(capability) } : undefined
}

/** What a failed program said that tells most. */
function lastLine({ error, stdout, stderr, signal }) {
  const lines = `${stderr ?? ''}\n${stdout ?? ''}`.split('\n').map((line) => line.trim())
  const telling = [/^\w*error\b/i, /error|cannot|failed|not found/i, /./].flatMap((pattern) =>
    lines.filter((line) => pattern.test(line)),
  )
  return error?.message ?? telling[0] ?? `ended by ${signal}`
}

if (isEntry(import.meta.url)) {
  await main(async (args) => {
    const unknown = args.find((arg) => !['--cpu', '--gpu', '--from-wheel', '--check'].includes(arg))
    if (unknown) throw new SetupError(`What is "${unknown}"? Known: --cpu, --gpu, --from-wheel, --check`)
    ensureInstalled()
    const code = await underProjectNode()
    if (code !== undefined) return code
    if (args.includes('--check')) {
      const { works, text } = check(tensorflowFolder())
      say(works ? `${text} works.` : `TensorFlow does not work here: ${text}`)
      return works ? 0 : 1
    }
    const kind = args.includes('--gpu') ? 'gpu' : args.includes('--cpu') ? 'cpu' : undefined
    const { text } = await setUpTensorflow({ kind, fromWheel: args.includes('--from-wheel') })
    say(`${text} works: train with --backend tensorflow.`)
    return 0
  })
}

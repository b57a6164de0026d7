/** A present libtensorflow, from TensorFlow's Python wheel. pip only downloads; Python is not needed afterwards. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { say, SetupError } from '../setup.mjs'

export const TENSORFLOW = '2.21.0'
/** The library is the same in the wheel of every Python; this one is asked for where one's own has none. */
const ANY_PYTHON = ['--only-binary=:all:', '--python-version', '3.12']

export function findPython(env = process.env) {
  for (const python of ['python3', 'python'])
    if (spawnSync(python, ['-m', 'pip', '--version'], { env, stdio: 'ignore' }).status === 0) return python
  throw new SetupError(
    'pip is missing, which downloads the library. On Debian: sudo apt-get install -y python3-pip (it is not needed to run)',
  )
}

/** Downloads TensorFlow's wheel and, for CUDA, those of NVIDIA that it names. */
export function downloadWheel(folder, { wanted, python, timeout }) {
  mkdirSync(folder, { recursive: true })
  const name = wanted === 'gpu' ? 'tensorflow' : 'tensorflow_cpu'
  say(`Downloading TensorFlow ${TENSORFLOW} (${name}) with pip…`)
  download(folder, [`${name}==${TENSORFLOW}`], { python, timeout })
  const [wheel] = readdirSync(folder).filter((file) => file.endsWith('.whl'))
  const libraries = wanted === 'gpu' ? cudaOf(join(folder, wheel), python) : []
  if (libraries.length > 0) {
    say(`Downloading the ${libraries.length} CUDA libraries that it names…`)
    download(folder, libraries, { python, timeout })
  }
  return { version: TENSORFLOW, files: readdirSync(folder).map((file) => join(folder, file)) }
}

function download(folder, wanted, { python, timeout }) {
  const pip = (options) =>
    spawnSync(python, ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', folder, ...options, ...wanted], {
      encoding: 'utf8',
      timeout,
    })
  const own = pip([])
  if (own.status !== 0 && pip(ANY_PYTHON).status !== 0) {
    const [why = own.error?.message ?? 'no reason given'] = own.stderr
      .split('\n')
      .filter((line) => line.startsWith('ERROR'))
    throw new SetupError(`pip cannot download ${wanted.join(', ')}: ${why}`)
  }
}

const REQUIREMENTS = `
import sys, zipfile, email
wheel = zipfile.ZipFile(sys.argv[1])
metadata = email.message_from_bytes(wheel.read(next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))))
for line in metadata.get_all("Requires-Dist", []):
    need, _, condition = line.partition(";")
    if "and-cuda" in condition: print(need.strip())
`

function cudaOf(wheel, python) {
  const done = spawnSync(python, ['-c', REQUIREMENTS, wheel], { encoding: 'utf8' })
  if (done.status !== 0) throw new SetupError(`The wheel cannot be read: ${done.stderr}`)
  return done.stdout.split('\n').filter(Boolean)
}

/** Libraries to deps/lib, headers to deps/include, CUDA to deps/nvidia: the run paths of the library count from its own place. */
const UNPACK = `
import os, sys, zipfile
target = sys.argv[1]
places = {
    "tensorflow/include/tensorflow/": "include/tensorflow/",
    "tensorflow/include/xla/tsl/": "include/xla/tsl/",
    "tensorflow/include/tsl/": "include/tsl/",
    "tensorflow/include/absl/": "include/absl/",
    "tensorflow/libtensorflow": "lib/libtensorflow",
    "nvidia/": "nvidia/",
}
for path in sys.argv[2:]:
    with zipfile.ZipFile(path) as wheel:
        for name in wheel.namelist():
            place = next((to + name[len(start):] for start, to in places.items() if name.startswith(start)), None)
            if place is None or name.endswith("/") or ".." in name.split("/"): continue
            to = os.path.join(target, place)
            os.makedirs(os.path.dirname(to), exist_ok=True)
            with wheel.open(name) as source, open(to, "wb") as copy:
                while block := source.read(1 << 22): copy.write(block)
`

export function unpackWheel({ files }, deps, python) {
  say('Unpacking…')
  const done = spawnSync(python, ['-c', UNPACK, deps, ...files], { encoding: 'utf8' })
  if (done.status !== 0) throw new SetupError(`The wheel cannot be unpacked: ${done.stderr.trim().split('\n').at(-1)}`)
  // The names that a linker looks for.
  symlinkSync('libtensorflow_cc.so.2', join(deps, 'lib', 'libtensorflow.so'))
  symlinkSync('libtensorflow_framework.so.2', join(deps, 'lib', 'libtensorflow_framework.so'))
}

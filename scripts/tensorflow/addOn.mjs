import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { say, SetupError } from '../setup.mjs'

/** The add-on's Node-API version, as its package.json has it: it serves every Node and Electron since. */
const NAPI_VERSION = 8

/**
 * Compiles the package's add-on against `deps`. By the compiler itself: node-gyp would fetch Node's headers, of which this needs only
 * the four of Node-API, and those are an npm package (`headers`: their folder).
 */
export function compileAddOn(library, headers, env = process.env) {
  const compiler = [env.CXX, 'c++', 'g++', 'clang++']
    .filter(Boolean)
    .find((name) => spawnSync(name, ['--version'], { env, stdio: 'ignore' }).status === 0)
  if (compiler === undefined)
    throw new SetupError('A C++ compiler is missing, which builds the add-on. On Debian: sudo apt-get install -y g++')
  say(`Compiling the add-on with ${compiler}…`)
  const out = join(library, 'lib', `napi-v${NAPI_VERSION}`)
  mkdirSync(out, { recursive: true })
  const args = [
    ...['-std=c++17', '-O2', '-shared', '-fPIC', '-w', `-DNAPI_VERSION=${NAPI_VERSION}`],
    ...['-I.', '-Ideps/include', `-I${headers}`],
    ...['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc'],
    ...['-Ldeps/lib', '-ltensorflow', '-ltensorflow_framework', '-Wl,-rpath,$ORIGIN/../../deps/lib'],
    ...['-o', join(out, 'tfjs_binding.node')],
  ]
  const done = spawnSync(compiler, args, { cwd: library, env, encoding: 'utf8' })
  if (done.status !== 0) {
    const [why = done.error?.message] = (done.stderr ?? '').split('\n').filter((line) => line.includes('error'))
    throw new SetupError(`The add-on does not compile: ${why}`)
  }
}

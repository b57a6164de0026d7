import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import type { BackendChoice } from '../../../shared/config/experiment'

export const PACKAGE = '@tensorflow/tfjs-node-gpu'

/** The package and the add-on that was built for it. */
export interface AddOn {
  /** The package's folder. */
  library: string
  /** Its `tfjs_binding.node`. */
  binding: string
  /** Whether the library that it was built for can use a graphics card. */
  kind: 'cpu' | 'gpu'
}

/** What `npm run setup:tensorflow` notes beside what it made. */
const installedSchema = z.object({ kind: z.enum(['cpu', 'gpu']) })

/**
 * The TensorFlow add-on: from the folder that `DELTA_TENSORFLOW` names; else from where `npm run setup:tensorflow` put it
 * (`scripts/tensorflow/setup.mjs` names the same place); else the optional dependency, where npm's install succeeded.
 */
export function findAddOn(env: NodeJS.ProcessEnv = process.env): AddOn | undefined {
  const own = env['DELTA_TENSORFLOW']
  const folders = own ? [path.join(own, 'node_modules', PACKAGE)] : [installed(env), dependency()]
  for (const library of folders) {
    const binding = library === undefined ? undefined : bindingOf(library)
    if (library !== undefined && binding !== undefined) return { library, binding, kind: kindOf(library) }
  }
  return undefined
}

/** What a trained model is evaluated on: predictions do not depend on the backend, and this machine may lack the one that trained. */
export function availableBackend(choice: BackendChoice): BackendChoice {
  return choice === 'tensorflow' && !findAddOn() ? 'auto' : choice
}

/** {@link availableBackend}, of those that run a model's reference form. */
export function availableTfjs(choice: BackendChoice): BackendChoice {
  return choice === 'fused' ? 'auto' : availableBackend(choice)
}

/** npm's own install of the package downloads the library for cards. */
function kindOf(library: string): 'cpu' | 'gpu' {
  try {
    const note = readFileSync(path.join(library, '..', '..', '..', 'installed.json'), 'utf8')
    return installedSchema.parse(JSON.parse(note)).kind
  } catch {
    return 'gpu'
  }
}

function dependency(): string | undefined {
  try {
    return path.dirname(createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`))
  } catch {
    return undefined
  }
}

function installed(env: NodeJS.ProcessEnv): string {
  const cache = env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache')
  return path.join(cache, 'delta-workbench', 'tensorflow', 'node_modules', PACKAGE)
}

/** The newest Node-API build: `lib/napi-v8/tfjs_binding.node`. */
function bindingOf(library: string): string | undefined {
  const builds = path.join(library, 'lib')
  if (!existsSync(builds)) return undefined
  return readdirSync(builds)
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((build) => path.join(builds, build, 'tfjs_binding.node'))
    .find((file) => existsSync(file))
}

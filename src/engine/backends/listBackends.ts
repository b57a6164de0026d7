import type { BackendState } from '../../shared/domain/backend'
import { AppError } from '../../shared/errors'
import { NOT_HERE, bestBuild, defaultThreads } from '../kernels/machine'

const BUILDS = { relaxed: 'relaxed SIMD', plain: 'SIMD' }

/** What backends are worth here, by starting each: a library that is there may still not load. */
export async function listBackends(names: readonly BackendState['name'][]): Promise<BackendState[]> {
  const states: BackendState[] = []
  // One after the other: those of tfjs take turns as its current one.
  for (const name of names) states.push(await stateOf(name))
  return states
}

async function stateOf(name: BackendState['name']): Promise<BackendState> {
  try {
    return { name, works: true, text: await describe(name) }
  } catch (thrown) {
    const { message, details, cause } = AppError.from(thrown)
    const text = cause instanceof Error ? `${message}: ${cause.message}` : message
    return { name, works: false, text, ...(details.fix !== undefined && { fix: details.fix }) }
  }
}

/** @throws AppError `backend_unavailable` */
async function describe(name: BackendState['name']): Promise<string> {
  if (name === 'fused') {
    const threads = defaultThreads()
    return `Kernels on WebAssembly with ${BUILDS[fusedBuild()]}, up to ${threads} thread${threads === 1 ? '' : 's'}`
  }
  const { loadBackend } = await import('./tfjs/loadBackend')
  return (await loadBackend(name)).device
}

function fusedBuild(): keyof typeof BUILDS {
  try {
    return bestBuild()
  } catch (cause) {
    throw new AppError('backend_unavailable', 'The fused kernels do not start here', NOT_HERE, cause)
  }
}

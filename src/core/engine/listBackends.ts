import type { BackendState } from '../../shared/domain/backend'
import { AppError } from '../../shared/errors'
import { runInEngine } from './runInEngine'
import type { EngineSpawner } from './spawner'

/** What trains on this machine, as an engine of its own finds by starting each backend: native code may end the process. */
export async function listBackends(spawner: EngineSpawner, stop: AbortSignal): Promise<BackendState[]> {
  const answer = await runInEngine(spawner, { type: 'list_backends' }, () => {}, stop)
  if (answer.type === 'backends') return answer.backends
  throw new AppError('engine_protocol', `The engine answered "${answer.type}" to "list_backends"`)
}

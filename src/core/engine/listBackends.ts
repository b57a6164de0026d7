import { SETUP_TENSORFLOW, TRAINING_BACKENDS, type BackendState } from '../../shared/domain/backend'
import { AppError } from '../../shared/errors'
import { runInEngine } from './runInEngine'
import type { EngineSpawner } from './spawner'

/** Native code of others: where it ends its process, the rest must still be told of. */
const NATIVE = 'tensorflow'

/** What trains on this machine, as engines find by starting each backend. */
export async function listBackends(spawner: EngineSpawner, stop: AbortSignal): Promise<BackendState[]> {
  const ask = async (names: BackendState['name'][]): Promise<BackendState[]> => {
    const answer = await runInEngine(spawner, { type: 'list_backends', names }, () => {}, stop)
    if (answer.type === 'backends') return answer.backends
    throw new AppError('engine_protocol', `The engine answered "${answer.type}" to "list_backends"`)
  }
  const states = await Promise.all([
    ask(TRAINING_BACKENDS.filter((name) => name !== NATIVE)),
    ask([NATIVE]).catch((thrown: unknown) => {
      const { code, message } = AppError.from(thrown)
      if (code !== 'engine_crashed') throw thrown
      return [
        { name: NATIVE, works: false, text: `Starting it fails: ${message}`, fix: `Run: ${SETUP_TENSORFLOW}` },
      ] as const
    }),
  ])
  return TRAINING_BACKENDS.flatMap((wanted) => states.flat().filter(({ name }) => name === wanted))
}

/** {@link listBackends} for a page: whoever asks while it is being found out gets the same answer. */
export function sharedListing(spawner: EngineSpawner, stop: AbortSignal): () => Promise<BackendState[]> {
  let asked: Promise<BackendState[]> | undefined
  return () => (asked ??= listBackends(spawner, stop).finally(() => (asked = undefined)))
}

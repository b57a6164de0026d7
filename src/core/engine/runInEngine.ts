import { PROTOCOL_VERSION, fromEngineSchema, type FromEngine } from '../../shared/api/engineProtocol'
import { AppError } from '../../shared/errors'
import type { EngineRequest, EngineSpawner } from './spawner'

/** An engine that has not said a word by then never will. */
const READY_TIMEOUT_MS = 30_000
/** What a stopping engine may take to write its checkpoint before it is killed. */
const STOP_GRACE_MS = 20_000

/** Frames by which an engine answers its request; after one of them it ends. */
type FinalFrame = Extract<FromEngine, { type: 'result' | 'validation' }>

/**
 * Starts an engine, gives it one request and returns its answer. Every other frame goes to `onFrame` as it arrives.
 * Aborting `stop` asks the engine to end; one that does not is killed.
 *
 * @throws AppError of the engine, or `engine_crashed` when it ended without an answer
 */
export function runInEngine(
  spawner: EngineSpawner,
  request: EngineRequest,
  onFrame: (frame: FromEngine) => void,
  stop: AbortSignal,
): Promise<FinalFrame> {
  return new Promise((resolve, reject) => {
    const engine = spawner.spawn()
    let answer: (() => void) | undefined
    const ready = setTimeout(() => {
      answer = () =>
        reject(new AppError('engine_crashed', `The engine did not start within ${READY_TIMEOUT_MS / 1000} s`))
      engine.kill()
    }, READY_TIMEOUT_MS)
    let grace: NodeJS.Timeout | undefined
    const askToStop = (): void => {
      engine.send({ type: 'stop' })
      grace = setTimeout(() => engine.kill(), STOP_GRACE_MS)
    }

    engine.onFrame((raw) => {
      const parsed = fromEngineSchema.safeParse(raw)
      if (!parsed.success) {
        const message = `The engine sent a frame that protocol ${PROTOCOL_VERSION} does not know`
        answer = () =>
          reject(new AppError('engine_protocol', message, { fix: 'Build the project again.' }, parsed.error))
        engine.kill()
        return
      }
      const frame = parsed.data
      switch (frame.type) {
        case 'ready':
          clearTimeout(ready)
          engine.send(request)
          if (stop.aborted) askToStop()
          else stop.addEventListener('abort', askToStop, { once: true })
          break
        case 'result':
        case 'validation':
          answer = () => resolve(frame)
          break
        case 'error':
          answer = () => reject(AppError.fromJSON(frame.error))
          break
        case 'started':
        case 'log':
        case 'progress':
        case 'metrics':
          onFrame(frame)
          break
      }
    })
    engine.onExit(({ code, signal, stderr }) => {
      clearTimeout(ready)
      clearTimeout(grace)
      stop.removeEventListener('abort', askToStop)
      if (answer) return answer()
      const how = signal === null ? `with exit code ${code}` : `by signal ${signal}`
      reject(
        new AppError('engine_crashed', `The engine ended ${how} before it had finished`, {
          ...(stderr && { findings: stderr.trim().split('\n').slice(-10) }),
          fix: "What was measured until then is in the run's folder.",
        }),
      )
    })
  })
}

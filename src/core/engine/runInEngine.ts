import { PROTOCOL_VERSION, fromEngineSchema, type FromEngine } from '../../shared/api/engineProtocol'
import { AppError } from '../../shared/errors'
import type { EngineRequest, EngineSpawner } from './spawner'

/** An engine that has not said a word by then never will. */
const READY_TIMEOUT_MS = 30_000
/** What a stopping engine may take to write its checkpoint before it is killed. */
const STOP_GRACE_MS = 20_000

/** Frames by which an engine answers its request; after one of them it ends. */
type FinalFrame = Extract<FromEngine, { type: 'result' | 'seeds' | 'validation' | 'pairs' | 'adaptation' }>

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
      grace = setTimeout(() => {
        answer ??= () => reject(didNotStop())
        engine.kill()
      }, STOP_GRACE_MS)
    }

    engine.onFrame((raw) => {
      const parsed = fromEngineSchema.safeParse(raw)
      if (!parsed.success) {
        const { path = [], message: why = '' } = parsed.error.issues[0] ?? {}
        const message = `The engine sent a frame that protocol ${PROTOCOL_VERSION} does not know (${path.join('.') || 'frame'}: ${why})`
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
        case 'seeds':
        case 'validation':
        case 'adaptation':
        case 'pairs':
          answer = () => resolve(frame)
          break
        case 'error':
          answer = () => reject(AppError.fromJSON(frame.error))
          break
        case 'started':
        case 'log':
        case 'progress':
        case 'metrics':
        case 'seed':
        case 'texts':
          onFrame(frame)
          break
      }
    })
    engine.onExit(({ code, signal, stderr }) => {
      clearTimeout(ready)
      clearTimeout(grace)
      stop.removeEventListener('abort', askToStop)
      if (answer) return answer()
      reject(
        new AppError('engine_crashed', crashed(code, signal), {
          ...(stderr && { findings: lastWords(stderr) }),
          fix: "What was measured until then is in the run's folder.",
        }),
      )
    })
  })
}

/** What native code said before it died, without the stack frames below which the reason would scroll away. */
function lastWords(stderr: string): string[] {
  const lines = stderr.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '' && !/^(\d+: |-+ .* stack trace -+$)/.test(line)).slice(-10)
}

function crashed(code: number | null, signal: string | null): string {
  if (signal === 'SIGKILL')
    return 'The engine was killed (SIGKILL) before it had finished; systems that run out of memory do that'
  if (signal !== null) return `The engine was ended by signal ${signal} before it had finished`
  return code === null
    ? 'The engine could not be started'
    : `The engine ended with exit code ${code} before it had finished`
}

function didNotStop(): AppError {
  return new AppError('stopped', `The engine did not stop within ${STOP_GRACE_MS / 1000} s and was ended`, {
    fix: "What was measured until then is in the run's folder.",
  })
}

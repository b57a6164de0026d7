import { PROTOCOL_VERSION, fromEngineSchema, type FromEngine } from '../../shared/api/engineProtocol'
import { AppError } from '../../shared/errors'
import type { EngineExit, EngineProcess, EngineRequest, EngineSpawner } from './spawner'

/** An engine that has not said a word by then never will. */
const READY_TIMEOUT_MS = 30_000
/** What a stopping engine may take to write its checkpoint before it is killed. */
const STOP_GRACE_MS = 20_000

/** Frames by which an engine answers its request; after one of them it ends. */
type FinalFrame = Extract<
  FromEngine,
  {
    type:
      | 'result'
      | 'together'
      | 'validation'
      | 'probed'
      | 'backends'
      | 'pairs'
      | 'adaptation'
      | 'simulated'
      | 'recovery'
      | 'prepared'
      | 'prediction'
      | 'evaluation'
      | 'imported'
      | 'compared'
      | 'weighed'
  }
>

/** What the workbench's own end gives as the reason of its abort; any other reason is a person's wish. */
export const CLOSING = 'closing'
/** What a workbench calls itself to the command line that it starts, where npm gives its script's name. */
export const WINDOW = 'window'

export interface EngineWatch {
  readyTimeoutMs?: number
  stopGraceMs?: number
  /** Told at once, so that the process can be written down before it works. Electron knows its number only later. */
  onSpawn?(engine: EngineProcess): void
  /** Told before the request is sent; every process has its number then. */
  onReady?(engine: EngineProcess): void
  /** Told of every end, good or bad, before the answer is given. */
  onExit?(exit: EngineExit): void
}

/**
 * Starts an engine, gives it one request and returns its answer. Every other frame goes to `onFrame` as it arrives.
 * Aborting `stop` asks the engine to end (with the reason {@link CLOSING}, since the workbench itself ends); one that does not is killed.
 *
 * @throws AppError of the engine, or `engine_crashed` when it ended without an answer
 */
export function runInEngine(
  spawner: EngineSpawner,
  request: EngineRequest,
  onFrame: (frame: FromEngine) => void,
  stop: AbortSignal,
  watch: EngineWatch = {},
): Promise<FinalFrame> {
  const { readyTimeoutMs = READY_TIMEOUT_MS, stopGraceMs = STOP_GRACE_MS } = watch
  return new Promise((resolve, reject) => {
    const engine = spawner.spawn()
    let answer: (() => void) | undefined
    const ready = setTimeout(() => {
      answer = () =>
        reject(new AppError('engine_crashed', `The engine did not start within ${readyTimeoutMs / 1000} s`))
      engine.kill()
    }, readyTimeoutMs)
    let grace: NodeJS.Timeout | undefined
    const askToStop = (): void => {
      engine.send({ type: 'stop', ...(stop.reason === CLOSING && { why: CLOSING }) })
      grace = setTimeout(() => {
        answer ??= () => reject(didNotStop(stopGraceMs))
        engine.kill()
      }, stopGraceMs)
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
          watch.onReady?.(engine)
          engine.send(request)
          if (stop.aborted) askToStop()
          else stop.addEventListener('abort', askToStop, { once: true })
          break
        case 'result':
        case 'together':
        case 'validation':
        case 'probed':
        case 'backends':
        case 'adaptation':
        case 'pairs':
        case 'prepared':
        case 'prediction':
        case 'evaluation':
        case 'imported':
        case 'simulated':
        case 'recovery':
        case 'compared':
        case 'weighed':
          answer = () => resolve(frame)
          break
        case 'error':
          answer = () => reject(AppError.fromJSON(frame.error))
          break
        case 'started':
        case 'log':
        case 'progress':
        case 'work':
        case 'metrics':
        case 'run':
        case 'texts':
        case 'answer':
        case 'told':
        case 'examples':
          onFrame(frame)
          break
      }
    })
    engine.onExit((exit) => {
      clearTimeout(ready)
      clearTimeout(grace)
      stop.removeEventListener('abort', askToStop)
      watch.onExit?.(exit)
      if (answer) return answer()
      const findings = stderrLines(exit.stderr)
      reject(
        new AppError('engine_crashed', crashed(exit), {
          ...(findings.length > 0 && { findings }),
          fix: "What was measured until then is in the run's folder.",
        }),
      )
    })
    watch.onSpawn?.(engine)
  })
}

/** What native code said before it died, without the stack frames below which the reason would scroll away. */
export function stderrLines(stderr: string): string[] {
  const lines = stderr.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '' && !/^(\d+: |-+ .* stack trace -+$)/.test(line)).slice(-10)
}

function crashed({ code, signal }: EngineExit): string {
  if (signal === 'SIGKILL')
    return 'The engine was killed (SIGKILL) before it had finished; systems that run out of memory do that'
  if (signal !== null) return `The engine was ended by signal ${signal} before it had finished`
  return code === null
    ? 'The engine could not be started'
    : `The engine ended with exit code ${code} before it had finished`
}

function didNotStop(graceMs: number): AppError {
  return new AppError('stopped', `The engine did not stop within ${graceMs / 1000} s and was ended`, {
    fix: "What was measured until then is in the run's folder.",
  })
}

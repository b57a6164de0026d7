import type { EndStatus } from '../../shared/domain/lifecycle'
import type { RunResult } from '../../shared/domain/run'
import { AppError, formatPlace, messageOf } from '../../shared/errors'
import { CLOSING, runInEngine, type EngineWatch } from '../engine/runInEngine'
import type { EngineExit, EngineProcess, EngineRequest, EngineSpawner } from '../engine/spawner'
import { writeEnvironment } from '../reproduce/environment'
import type { Store } from '../store/openStore'
import { RunRecorder, type RecorderOptions } from './recorder'
import type { RunNews } from './runNews'

export type TrainRequest = Extract<EngineRequest, { type: 'train' }>

export interface Supervision
  extends Omit<RecorderOptions, 'warn'>, Pick<EngineWatch, 'readyTimeoutMs' | 'stopGraceMs'> {
  spawner: EngineSpawner
  request: TrainRequest
  /** Aborted by a person's wish, or with the reason `CLOSING`. */
  stop: AbortSignal
  onNews?: (news: RunNews) => void
}

export interface Ended {
  status: EndStatus
  /** The run's folder; absent where there is none. */
  dir?: string
  /** The engine's answer; absent where it had none. */
  result?: RunResult
  error?: AppError
}

/**
 * One run from the spawn of its engine to its end: every frame is written into the history before anybody hears of it, and
 * every way to end is written down with its reason. Never rejects.
 */
export async function supervise(options: Supervision): Promise<Ended> {
  const { spawner, request, stop, onNews = () => {}, publish } = options
  const recorder = new RunRecorder({
    ...options,
    warn: (message) => onNews({ type: 'log', level: 'warn', message }),
  })
  const ask = new AbortController()
  const askToStop = (): void => {
    if (ask.signal.aborted) return
    recorder.stopping(stop.reason === CLOSING ? 'The workbench is closing' : 'A stop was asked for')
    ask.abort(stop.reason)
  }
  if (stop.aborted) askToStop()
  else stop.addEventListener('abort', askToStop, { once: true })
  recorder.watch(askToStop)

  let environment: Promise<unknown> = Promise.resolve()
  let engine: EngineProcess | undefined
  let exit: EngineExit | undefined
  const ended = (guess: { status: EndStatus; reason: string }): EndStatus => {
    stop.removeEventListener('abort', askToStop)
    return recorder.ended(guess, exit)
  }
  try {
    const answer = await runInEngine(
      spawner,
      request,
      (frame) => {
        switch (frame.type) {
          case 'started':
            environment = describeRun({ ...options, ...request }, frame, (message) =>
              onNews({ type: 'log', level: 'warn', message }),
            )
            onNews(withoutVersion(frame))
            return recorder.started(frame, request.resume === undefined ? 'Training has begun' : 'Training goes on')
          case 'metrics': {
            const safe = recorder.metrics(frame)
            if (safe) engine?.send({ type: 'ack', seq: frame.seq })
            for (const batch of frame.batches) onNews({ type: 'metrics', batch })
            return
          }
          case 'progress':
            if (recorder.run)
              publish({ event: 'run.progress', payload: { runId: recorder.run.id, progress: frame.progress } })
            return onNews(withoutVersion(frame))
          case 'log':
            return onNews(withoutVersion(frame))
          default:
            return
        }
      },
      ask.signal,
      {
        ...options,
        onSpawn(process) {
          engine = process
          recorder.spawned(process.pid)
        },
        onReady: (process) => recorder.spawned(process.pid),
        onExit: (how) => void (exit = how),
      },
    )
    if (answer.type !== 'result')
      throw new AppError('engine_protocol', `The engine answered "${answer.type}" to "train"`)
    const { result } = answer
    // Who hears of the end may compare at once, and asks what the run was tested on.
    await environment
    const status = ended({ status: endStatus(result), reason: 'The engine ended in good order' })
    return { status, result, dir: recorder.run?.dir }
  } catch (thrown) {
    const error = AppError.from(thrown)
    return { status: ended(endOf(error, ask.signal)), error, dir: recorder.run?.dir }
  } finally {
    await environment
  }
}

/** Writes down what the run runs on, beside the training; without it the run is as good as before. */
export async function describeRun(
  { config, cwd, history }: Pick<TrainRequest, 'config' | 'cwd'> & Pick<RecorderOptions, 'history'>,
  { dir, backend, threads }: { dir: string; backend: string; threads: number },
  warn: (message: string) => void,
): Promise<void> {
  try {
    await writeEnvironment(dir, config, { backend, threads }, cwd, storeOf(history))
  } catch (error) {
    warn(`What this run runs on could not be written down: ${messageOf(error)}`)
  }
}

function storeOf(history: RecorderOptions['history']): Store | undefined {
  try {
    return history().store
  } catch {
    return undefined
  }
}

function withoutVersion<T extends { v: unknown }>(frame: T): Omit<T, 'v'> {
  const { v, ...rest } = frame
  void v
  return rest
}

export function endStatus({ status }: Pick<RunResult, 'status'>): EndStatus {
  switch (status) {
    case 'finished':
    case 'stopped':
    case 'failed':
    case 'crashed':
    case 'interrupted':
      return status
    case 'queued':
    case 'starting':
    case 'running':
    case 'stopping':
      return 'failed'
  }
}

/** One line that says what and where. */
export function reasonOf({ message, details }: AppError): string {
  const place = formatPlace(details)
  return place === '' || message.includes(place) ? message : `${message}: ${place}`
}

/** How a run has ended whose engine gave no result. */
export function endOf(error: AppError, stop: AbortSignal): { status: EndStatus; reason: string } {
  const reason = reasonOf(error)
  switch (error.code) {
    case 'engine_crashed':
      return { status: 'crashed', reason }
    case 'stopped':
      return { status: stop.reason === CLOSING ? 'interrupted' : 'stopped', reason }
    default:
      return { status: 'failed', reason }
  }
}

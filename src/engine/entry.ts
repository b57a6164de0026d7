import { PROTOCOL_VERSION, toEngineSchema, type ToEngine } from '../shared/api/engineProtocol'
import { AppError } from '../shared/errors'
import { validateData } from './data/validate'
import { listPairs } from './rewards/listPairs'
import { runExperiment, type EngineMessage } from './runExperiment'
import { runSeeds, type TellOfSeed } from './runSeeds'
import { StopRequest } from './stopReason'

/**
 * The engine's process: the only file that knows how frames reach it. Electron's utility process has `parentPort`, a
 * child process of Node has `process.send`.
 */
interface ParentPort {
  on(event: 'message', listener: (event: { data: unknown }) => void): void
  postMessage(message: unknown): void
}

/** How long the last frames may take to leave before the process ends. */
const FLUSH_MS = 2_000

const port = parentPort()
const stop = new StopRequest()

// A terminal sends Ctrl-C, and its own end, to the whole process group; only the parent decides what they mean.
process.on('SIGINT', () => {})
process.on('SIGHUP', () => {})
process.on('SIGTERM', () => stop.byUser())
// A parent that is gone cannot stop us: end as if it had asked, with what was learned saved.
process.on('disconnect', () => stop.orphaned())
process.on('uncaughtException', (error) => fatal(error))
process.on('unhandledRejection', (error) => fatal(error))

port.listen((frame) => {
  const parsed = toEngineSchema.safeParse(frame)
  if (!parsed.success) {
    fatal(
      new AppError('engine_protocol', `The engine speaks protocol ${PROTOCOL_VERSION} and did not understand a frame`),
    )
    return
  }
  handle(parsed.data).catch(fatal)
})
void port.send({ type: 'ready' })

async function handle(frame: ToEngine): Promise<void> {
  switch (frame.type) {
    case 'train':
      await port.send({
        type: 'result',
        result: await runExperiment(frame, (message) => void port.send(message), stop),
      })
      break
    case 'train_seeds': {
      const tell: TellOfSeed = (seed, news) => void port.send({ type: 'seed', seed, news })
      await port.send({ type: 'seeds', result: await runSeeds(frame, tell, stop) })
      break
    }
    case 'validate':
      await port.send({ type: 'validation', report: await validateData(frame.data, { signal: stop.signal }) })
      break
    case 'list_pairs': {
      const splits = await listPairs(frame.data, (chunk) => void port.send({ type: 'texts', chunk }), stop.signal)
      await port.send({ type: 'pairs', splits })
      break
    }
    case 'adapt': {
      // It differentiates the reference, and with it loads tfjs, which training does not need.
      const { adaptRun } = await import('./adaptRun')
      await port.send({ type: 'adaptation', adaptation: await adaptRun(frame, stop.signal) })
      break
    }
    case 'stop':
      stop.byUser()
      return
  }
  process.exit(0)
}

function fatal(thrown: unknown): void {
  const error = AppError.from(thrown).toJSON()
  const end = (): never => process.exit(1)
  setTimeout(end, FLUSH_MS).unref()
  void port.send({ type: 'error', error }).then(end, end)
}

function parentPort(): {
  send: (message: EngineMessage) => Promise<void>
  listen: (on: (frame: unknown) => void) => void
} {
  const electron: ParentPort | undefined = Reflect.get(process, 'parentPort')
  if (electron) {
    return {
      send: (message) => Promise.resolve(electron.postMessage({ v: PROTOCOL_VERSION, ...message })),
      listen: (on) => electron.on('message', (event) => on(event.data)),
    }
  }
  return {
    send: (message) =>
      new Promise((resolve) => {
        if (!process.send || !process.connected) return resolve()
        // A frame that cannot be delivered is no error: the run's folder holds everything that was measured.
        process.send({ v: PROTOCOL_VERSION, ...message }, () => resolve())
      }),
    listen: (on) => process.on('message', on),
  }
}

import { PROTOCOL_VERSION, toEngineSchema, type ToEngine } from '../shared/api/engineProtocol'
import { AppError } from '../shared/errors'
import { warmUp } from './kernels/machine'
import type { BrowseSession } from './browse/session'
import type { DataProgress } from './data/prepare'
import type { ExampleSession } from './compare/exampleSession'
import { listProblems, validateData } from './data/validate'
import { listPairs } from './rewards/listPairs'
import { MetricStream, type EngineFrame } from './metricStream'
import { runExperiment } from './runExperiment'
import { runTogether, type TellOfRun } from './runTogether'
import { StopRequest } from './stopReason'
import type { RunSession } from './users/runSession'
import { workReporter } from './workReporter'

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
const metrics = new MetricStream((frame) => void port.send(frame))

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
// Whoever starts an engine before having a request for it says what it will be.
if (process.argv[2] === 'train') warmUp()

/** What `query` frames are about. */
let browsing: Promise<BrowseSession> | undefined

/** What `ask` frames are about. */
let inspecting: Promise<RunSession> | undefined

/** What ends the answer to an `ask`, by its number. */
const asked = new Map<number, AbortController>()

/** What `ask_examples` frames are about. */
let holding: Promise<ExampleSession> | undefined

const reportWork = workReporter((work) => void port.send({ type: 'work', work }))

/** What training does not need is loaded when it is asked for: a short run should not wait for it. */
async function handle(frame: ToEngine): Promise<void> {
  switch (frame.type) {
    case 'train': {
      const result = await runExperiment(frame, metrics.emit, stop)
      metrics.end()
      await port.send({ type: 'result', result })
      break
    }
    case 'train_together': {
      const tell: TellOfRun = (run, news) => void port.send({ type: 'run', run, news })
      await port.send({ type: 'together', result: await runTogether(frame, tell, stop) })
      break
    }
    case 'validate': {
      if (frame.rows !== true) {
        await port.send({ type: 'validation', report: await validateData(frame.data, { signal: stop.signal }) })
        break
      }
      const onProgress = ({ bytesRead, bytesTotal }: DataProgress): void =>
        reportWork({ what: 'KiB checked', done: Math.ceil(bytesRead / 1024), total: Math.ceil(bytesTotal / 1024) })
      await port.send({ type: 'validation', ...(await listProblems(frame.data, { signal: stop.signal, onProgress })) })
      break
    }
    case 'probe': {
      const { probe } = await import('./probe')
      await port.send({ type: 'probed', estimate: await probe(frame.config, stop.signal, frame.others) })
      break
    }
    case 'list_backends': {
      const { listBackends } = await import('./backends/listBackends')
      await port.send({ type: 'backends', backends: await listBackends(frame.names) })
      break
    }
    case 'browse': {
      browsing = import('./browse/session').then(({ BrowseSession }) => new BrowseSession(frame.splits))
      const session = await browsing
      await session.open(reportWork, stop.signal)
      reportWork({ what: 'splits read', done: frame.splits.length, total: frame.splits.length })
      await stopped()
      session.close()
      break
    }
    case 'query': {
      const session = await browsing
      if (session) void port.send({ type: 'answer', id: frame.id, answer: await session.answer(frame.query) })
      return
    }
    case 'inspect': {
      inspecting = import('./users/runSession').then(({ RunSession }) => RunSession.open(frame, stop.signal))
      const session = await inspecting
      await stopped()
      await session.close()
      break
    }
    case 'ask': {
      const { id } = frame
      const dropped = new AbortController()
      asked.set(id, dropped)
      const session = await inspecting
      const report = workReporter((work) => void port.send({ type: 'work', id, work }))
      const signal = AbortSignal.any([stop.signal, dropped.signal])
      if (session) void port.send({ type: 'told', id, answer: await session.answer(frame.question, signal, report) })
      asked.delete(id)
      return
    }
    case 'drop':
      asked.get(frame.id)?.abort()
      return
    case 'weigh': {
      const { importanceOf } = await import('./compare/importance')
      const onWork = (done: number, total: number): void => reportWork({ what: 'trees', done, total })
      await port.send({ type: 'weighed', importance: await importanceOf(frame.question, stop.signal, onWork) })
      break
    }
    case 'hold_examples': {
      holding = import('./compare/exampleSession').then(({ ExampleSession }) =>
        ExampleSession.open(frame.files, stop.signal),
      )
      const session = await holding
      await stopped()
      session.close()
      break
    }
    case 'ask_examples': {
      const session = await holding
      if (session) void port.send({ type: 'examples', id: frame.id, answer: session.answer(frame.question) })
      return
    }
    case 'list_pairs': {
      const splits = await listPairs(frame.data, (chunk) => void port.send({ type: 'texts', chunk }), stop.signal)
      await port.send({ type: 'pairs', splits })
      break
    }
    case 'adapt': {
      const { adaptRun } = await import('./adaptRun')
      await port.send({ type: 'adaptation', adaptation: await adaptRun(frame, stop.signal, reportWork) })
      break
    }
    case 'prepare': {
      const { prepare } = await import('./prep/prepare')
      const result = await prepare(
        frame.task,
        {
          onWork: reportWork,
          onTexts: (chunk) => void port.send({ type: 'texts', chunk }),
        },
        stop.signal,
      )
      await port.send({ type: 'prepared', result })
      break
    }
    case 'predict': {
      const { predictRun } = await import('./predictRun')
      await port.send({ type: 'prediction', prediction: await predictRun(frame, stop.signal) })
      break
    }
    case 'evaluate': {
      const { evaluateRun } = await import('./evaluateRun')
      await port.send({ type: 'evaluation', evaluation: await evaluateRun(frame, stop.signal) })
      break
    }
    case 'import': {
      const { importData } = await import('./import/importData')
      await port.send({ type: 'imported', result: await importData(frame.options, reportWork, stop.signal) })
      break
    }
    case 'simulate': {
      const { simulate } = await import('./simulate/simulate')
      await port.send({ type: 'simulated', result: await simulate(frame, reportWork, stop.signal) })
      break
    }
    case 'recover': {
      const { recoverRun } = await import('./recover/recoverRun')
      await port.send({ type: 'recovery', recovery: await recoverRun(frame, stop.signal) })
      break
    }
    case 'compare': {
      const { comparePaired } = await import('./compare/paired')
      const onWork = (done: number, total: number): void => reportWork({ what: 'comparisons', done, total })
      await port.send({ type: 'compared', result: await comparePaired(frame.question, stop.signal, onWork) })
      break
    }
    case 'stop':
      if (frame.why === 'closing') stop.byClosing()
      else stop.byUser()
      return
    case 'ack':
      metrics.acknowledge(frame.seq)
      return
  }
  process.exit(0)
}

async function stopped(): Promise<void> {
  if (!stop.signal.aborted) await new Promise((end) => stop.signal.addEventListener('abort', end, { once: true }))
}

function fatal(thrown: unknown): void {
  const error = AppError.from(thrown).toJSON()
  const end = (): never => process.exit(1)
  setTimeout(end, FLUSH_MS).unref()
  metrics.end()
  void port.send({ type: 'error', error }).then(end, end)
}

function parentPort(): {
  send: (message: EngineFrame) => Promise<void>
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

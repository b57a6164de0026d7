import { resolve } from 'node:path'
import type { AppEvent } from '../shared/api/events'
import type { ExperimentInput, Reply } from '../shared/api/requests'
import { hasEnded, isActive } from '../shared/domain/lifecycle'
import { AppError } from '../shared/errors'
import { VERSION } from '../shared/version'
import { dataSections, resolveData, resolveExperiment, type ConfigRoots } from './config/resolveExperiment'
import { runInEngine, type EngineWatch } from './engine/runInEngine'
import type { EngineSpawner } from './engine/spawner'
import { answer, type Handlers } from './router'
import { RunStore } from './runs/runStore'
import { watchRuns } from './runs/watchRuns'
import { commandOf, quote } from './service/command'
import { EventBus } from './service/eventBus'
import { RunService } from './service/runService'
import { openStore, type Store } from './store/openStore'

/** The headless workbench: what a window, a server or the command line talks to. */
export interface Core {
  readonly logDir: string
  /** Never rejects: errors are part of the reply. */
  request(route: string, input: unknown): Promise<Reply<unknown>>
  /** Returns what ends the subscription. */
  subscribe(listener: (event: AppEvent) => void): () => void
  /** Ends the runs of this workbench as interrupted, then everything else. */
  close(): Promise<void>
}

export interface CoreOptions extends Pick<EngineWatch, 'readyTimeoutMs' | 'stopGraceMs'> {
  logDir: string
  /** Folder of the history, see `dataFolder`; undefined keeps it in memory. */
  dataDir: string | undefined
  spawner: EngineSpawner
  roots: ConfigRoots
}

export function createCore(options: CoreOptions): Core {
  const { spawner, roots } = options
  const logDir = resolve(options.logDir)
  const folders = new RunStore(logDir)
  const bus = new EventBus()
  let sequence = 0
  const changed = (): void => bus.publish({ event: 'runs.changed', payload: { sequence: ++sequence } })
  const opened = openHistory(options, logDir, bus.publish, changed)
  const service = (): RunService => {
    if ('error' in opened) throw opened.error
    return opened.service
  }
  const unwatch = watchRuns(() => folders.scan(), changed)
  const closing = new AbortController()

  const queue = () => {
    const { queue: table } = service()
    return {
      waiting: table.waiting(logDir).map(({ id, restarts }) => ({ id, restarts })),
      settings: table.settings(),
    }
  }
  const add = (experiment: ExperimentInput, place: 'end' | 'front' | 'now', restarts: number | undefined) =>
    service().add({
      ...experimentOf(experiment, roots),
      command: commandOf(experiment, logDir),
      cwd: roots.cwd,
      place,
      restarts,
    })

  const handlers = {
    'app.info': async () => ({
      version: VERSION,
      logDir,
      platform: process.platform,
      node: process.versions.node,
      firstCommand: firstCommand(logDir),
    }),
    'runs.list': async () => {
      const { runs, unreadable } = await folders.list()
      return { runs: runs.map((run) => withHistory(opened, run)), unreadable }
    },
    'runs.get': async ({ id }) => {
      // Before the folder is read: figures that come meanwhile are then in both, and none is in neither.
      const sequence = ('error' in opened ? undefined : opened.store.runs.find(id))?.sequence ?? 0
      const { run, ...detail } = await folders.get(id)
      return {
        ...detail,
        run: withHistory(opened, run),
        sequence,
        transitions: 'error' in opened ? [] : opened.store.runs.transitions(id),
      }
    },
    'runs.start': async ({ experiment, restarts }) => add(experiment, 'now', restarts),
    'runs.queue': async ({ experiment, place, restarts }) => add(experiment, place, restarts),
    'runs.stop': async ({ id }) => ({ status: service().stop(id) }),
    'runs.resume': async ({ id, changes, place }) => ({ status: service().resume(id, changes, place) }),
    'runs.clone': async ({ id, changes, place }) => service().clone(id, changes, place),
    'queue.get': async () => queue(),
    'queue.reorder': async ({ ids }) => {
      service().reorder(ids)
      return queue()
    },
    'queue.set': async (settings) => {
      service().set(settings)
      return queue()
    },
    'datasets.list': async (input) => dataSections(input, roots),
    'datasets.validate': async (input) => {
      const request = { type: 'validate' as const, data: resolveData(input, roots) }
      const frame = await runInEngine(spawner, request, () => {}, closing.signal, options)
      if (frame.type === 'validation') return frame.report
      throw new AppError('engine_protocol', `The engine answered "${frame.type}" to "validate"`)
    },
  } satisfies Handlers

  return {
    logDir,
    request: (route, input) => answer(handlers, route, input),
    subscribe: (listener) => bus.subscribe(listener),
    async close() {
      unwatch()
      closing.abort()
      if (!('error' in opened)) {
        await opened.service.close()
        opened.store.close()
      }
      bus.close()
    },
  }
}

type Opened = { store: Store; service: RunService } | { error: AppError }

/** A history that cannot be opened takes nothing from the runs on disk: they are listed, and what needs it says why not. */
function openHistory(
  { dataDir, ...options }: CoreOptions,
  logDir: string,
  publish: (event: AppEvent) => void,
  changed: () => void,
): Opened {
  try {
    const store = openStore({ dir: dataDir })
    const service = new RunService({ ...options, store, logDir, publish, changed })
    service.start()
    return { store, service }
  } catch (error) {
    return { error: AppError.from(error) }
  }
}

/**
 * What the history knows better than the folder: a run that has been taken from the queue, or asked to stop, before its engine
 * has written anything.
 */
function withHistory<R extends { id: string; status: string; reason?: string }>(opened: Opened, run: R): R {
  if ('error' in opened) return run
  const known = opened.store.runs.find(run.id)
  if (known === undefined || !isActive(known.status)) return run
  const waits = run.status === 'queued' || run.status === 'running'
  return waits && !hasEnded(known.status) ? { ...run, status: known.status } : run
}

/** A form's experiment as the configuration files and its changes give it. */
function experimentOf({ changes, ...experiment }: ExperimentInput, roots: ConfigRoots) {
  const overrides = new Map(Object.entries(changes).map(([key, value]) => [key, { value, flag: key }]))
  return resolveExperiment({ ...experiment, overrides }, roots)
}

/** What a newcomer may paste into a terminal; the run must appear in the folder that is being looked at. */
function firstCommand(logDir: string): string {
  const command = 'npm run -s delta -- train --dts_name simpler'
  return logDir === resolve('lightning_logs') ? command : `${command} --log_dir ${quote(logDir)}`
}

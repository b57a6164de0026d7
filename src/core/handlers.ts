import { resolve } from 'node:path'
import type { ExperimentInput, RequestOutput } from '../shared/api/requests'
import { hasEnded, isActive, type RunStatus } from '../shared/domain/lifecycle'
import { AppError } from '../shared/errors'
import { VERSION } from '../shared/version'
import { dataSections, resolveData, resolveExperiment, type ConfigRoots } from './config/resolveExperiment'
import { runInEngine, type EngineWatch } from './engine/runInEngine'
import type { EngineSpawner } from './engine/spawner'
import type { Handlers } from './router'
import type { RunStore } from './runs/runStore'
import { commandOf, quote } from './service/command'
import type { NewRunRequest, RunService } from './service/runService'
import { deleteRun, purgeRun, restoreRun } from './store/trash'
import type { Workbench } from './workbench'

export interface HandlerContext extends Pick<EngineWatch, 'readyTimeoutMs' | 'stopGraceMs'> {
  logDir: string
  roots: ConfigRoots
  spawner: EngineSpawner
  folders: RunStore
  workbench: Workbench
  /** Something in the list of runs is no longer what it was. */
  changed: () => void
  /** Aborted when core ends. */
  closing: AbortSignal
}

/** What core does for each route: one line each, or a call of what does it. */
export function createHandlers(context: HandlerContext) {
  const { logDir, roots, folders, workbench } = context
  return {
    'app.info': async () => ({
      version: VERSION,
      logDir,
      platform: process.platform,
      node: process.versions.node,
      firstCommand: firstCommand(logDir),
      notes: [...workbench.notes],
    }),

    'runs.list': async () => {
      const { runs, unreadable } = await folders.list()
      return { runs: runs.map((run) => withHistory(workbench, run)), unreadable }
    },
    'runs.get': async ({ id }) => {
      const runs = workbench.now?.store.runs
      // Before the folder is read: figures that come meanwhile are then in both, and none is in neither.
      const sequence = runs?.find(id)?.sequence ?? 0
      const { run, ...detail } = await folders.get(id)
      return { ...detail, run: withHistory(workbench, run), sequence, transitions: runs?.transitions(id) ?? [] }
    },
    'runs.start': async ({ experiment, restarts }) => add(await workbench.ready(), experiment, 'now', restarts),
    'runs.queue': async ({ experiment, place, restarts }) => add(await workbench.ready(), experiment, place, restarts),
    'runs.stop': async ({ id }) => ({ status: (await workbench.readyFor(id)).service.stop(id) }),
    'runs.resume': async ({ id, changes, place }) => ({
      status: (await workbench.readyFor(id)).service.resume(id, changes, place),
    }),
    'runs.clone': async ({ id, changes, place }) => (await workbench.readyFor(id)).service.clone(id, changes, place),
    'runs.annotate': async ({ id, ...change }) => {
      const { store } = await workbench.readyFor(id)
      const { key, dir } = store.runs.get(id)
      const { tags, note, starred } = store.annotations.change(key, dir ?? undefined, change)
      return moved({ tags, note, starred })
    },
    'runs.delete': async ({ id }) => moved(deleteRun((await workbench.readyFor(id)).store, id, Date.now())),
    'runs.restore': async ({ id }) => moved(restoreRun((await workbench.readyFor(id)).store, id)),
    'runs.purge': async ({ id }) => moved(purgeRun((await workbench.readyFor(id)).store, id)),

    'queue.get': async () => queueOf(await workbench.ready()),
    'queue.reorder': async ({ ids }) => {
      const opened = await workbench.ready()
      opened.service.reorder(ids)
      return queueOf(opened)
    },
    'queue.set': async (settings) => {
      const opened = await workbench.ready()
      opened.service.set(settings)
      return queueOf(opened)
    },

    'history.query': async (query) => (await workbench.ready()).store.history.query(query),

    'datasets.list': async (input) => dataSections(input, roots),
    'datasets.validate': async (input) => {
      const request = { type: 'validate' as const, data: resolveData(input, roots) }
      const frame = await runInEngine(context.spawner, request, () => {}, context.closing, context)
      if (frame.type === 'validation') return frame.report
      throw new AppError('engine_protocol', `The engine answered "${frame.type}" to "validate"`)
    },
  } satisfies Handlers

  function add(
    { service }: { service: RunService },
    experiment: ExperimentInput,
    place: NewRunRequest['place'],
    restarts: number | undefined,
  ): { id: string; dir: string } {
    const { changes, ...files } = experiment
    const overrides = new Map(Object.entries(changes).map(([key, value]) => [key, { value, flag: key }]))
    const resolved = resolveExperiment({ ...files, overrides }, roots)
    return service.add({ ...resolved, command: commandOf(experiment, logDir), cwd: roots.cwd, place, restarts })
  }

  /** The list has changed, and is asked for again. */
  function moved<T>(outcome: T): T {
    context.changed()
    return outcome
  }

  function queueOf({ service: { queue } }: { service: RunService }): RequestOutput<'queue.get'> {
    const waiting = queue.waiting(logDir).map(({ id, restarts }) => ({ id, restarts }))
    return { waiting, settings: queue.settings() }
  }
}

/**
 * What the history knows better than the folder: a run that has been taken from the queue, or asked to stop, before its engine
 * has written anything.
 */
function withHistory<R extends { id: string; status: RunStatus }>(workbench: Workbench, run: R): R {
  if (hasEnded(run.status)) return run
  const known = workbench.now?.store.runs.find(run.id)
  return known && isActive(known.status) ? { ...run, status: known.status } : run
}

/** What a newcomer may paste into a terminal; the run must appear in the folder that is being looked at. */
function firstCommand(logDir: string): string {
  const command = 'npm run -s delta -- train --dts_name simpler'
  return logDir === resolve('lightning_logs') ? command : `${command} --log_dir ${quote(logDir)}`
}

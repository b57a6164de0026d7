import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import type { AppEvent } from '../shared/api/events'
import type { ExperimentInput, RequestOutput } from '../shared/api/requests'
import { hasEnded, isActive, type RunStatus } from '../shared/domain/lifecycle'
import { VERSION } from '../shared/version'
import { compareRuns } from './compare/comparison'
import { groupCurves } from './compare/groupCurves'
import type { Examples } from './compare/examples'
import { Comparisons } from './compare/comparisons'
import { makeReport } from './compare/report/makeReport'
import { resolveExperiment, type ConfigRoots } from './config/resolveExperiment'
import type { Datasets } from './datasets/datasets'
import { datasetHandlers } from './datasets/handlers'
import { sharedListing } from './engine/listBackends'
import type { EngineWatch } from './engine/runInEngine'
import type { EngineSpawner } from './engine/spawner'
import { Experiments } from './experiment/experiments'
import { browse } from './files/browse'
import type { DesktopShell } from './files/desktopShell'
import type { FileRoots } from './files/fileRoots'
import { pick, reveal, writeChosen } from './files/filesOfCore'
import type { Handlers } from './router'
import type { RunStore } from './runs/runStore'
import { clusterHandlers } from './launch/handlers'
import type { ClusterProfiles } from './launch/profiles'
import { evaluationOf, viewRun } from './runs/viewRun'
import { commandOf, quote } from './service/command'
import type { NewRunRequest, RunService } from './service/runService'
import type { Store } from './store/openStore'
import { matchingRuns, runNames, runsTable } from './store/runsTable'
import { deleteRun, purgeRun, restoreRun } from './store/trash'
import { sweepHandlers } from './sweeps/handlers'
import type { Sweeps } from './sweeps/sweeps'
import { savedComparisonHandlers } from './compare/savedComparisons'
import { userHandlers } from './users/handlers'
import type { RunInspector } from './users/runInspector'
import type { Workbench } from './workbench'

export interface HandlerContext extends Pick<EngineWatch, 'readyTimeoutMs'> {
  logDir: string
  dataDir: string | undefined
  roots: ConfigRoots
  spawner: EngineSpawner
  folders: RunStore
  workbench: Workbench
  datasets: Datasets
  inspector: RunInspector
  examples: Examples
  sweeps: Sweeps
  profiles: ClusterProfiles
  /** What a page may name. */
  files: FileRoots
  /** Where looking around begins. */
  places: readonly string[]
  shell: DesktopShell | undefined
  /** Something in the list of runs is no longer what it was. */
  changed: () => void
  publish: (event: AppEvent) => void
  /** Aborted when core ends. */
  closing: AbortSignal
}

/** What core does for each route: one line each, or a call of what does it. */
export function createHandlers(context: HandlerContext) {
  const { logDir, dataDir, roots, folders, workbench, files, places, shell } = context
  const experiments = new Experiments({
    ...context,
    known: () => context.datasets.list().datasets,
    training: () => workbench.now?.service.queue.active().length ?? 0,
    run: async (id) => (await folders.get(id)).run,
    add: async (run) => (await workbench.ready()).service.add(run),
  })
  const comparisons = new Comparisons(context)
  const backends = sharedListing(context.spawner, context.closing)
  return {
    'app.info': async () => ({
      version: VERSION,
      logDir,
      platform: process.platform,
      node: process.versions.node,
      dataDir: dataDir ?? null,
      threads: availableParallelism(),
      firstCommand: firstCommand(logDir),
      notes: [...workbench.notes],
      dialogs: shell !== undefined,
    }),
    'app.backends': async () => ({ backends: await backends() }),
    'files.pick': async (question) => pick(files, shell, question),
    'files.browse': async ({ dir }) => browse(files, places, dir),
    'files.write': async ({ path, data, encoding }) => {
      writeChosen(files, path, data, encoding)
      return {}
    },
    'files.reveal': async ({ path }) => {
      reveal(files, shell, path)
      return {}
    },

    'runs.list': async () => {
      const { runs, unreadable } = await folders.list()
      return { runs: runs.map((run) => withHistory(workbench, run)), unreadable }
    },
    'runs.table': async (query) => runsTable(workbench, folders, logDir, query),
    'runs.match': async (query) => matchingRuns(workbench, logDir, query),
    'runs.view': async ({ id }) => viewRun((await workbench.readyFor(id)).store, id),
    'runs.evaluation': async ({ id, split }) => evaluationOf((await workbench.readyFor(id)).store, id, split),
    'runs.evaluate': async ({ id, split }) => ({
      evaluation: await context.inspector.evaluate((await workbench.readyFor(id)).store, id, split, context.closing),
    }),
    'runs.names': async () => runNames(workbench),
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

    'compare.runs': async (query) => compareRuns((await workbench.ready()).store, query),
    'compare.curves': async (query) => ({ curves: groupCurves((await workbench.ready()).store, query) }),
    'compare.paired': async (query) => comparisons.paired((await workbench.ready()).store, query),
    'compare.agreement': async (of) => {
      const { agreement, hidden } = await context.examples.ask(await storeOf(of), of, { type: 'agreement' })
      return { ...agreement, hidden }
    },
    'compare.examples': async ({ runs, split, ...selection }) => {
      const of = { runs, split }
      return (await context.examples.ask(await storeOf(of), of, { type: 'pairs', ...selection })).page
    },
    'compare.importance': async ({ question, ticket }) => comparisons.importance(question, ticket),
    'compare.report': async (query) => ({
      html: await makeReport((await workbench.ready()).store, comparisons, query),
    }),
    'compare.cancel': async ({ ticket }) => {
      comparisons.cancel(ticket)
      return {}
    },

    ...savedComparisonHandlers(workbench, context.publish),

    'experiment.draft': async (input) => experiments.draft(input),
    'experiment.check': async ({ yaml, changes, seeds }) => experiments.check(yaml, changes, seeds),
    'experiment.estimate': async ({ yaml, ticket, again }) => experiments.estimate(yaml, ticket, again),
    'experiment.forget': async ({ ticket }) => {
      experiments.estimates.forget(ticket)
      return {}
    },
    'experiment.start': async ({ yaml, place, seeds }) => experiments.start(yaml, place, seeds),
    'experiment.presets': async () => ({ presets: experiments.presets.list() }),
    'experiment.savePreset': async ({ name, description, yaml }) => experiments.savePreset(name, description, yaml),
    'experiment.deletePreset': async ({ name }) => {
      experiments.presets.delete(name)
      return {}
    },
    ...datasetHandlers(context.datasets, context.closing),
    ...userHandlers(context.inspector, workbench, context.closing),
    ...sweepHandlers(context.sweeps),
    ...clusterHandlers(context),
  } satisfies Handlers

  /** Which knows all of the runs, if anybody does. */
  async function storeOf({ runs }: { runs: readonly string[] }): Promise<Store> {
    for (const id of runs) await workbench.readyFor(id)
    return (await workbench.ready()).store
  }

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

import { resolve } from 'node:path'
import type { AppEvent } from '../shared/api/events'
import type { Reply } from '../shared/api/requests'
import type { ConfigRoots } from './config/resolveExperiment'
import { Examples } from './compare/examples'
import { Datasets } from './datasets/datasets'
import { rootsOfCore, type FilesOptions } from './files/filesOfCore'
import { createHandlers } from './handlers'
import { ClusterProfiles } from './launch/profiles'
import { answer } from './router'
import { RunStore } from './runs/runStore'
import { watchRuns } from './runs/watchRuns'
import { EventBus } from './service/eventBus'
import { Sweeps } from './sweeps/sweeps'
import { RunInspector } from './users/runInspector'
import { Workbench, type WorkbenchOptions } from './workbench'

/** The headless workbench: what a window, a server or the command line talks to. */
export interface Core {
  readonly logDir: string
  /** Runs and sweeps that this core works on, and that would end with it. */
  readonly running: number
  /** Never rejects: errors are part of the reply. */
  request(route: string, input: unknown): Promise<Reply<unknown>>
  /** Returns what ends the subscription. */
  subscribe(listener: (event: AppEvent) => void): () => void
  /** Ends the runs of this workbench as interrupted, then everything else. */
  close(): Promise<void>
}

export interface CoreOptions extends Omit<WorkbenchOptions, 'folders' | 'publish' | 'changed'>, FilesOptions {
  /** Where configuration files are looked for. */
  roots: ConfigRoots
}

export function createCore(options: CoreOptions): Core {
  const logDir = resolve(options.logDir)
  const folders = new RunStore(logDir)
  const bus = new EventBus()
  let sequence = 0
  const changed = (): void => bus.publish({ event: 'runs.changed', payload: { sequence: ++sequence } })
  const workbench = new Workbench({ ...options, logDir, folders, publish: bus.publish, changed })
  const closing = new AbortController()
  const { files, places } = rootsOfCore(options, options.roots, logDir, options.dataDir)
  const roots = { ...options.roots, files }
  const { shell } = options
  const datasets = new Datasets({ ...options, roots, publish: bus.publish })
  const inspector = new RunInspector({
    ...{ ...options, files, datasets: () => datasets.usable() },
    onWork: (payload) => bus.publish({ event: 'users.work', payload }),
  })
  const examples = new Examples({ ...options, files, datasets: () => datasets.usable() })
  const profiles = new ClusterProfiles(options.dataDir, shell)
  const sweeps = new Sweeps({ ...options, logDir, roots, folders, profiles, publish: bus.publish, changed })
  const works = { workbench, datasets, inspector, examples, sweeps, profiles }
  const known = { logDir, roots, files, places, shell, folders, ...works }
  const handlers = createHandlers({ ...options, ...known, changed, publish: bus.publish, closing: closing.signal })
  void sweeps.follow()
  const unwatch = watchRuns(
    async () => {
      await workbench.known
      return folders.glance()
    },
    () => workbench.sync(),
  )
  return {
    logDir,
    get running() {
      return (workbench.now?.service.running ?? 0) + sweeps.running
    },
    request: (route, input) => answer(handlers, route, input),
    subscribe: (listener) => bus.subscribe(listener),
    async close() {
      unwatch()
      closing.abort()
      inspector.close()
      examples.close()
      await Promise.all([sweeps.close(), workbench.close(), datasets.close()])
      bus.close()
    },
  }
}

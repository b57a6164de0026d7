import { dataFolder } from '../store/location'
import { openStore, type Store } from '../store/openStore'
import { syncRun } from '../store/syncRuns'
import { QueueTable } from './queueTable'
import type { History } from './recorder'

/** The history with its queue. */
export function historyOf(store: Store): History {
  return { store, queue: new QueueTable(store) }
}

/**
 * A history that is opened when the first thing is written to it, so that a command line starts its engine before. An
 * error is thrown at each use: whoever records a run goes on without.
 */
export function lazyHistory(
  dataDir: string | undefined,
  cwd: string,
): {
  open: () => History
  /** @param dirs folders of runs that have ended */ close: (...dirs: (string | undefined)[]) => Promise<void>
} {
  let history: History | undefined
  return {
    open: () => (history ??= historyOf(openStore({ dir: dataFolder(dataDir, cwd), check: 'daily' }))),
    async close(...dirs) {
      if (!history) return
      // Its configuration and results by user too; what fails here is done by the next look through the folders.
      for (const dir of dirs) if (dir !== undefined) await syncRun(history.store, dir).catch(() => undefined)
      history.store.close()
    },
  }
}

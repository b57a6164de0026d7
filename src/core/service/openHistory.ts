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
  /** Reads the folder of a run that has ended: its configuration and results by user too. What fails is done by the next look through the folders. */
  read: (dir: string) => void
  /** Once all have been read. */
  close: () => Promise<void>
} {
  let history: History | undefined
  let reading: Promise<unknown> = Promise.resolve()
  return {
    open: () => (history ??= historyOf(openStore({ dir: dataFolder(dataDir, cwd), check: 'daily' }))),
    read(dir) {
      // One after the other: whatever else this process has to do has its turn between two.
      reading = reading.then(async () => history && (await syncRun(history.store, dir).catch(() => undefined)))
    },
    async close() {
      await reading
      history?.store.close()
    },
  }
}

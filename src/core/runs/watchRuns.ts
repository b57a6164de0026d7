import { watch, type FSWatcher } from 'node:fs'
import type { Scan } from './runStore'

/** Network file systems and dying processes raise no event: the folder is looked at anyway. */
const POLL_MS = 2000
/** Looking at many runs takes long; it should take no more than one tenth of the time, and yet not wait for ever. */
const POLL_SHARE = 10
const SLOWEST_POLL_MS = 5000
/** One epoch writes several files in a burst. */
const SETTLE_MS = 120
/** Each watched folder costs the user one of a few thousand inotify handles. */
const MAX_WATCHED = 256

/** Calls `onChange` after the runs on disk, or whether their processes live, have changed. Returns what ends it. */
export function watchRuns(scan: () => Promise<Scan>, onChange: () => void, pollMs = POLL_MS): () => void {
  const watchers = new Map<string, FSWatcher>()
  let signature: string | undefined
  let timer: NodeJS.Timeout | undefined
  let looking = false
  let again = false
  let closed = false
  /** A look is due because something has stirred: what stirs meanwhile does not put it off. */
  let settling = false
  /** Before that it would take too much of the time. */
  let rested = 0

  const lookIn = (ms: number): void => {
    clearTimeout(timer)
    timer = setTimeout(() => void look(), ms)
    timer.unref()
  }

  const look = async (): Promise<void> => {
    looking = true
    again = false
    settling = false
    const started = Date.now()
    try {
      const found = await scan()
      if (closed) return
      watchFolders(found.folders.slice(0, MAX_WATCHED))
      if (signature !== undefined && signature !== found.signature) onChange()
      signature = found.signature
    } catch {
      // A log folder that cannot be read now is asked for again; whoever lists it gets the error itself.
    } finally {
      looking = false
    }
    if (closed) return
    const rest = Math.min(SLOWEST_POLL_MS, POLL_SHARE * (Date.now() - started))
    rested = Date.now() + rest
    if (again) stirred()
    else lookIn(Math.max(pollMs, rest))
  }

  const stirred = (): void => {
    if (looking) again = true
    else if (!settling) {
      settling = true
      lookIn(Math.max(SETTLE_MS, rested - Date.now()))
    }
  }

  const watchFolders = (folders: readonly string[]): void => {
    for (const [folder, watcher] of watchers) {
      if (folders.includes(folder)) continue
      watcher.close()
      watchers.delete(folder)
    }
    for (const folder of folders) {
      if (watchers.has(folder)) continue
      try {
        const watcher = watch(folder, { persistent: false }, stirred)
        // Out of handles, or the folder has gone: polling goes on.
        watcher.on('error', () => {
          watcher.close()
          watchers.delete(folder)
        })
        watchers.set(folder, watcher)
      } catch {
        continue
      }
    }
  }

  void look()
  return () => {
    closed = true
    clearTimeout(timer)
    for (const watcher of watchers.values()) watcher.close()
  }
}

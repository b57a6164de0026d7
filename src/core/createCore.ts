import { resolve } from 'node:path'
import type { AppEvent } from '../shared/api/events'
import type { Reply } from '../shared/api/requests'
import { VERSION } from '../shared/version'
import { answer, type Handlers } from './router'
import { RunStore } from './runs/runStore'
import { watchRuns } from './runs/watchRuns'

/** The headless workbench: what a window, a server or the command line talks to. */
export interface Core {
  readonly logDir: string
  /** Never rejects: errors are part of the reply. */
  request(route: string, input: unknown): Promise<Reply<unknown>>
  /** Returns what ends the subscription. */
  subscribe(listener: (event: AppEvent) => void): () => void
  close(): void
}

export function createCore(options: { logDir: string }): Core {
  const logDir = resolve(options.logDir)
  const runs = new RunStore(logDir)
  const listeners = new Set<(event: AppEvent) => void>()
  const publish = (event: AppEvent): void => listeners.forEach((listener) => listener(event))

  let sequence = 0
  const unwatch = watchRuns(
    () => runs.scan(),
    () => publish({ event: 'runs.changed', payload: { sequence: ++sequence } }),
  )

  const handlers = {
    'app.info': () =>
      Promise.resolve({
        version: VERSION,
        logDir,
        platform: process.platform,
        node: process.versions.node,
        firstCommand: firstCommand(logDir),
      }),
    'runs.list': () => runs.list(),
    'runs.get': ({ id }) => runs.get(id),
  } satisfies Handlers

  return {
    logDir,
    request: (route, input) => answer(handlers, route, input),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      unwatch()
      listeners.clear()
    },
  }
}

/** What a newcomer may paste into a terminal; the run must appear in the folder that is being looked at. */
function firstCommand(logDir: string): string {
  const command = 'npm run -s delta -- train --dts_name simpler'
  if (logDir === resolve('lightning_logs')) return command
  const quoted = /^[\w@%+=:,./-]+$/.test(logDir) ? logDir : `'${logDir.replaceAll("'", String.raw`'\''`)}'`
  return `${command} --log_dir ${quoted}`
}

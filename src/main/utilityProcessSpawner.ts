import { utilityProcess } from 'electron'
import { PROTOCOL_VERSION } from '../shared/api/engineProtocol'
import { lastWords, type EngineExit, type EngineSpawner } from '../core/engine/spawner'

/** Signals by number, as far as an engine can be ended by one. */
const SIGNALS: Readonly<Record<number, string>> = {
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
}

/**
 * Engines as Electron's utility processes. Chromium ends these at once when the main process dies, so that they cannot save
 * anything then: a run goes on from the checkpoint it had written before.
 *
 * @param enginePath the built engine entry
 */
export function utilityProcessSpawner(enginePath: string): EngineSpawner {
  return {
    spawn() {
      const child = utilityProcess.fork(enginePath, [], {
        serviceName: 'Delta engine',
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      const stderr = lastWords(child.stderr)
      let killed = false
      return {
        get pid() {
          return child.pid
        },
        send: (request) => child.postMessage({ v: PROTOCOL_VERSION, ...request }),
        onFrame: (listener) => void child.on('message', listener),
        onExit: (listener) =>
          void child.once('exit', (code) => listener({ ...exitOf(code, killed), stderr: stderr() })),
        kill() {
          killed = true
          // Electron's own kill() is a SIGTERM, which the engine takes for a wish to stop.
          if (child.pid !== undefined) process.kill(child.pid, 'SIGKILL')
          else child.kill()
        },
      }
    },
  }
}

/** Electron reports the raw status of a process: a signal stands in its low bits, or as its number alone. */
function exitOf(code: number, killed: boolean): Pick<EngineExit, 'code' | 'signal'> {
  if (killed) return { code: null, signal: 'SIGKILL' }
  const signal = SIGNALS[code]
  return signal === undefined ? { code, signal: null } : { code: null, signal }
}

import { fork } from 'node:child_process'
import { PROTOCOL_VERSION, type ToEngine } from '../../shared/api/engineProtocol'

type WithoutVersion<T> = T extends unknown ? Omit<T, 'v'> : never
export type EngineRequest = WithoutVersion<ToEngine>

export interface EngineExit {
  code: number | null
  signal: string | null
  /** The last lines the process wrote to stderr: what native code says before it dies. */
  stderr: string
}

/** A running engine, however it was started. */
export interface EngineProcess {
  send(request: EngineRequest): void
  onFrame(listener: (frame: unknown) => void): void
  onExit(listener: (exit: EngineExit) => void): void
  kill(): void
}

/** How an engine comes to life: a child process here, Electron's utility process in the app, in memory in tests. */
export interface EngineSpawner {
  spawn(): EngineProcess
}

/** Enough for a native backtrace. */
const STDERR_CHARACTERS = 4_000

/** @param enginePath the built engine entry. */
export function childProcessSpawner(enginePath: string): EngineSpawner {
  return {
    spawn() {
      const child = fork(enginePath, [], {
        // Structured clone keeps NaN and infinity, which JSON would turn into null.
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      })
      let stderr = ''
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        stderr = (stderr + text).slice(-STDERR_CHARACTERS)
      })
      return {
        // A frame that can no longer be delivered is answered by onExit.
        send: (request) => void child.send({ v: PROTOCOL_VERSION, ...request }, () => {}),
        onFrame: (listener) => void child.on('message', listener),
        onExit: (listener) => {
          child.on('close', (code, signal) => listener({ code, signal, stderr }))
          // A process that could not be started has no exit to report.
          child.on('error', (error) => {
            if (child.pid === undefined) listener({ code: null, signal: null, stderr: error.message })
          })
        },
        kill: () => void child.kill('SIGKILL'),
      }
    },
  }
}

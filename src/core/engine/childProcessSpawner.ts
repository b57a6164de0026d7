import { fork, type ForkOptions } from 'node:child_process'
import { PROTOCOL_VERSION } from '../../shared/api/engineProtocol'
import { lastWords, type EngineSpawner } from './spawner'

/**
 * Engines as processes of Node: they notice when their parent dies, and live on for long enough to save what they know.
 *
 * @param enginePath the built engine entry
 * @param options of `fork`, where this process is not a plain Node
 */
export function childProcessSpawner(
  enginePath: string,
  options: Pick<ForkOptions, 'env' | 'execArgv'> = {},
): EngineSpawner {
  return {
    spawn() {
      const child = fork(enginePath, [], {
        ...options,
        // Structured clone keeps NaN and infinity, which JSON would turn into null.
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      })
      const stderr = lastWords(child.stderr)
      return {
        pid: child.pid,
        send: (request) => void child.send({ v: PROTOCOL_VERSION, ...request }, () => {}),
        onFrame: (listener) => void child.on('message', listener),
        onExit: (listener) => {
          child.on('close', (code, signal) => listener({ code, signal, stderr: stderr() }))
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

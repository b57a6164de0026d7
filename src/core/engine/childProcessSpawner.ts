import { spawn, type ChildProcess, type ForkOptions } from 'node:child_process'
import path from 'node:path'
import { PROTOCOL_VERSION } from '../../shared/api/engineProtocol'
import { starterOf } from '../launch/starter'
import { forkEngine } from './forkEngine'
import { WINDOW } from './runInEngine'
import { lastWords, type EngineSpawner } from './spawner'

/**
 * Engines as processes of Node: they notice when their parent dies, and live on for long enough to save what they know.
 *
 * @param enginePath the built engine entry
 * @param options of `fork`, where this process is not a plain Node
 * @param started gives an engine that was started before it was known for what
 */
export function childProcessSpawner(
  enginePath: string,
  options: Pick<ForkOptions, 'env' | 'execArgv'> = {},
  started: () => ChildProcess | undefined = () => undefined,
): EngineSpawner {
  const cli = path.join(path.dirname(enginePath), 'cli.js')
  return {
    starter: starterOf(cli),
    spawn() {
      const child = started() ?? forkEngine(enginePath, options)
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
    command(args, cwd) {
      return spawn(process.execPath, [cli, ...args], {
        // Named so, it ends when this process does.
        env: { ...process.env, ...options.env, npm_lifecycle_event: WINDOW },
        cwd,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
    },
  }
}

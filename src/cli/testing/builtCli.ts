import { spawn, type ChildProcess } from 'node:child_process'
import path from 'node:path'
import { ROOT } from '../../core/testing/workspace'

export const CLI = path.join(ROOT, 'out', 'main', 'cli.js')

export interface Finished {
  code: number | null
  signal: string | null
  stdout: string
  stderr: string
  /** stdout as JSON lines. */
  lines: Record<string, unknown>[]
}

export interface Running {
  child: ChildProcess
  done: Promise<Finished>
  /** Of JSON, so far. */
  lines(): Record<string, unknown>[]
  /** The first line of JSON of that type; fails when the process ends before. */
  line(type: string): Promise<Record<string, unknown>>
}

/** Started as the leader of its own process group, so that a test can do what a terminal does. */
export function start(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: path.join(ROOT, 'node_modules', '.cache', 'compile'),
      // These tests may themselves run under npm.
      npm_lifecycle_event: undefined,
      INIT_CWD: undefined,
      // Beside the runs, and never a person's own.
      DELTA_HOME: path.join(cwd, 'history'),
      ...env,
    },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const parse = (): Record<string, unknown>[] =>
    stdout
      .split('\n')
      .slice(0, -1)
      .flatMap((line) => {
        try {
          return [Object(JSON.parse(line))]
        } catch {
          return []
        }
      })
  const done = new Promise<Finished>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr, lines: parse() })),
  )
  return {
    child,
    done,
    lines: parse,
    line: (type) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = parse().find((line) => line['type'] === type)
          if (found) resolve(found)
        }
        child.stdout.on('data', look)
        void done.then(() => reject(new Error(`no ${type} in ${stdout}${stderr}`)))
        look()
      }),
  }
}

export const delta = (cwd: string, ...args: string[]): Promise<Finished> => start(cwd, args).done

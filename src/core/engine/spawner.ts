import type { ChildProcess } from 'node:child_process'
import type { ToEngine } from '../../shared/api/engineProtocol'

type WithoutVersion<T> = T extends unknown ? Omit<T, 'v'> : never
export type EngineRequest = WithoutVersion<ToEngine>

/** How an engine's process ended. */
export interface EngineExit {
  code: number | null
  signal: string | null
  /** The last lines the process wrote to stderr: what native code says before it dies. */
  stderr: string
}

/** A running engine, however it was started. */
export interface EngineProcess {
  /** Undefined where the system could not start it, and in memory. */
  readonly pid?: number | undefined
  /** A frame that can no longer be delivered is dropped: `onExit` tells why. */
  send(request: EngineRequest): void
  onFrame(listener: (frame: unknown) => void): void
  /** Called once, after the last frame. */
  onExit(listener: (exit: EngineExit) => void): void
  /** At once, without a word: asking comes before, by a `stop` frame. */
  kill(): void
}

/**
 * How an engine comes to life: `childProcessSpawner`, Electron's utility process (`src/main/utilityProcessSpawner.ts`), and
 * `memorySpawner` where no process is wanted.
 */
export interface EngineSpawner {
  spawn(): EngineProcess
  /** Starts the command line of the same build with stdout and stderr as pipes; absent where there is none. */
  command?(args: readonly string[], cwd: string): ChildProcess
  /** What starts the command line of the same build on another machine that sees it, word by word. */
  readonly starter?: readonly string[]
}

/** Enough for a native backtrace. */
const STDERR_CHARACTERS = 4_000

/** Keeps the end of what a process says on stderr. */
export function lastWords(stderr: NodeJS.ReadableStream | null): () => string {
  let text = ''
  stderr?.setEncoding('utf8').on('data', (more: string) => {
    text = (text + more).slice(-STDERR_CHARACTERS)
  })
  return () => text
}

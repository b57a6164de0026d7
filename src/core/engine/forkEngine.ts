import { fork, type ChildProcess, type ForkOptions } from 'node:child_process'

/** Nothing but Node's own modules: the command line starts an engine before it reads its own parts. */
export function forkEngine(
  enginePath: string,
  options: Pick<ForkOptions, 'env' | 'execArgv'> = {},
  args: readonly string[] = [],
): ChildProcess {
  return fork(enginePath, args, {
    ...options,
    // Structured clone keeps NaN and infinity, which JSON would turn into null.
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
}

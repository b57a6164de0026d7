import { fork, type ChildProcess, type ForkOptions } from 'node:child_process'

/**
 * MiB of each half of the space in which V8 makes new objects, in each of the engine's threads. V8 itself lets it grow to 32 where a machine has much
 * memory, which shortens nothing here: what an engine holds for long lies outside of it.
 */
const NEW_SPACE_MIB = 8

/** Nothing but Node's own modules: the command line starts an engine before it reads its own parts. */
export function forkEngine(
  enginePath: string,
  options: Pick<ForkOptions, 'env' | 'execArgv'> = {},
  args: readonly string[] = [],
): ChildProcess {
  return fork(enginePath, args, {
    ...options,
    execArgv: [...(options.execArgv ?? process.execArgv), `--max-semi-space-size=${NEW_SPACE_MIB}`],
    // Structured clone keeps NaN and infinity, which JSON would turn into null.
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
}

/** Ctrl-C (and SIGTERM): the first asks for a clean stop, the second ends at once. */
export function onInterrupt(tell: (line: string) => void): AbortSignal {
  const controller = new AbortController()
  const handle = (): void => {
    if (controller.signal.aborted) process.exit(130)
    tell('Stopping: what was learned is being saved. Press Ctrl-C again to end at once.')
    controller.abort()
  }
  process.on('SIGINT', handle)
  process.on('SIGTERM', handle)
  process.on('SIGHUP', handle)
  return controller.signal
}

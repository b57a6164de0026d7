import { CLOSING, WINDOW } from '../core/engine/runInEngine'

/** What is said where a checkpoint is written. */
export const SAVING = 'Stopping: what was learned is being saved. Press Ctrl-C again to end at once.'

/** One Ctrl-C may arrive twice: the terminal signals the whole process group, and npm passes its own on. */
const SAME_PRESS_MS = 300

/**
 * Ctrl-C (and SIGTERM): the first asks for a clean stop, the second ends at once. A terminal or window that goes (SIGHUP) asks for the same
 * with the reason `CLOSING`: nobody has wished for an end.
 */
export function onInterrupt(tell: () => void): AbortSignal {
  const controller = new AbortController()
  let first = 0
  const handle = (reason?: typeof CLOSING): void => {
    const now = performance.now()
    if (controller.signal.aborted) {
      if (now - first > SAME_PRESS_MS) process.exit(130)
      return
    }
    first = now
    tell()
    controller.abort(reason)
  }
  process.on('SIGINT', () => handle())
  process.on('SIGTERM', () => handle())
  process.on('SIGHUP', () => handle(CLOSING))
  whenParentIsGone(handle)
  return controller.signal
}

/** How soon the death of the parent is noticed. */
const LOOK_EVERY_MS = 1_000

/**
 * npm does not pass a SIGTERM on: whoever ends `npm run` means the command that it runs. A window that is gone has told nobody anything: it has
 * closed.
 */
function whenParentIsGone(act: (reason?: typeof CLOSING) => void): void {
  const by = process.env['npm_lifecycle_event']
  if (by === undefined) return
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    act(by === WINDOW ? CLOSING : undefined)
  }, LOOK_EVERY_MS)
  timer.unref()
}

import { harmless } from '../shared/harmless'
import { AppError, ERROR_EXIT_CODES, formatError } from '../shared/errors'

/** Where a verb writes. `json` lines go to stdout and nothing else does, so that a script can read them blindly. */
export interface Output {
  readonly json: boolean
  /** True when lines may be rewritten in place. */
  readonly live: boolean
  /** A line for people; nothing in JSON mode. */
  say(line: string): void
  /** A warning for people, on stderr in every mode. */
  warn(line: string): void
  /** Shows or replaces the progress line at the bottom of a terminal. */
  status(line: string): void
  object(value: object): void
}

let gone = false

/** Whoever read our lines has gone (`| head`, a closed terminal), or a disk is full: say no more and end as on Ctrl-C. */
function onReaderGone(error: NodeJS.ErrnoException): void {
  if (gone) return
  gone = true
  const left = error.code === 'EPIPE' || error.code === 'EIO'
  if (!left) process.stderr.write(`Error: the output cannot be written: ${error.message}\n`)
  if (!process.emit('SIGTERM', 'SIGTERM')) process.exit(left ? 0 : ERROR_EXIT_CODES.unwritable)
}

function write(stream: NodeJS.WriteStream, text: string): void {
  if (gone) return
  if (stream.listenerCount('error', onReaderGone) === 0) stream.on('error', onReaderGone)
  stream.write(text)
}

const CLEAR_LINE = '\r\u001b[K'

export function createOutput(json: boolean): Output {
  const live = !json && process.stdout.isTTY === true
  let shown = false
  const clear = (): void => {
    if (shown) write(process.stdout, CLEAR_LINE)
    shown = false
  }
  return {
    json,
    live,
    say(line) {
      if (json) return
      clear()
      write(process.stdout, `${harmless(line)}\n`)
    },
    warn(line) {
      clear()
      write(process.stderr, `${harmless(line)}\n`)
    },
    status(line) {
      if (!live) return
      const width = process.stdout.columns ?? 80
      write(process.stdout, CLEAR_LINE + line.slice(0, width - 1))
      shown = true
    },
    object(value) {
      if (json) write(process.stdout, `${JSON.stringify(value)}\n`)
    },
  }
}

/** Tells of an error and returns the exit status: the message for people on stderr, the object last on stdout. */
export function reportError(thrown: unknown, output: Output): number {
  const error = AppError.from(thrown)
  // Who asked for a stop has made no mistake.
  output.warn(`${error.code === 'stopped' ? '' : 'Error: '}${formatError(error)}`)
  output.object({ type: 'error', ...error.toJSON() })
  return error.exitCode
}

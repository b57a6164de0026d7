import { AppError, formatError } from '../shared/errors'

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

const CLEAR_LINE = '\r\u001b[K'

export function createOutput(json: boolean): Output {
  const live = !json && process.stdout.isTTY === true
  let shown = false
  const clear = (): void => {
    if (shown) process.stdout.write(CLEAR_LINE)
    shown = false
  }
  return {
    json,
    live,
    say(line) {
      if (json) return
      clear()
      process.stdout.write(`${line}\n`)
    },
    warn(line) {
      clear()
      process.stderr.write(`${line}\n`)
    },
    status(line) {
      if (!live) return
      const width = process.stdout.columns ?? 80
      process.stdout.write(CLEAR_LINE + line.slice(0, width - 1))
      shown = true
    },
    object(value) {
      if (json) process.stdout.write(`${JSON.stringify(value)}\n`)
    },
  }
}

/** Tells of an error and returns the exit status: the message for people on stderr, the object last on stdout. */
export function reportError(thrown: unknown, output: Output): number {
  const error = AppError.from(thrown)
  output.warn(`Error: ${formatError(error)}`)
  output.object({ type: 'error', ...error.toJSON() })
  return error.exitCode
}

/**
 * The one error type that crosses every boundary (engine → core → window, terminal or socket).
 *
 * Electron and structured clone keep only an error's message, so an `AppError` travels as plain JSON
 * ({@link AppErrorJson}) and is rebuilt on the other side with its code, place and cause intact.
 */

import { z } from 'zod'

/** Every way in which the workbench can fail, and the command line's exit status for it (0 done, 2 bad input, 3 failed, 130 stopped). */
export const ERROR_EXIT_CODES = {
  usage: 2,
  config_invalid: 2,
  data_invalid: 2,
  not_found: 2,
  unreadable: 2,
  out_of_range: 2,
  unknown_route: 2,
  /** A path that nobody has allowed the page to name. */
  forbidden_path: 2,
  unwritable: 3,
  backend_unavailable: 3,
  /** A device cannot hold what a run needs at once. */
  out_of_memory: 3,
  training_diverged: 3,
  engine_crashed: 3,
  engine_protocol: 3,
  /** A service over the network refused, failed or answered nonsense. */
  service_failed: 3,
  internal: 3,
  stopped: 130,
} as const

export type ErrorCode = keyof typeof ERROR_EXIT_CODES

const errorCodes = Object.keys(ERROR_EXIT_CODES) as [ErrorCode, ...ErrorCode[]]

/** Where the fault lies. `row` counts from 0 over data rows, `line` from 1 over file lines. */
export const errorPlaceSchema = z.object({
  file: z.string().optional(),
  line: z.int().optional(),
  row: z.int().optional(),
  column: z.string().optional(),
  /** A configuration key, dotted: `trainer.batch_size`. */
  key: z.string().optional(),
})
export type ErrorPlace = z.infer<typeof errorPlaceSchema>

export const errorDetailsSchema = errorPlaceSchema.extend({
  /** What the user can do about it, one sentence. */
  fix: z.string().optional(),
  /** Further findings of the same pass (all configuration errors, all data problems), already formatted. */
  findings: z.array(z.string()).readonly().optional(),
})
export type ErrorDetails = z.infer<typeof errorDetailsSchema>

/** An error as it crosses a boundary. */
export const appErrorSchema = z.object({
  code: z.enum(errorCodes),
  message: z.string(),
  details: errorDetailsSchema,
  cause: z.object({ message: z.string() }).optional(),
})
export type AppErrorJson = z.infer<typeof appErrorSchema>

export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.details = details
  }

  get exitCode(): number {
    return ERROR_EXIT_CODES[this.code]
  }

  toJSON(): AppErrorJson {
    const cause = this.cause === undefined ? undefined : { message: messageOf(this.cause) }
    return { code: this.code, message: this.message, details: this.details, ...(cause && { cause }) }
  }

  static fromJSON(json: AppErrorJson): AppError {
    return new AppError(json.code, json.message, json.details, json.cause && new Error(json.cause.message))
  }

  /** Wraps anything thrown; an `AppError` passes through unchanged. */
  static from(thrown: unknown, code: ErrorCode = 'internal', details: ErrorDetails = {}): AppError {
    if (thrown instanceof AppError) return thrown
    return new AppError(code, messageOf(thrown), details, thrown)
  }
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** `file:line, row 3, column chosen` — the place part of a message, '' when nothing is known. */
export function formatPlace(place: ErrorPlace): string {
  const file = place.file === undefined ? '' : place.line === undefined ? place.file : `${place.file}:${place.line}`
  const parts = [
    file,
    place.row === undefined ? '' : `row ${place.row}`,
    place.column === undefined ? '' : `column ${place.column}`,
    place.key === undefined ? '' : `key ${place.key}`,
  ]
  return parts.filter(Boolean).join(', ')
}

/** The whole error as a terminal or a panel shows it: message, place, what to do. Never a stack trace. */
export function formatError(error: AppError): string {
  const lines = [error.message]
  const place = formatPlace(error.details)
  // A message that already names the file, and nothing more is known, needs no second line for it.
  const said = place === error.details.file && error.message.includes(place)
  if (place && !said) lines.push(`  at ${place}`)
  for (const finding of error.details.findings ?? []) lines.push(`  - ${finding}`)
  if (error.details.fix) lines.push(`  ${error.details.fix}`)
  return lines.join('\n')
}

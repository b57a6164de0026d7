import { resolve } from 'node:path'
import type { ExperimentInput } from '../../shared/api/requests'

/** POSIX shell quoting. */
export function quote(argument: string): string {
  // A leading = is a command's path in zsh.
  return /^[\w@%+:,./-][\w@%+=:,./-]*$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`
}

/** The command that does what a window was asked to do. */
export function commandOf({ changes, ...flags }: ExperimentInput, logDir: string): string {
  const given = Object.entries(flags).flatMap(([flag, value]) =>
    value === undefined ? [] : [`--${flag}`, String(value)],
  )
  const settings = Object.entries(changes).flatMap(([key, value]) => ['--set', `${key}=${asYaml(value)}`])
  const log = logDir === resolve('lightning_logs') ? [] : ['--log_dir', logDir]
  return ['npm run -s delta -- train', ...[...given, ...settings, ...log].map(quote)].join(' ')
}

/** As `--set` reads it back. */
export function asYaml(value: unknown): string {
  return typeof value === 'string' && /^[A-Za-z][\w.-]*$/.test(value) ? value : JSON.stringify(value)
}

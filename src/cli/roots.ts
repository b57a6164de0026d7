import path from 'node:path'
import type { ConfigRoots } from '../core/config/resolveExperiment'
import { quote } from '../core/service/command'

/** The built program lies in `out/main`, two folders below the installation. */
const installed = path.resolve(import.meta.dirname, '..', '..')

export function configRoots(): ConfigRoots {
  // npm runs scripts in the package's folder; a person's own folder is in INIT_CWD.
  const cwd =
    process.env['npm_lifecycle_event'] === 'delta' ? (process.env['INIT_CWD'] ?? process.cwd()) : process.cwd()
  return { cwd, installed }
}

/** This very program, for whoever is to start it again. */
export const cliPath = path.join(import.meta.dirname, 'cli.js')
export const enginePath = path.join(import.meta.dirname, 'engine.js')

/** A path as a person would type it: relative where it lies below their folder. */
export function shownPath(cwd: string, absolute: string): string {
  const relative = path.relative(cwd, absolute)
  return relative === '' ? '.' : relative.startsWith('..') ? absolute : relative
}

/** The command a person types to run this again. */
export function commandLine(args: readonly string[]): string {
  const program = process.env['npm_lifecycle_event'] === 'delta' ? 'npm run -s delta --' : 'npx delta'
  return [program, ...args.map(quote)].join(' ')
}

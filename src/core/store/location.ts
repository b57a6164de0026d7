import os from 'node:os'
import path from 'node:path'
import { AppError } from '../../shared/errors'

/** What decides where the history lies; a parameter, so that every platform can be tested on any. */
export interface Machine {
  platform: NodeJS.Platform
  home: string
  env: Readonly<Record<string, string | undefined>>
}

const thisMachine = (): Machine => ({ platform: process.platform, home: os.homedir(), env: process.env })

/**
 * The folder of the history: `--data-dir`, else `DELTA_HOME`, else the platform's own place for a program's data.
 *
 * @throws AppError `usage` under tests that name no folder: a test must never touch a person's history
 */
export function dataFolder(given: string | undefined, cwd: string, machine: Machine = thisMachine()): string {
  if (given !== undefined && given !== '') return path.resolve(cwd, given)
  const home = machine.env['DELTA_HOME']
  if (home !== undefined && home !== '') return path.resolve(cwd, home)
  if (isTest(machine.env))
    throw new AppError('usage', "A test may not open the history in a person's own folder", {
      fix: 'Set DELTA_HOME, or give --data-dir.',
    })
  return defaultDataFolder(machine)
}

function isTest(env: Machine['env']): boolean {
  return env['VITEST'] !== undefined || env['NODE_ENV'] === 'test' || env['DELTA_TEST'] !== undefined
}

/** Where programs keep data of their own: XDG on Linux, Apple's and Microsoft's guidelines elsewhere. */
export function defaultDataFolder({ platform, home, env }: Machine): string {
  switch (platform) {
    case 'darwin':
      return path.posix.join(home, 'Library', 'Application Support', 'Delta Workbench')
    case 'win32':
      return path.win32.join(env['APPDATA'] ?? path.win32.join(home, 'AppData', 'Roaming'), 'Delta Workbench')
    default: {
      const xdg = env['XDG_DATA_HOME']
      // The specification says to ignore a relative path.
      const base = xdg !== undefined && path.posix.isAbsolute(xdg) ? xdg : path.posix.join(home, '.local', 'share')
      return path.posix.join(base, 'delta-workbench')
    }
  }
}

import path from 'node:path'
import type { Command } from 'commander'
import { AppError } from '../../shared/errors'
import { isDamage } from '../../core/store/database'
import { dataFolder } from '../../core/store/location'
import { openHistory } from '../../core/store/openHistory'
import { openStore, type Store } from '../../core/store/openStore'
import { syncLogDir } from '../../core/store/syncRuns'
import type { Output } from '../output'
import { configRoots } from '../roots'

/** Flags of every verb below `runs`. */
export interface RunsOptions {
  log_dir: string
  dataDir?: string
  json?: boolean
}

export function withRunsOptions(command: Command): Command {
  return command
    .option('--log_dir <dir>', 'folder of all runs', 'lightning_logs')
    .option('--data-dir <dir>', "folder of the history of all runs (default: DELTA_HOME, or the system's own place)")
    .option('--json', 'print one JSON object')
}

export interface OpenHistory {
  store: Store
  cwd: string
  logDir: string
  unreadable: { dir: string; reason: string }[]
}

/**
 * The history, brought in line with the log folder that one looks at. A history that cannot be opened hides no run: looking
 * then goes by what the folders hold.
 *
 * @throws AppError where `writes` and it cannot be opened
 */
export async function openRuns(options: RunsOptions, output: Output, writes: boolean): Promise<OpenHistory> {
  const { cwd } = configRoots()
  const logDir = path.resolve(cwd, options.log_dir)
  try {
    return await openAndSync(options.dataDir, cwd, logDir, output, writes, 'daily')
  } catch (error) {
    // A broken page that the last check did not meet: put aside now, not only at the next start.
    if (!isDamage(error)) throw error
    return openAndSync(options.dataDir, cwd, logDir, output, writes, 'always')
  }
}

async function openAndSync(
  dataDir: string | undefined,
  cwd: string,
  logDir: string,
  output: Output,
  writes: boolean,
  check: 'daily' | 'always',
): Promise<OpenHistory> {
  const store = await open(dataDir, cwd, output, writes, check)
  try {
    return { store, cwd, logDir, unreadable: await sync(store, logDir, output, writes) }
  } catch (error) {
    store.close()
    throw error
  }
}

async function open(
  dataDir: string | undefined,
  cwd: string,
  output: Output,
  writes: boolean,
  check: 'daily' | 'always',
): Promise<Store> {
  try {
    return await openHistory({ dir: dataFolder(dataDir, cwd), check }, (line) => output.warn(line))
  } catch (error) {
    if (writes) throw error
    output.warn(`${AppError.from(error).message}. Showing what the folders of the runs hold`)
    return openStore({ dir: undefined })
  }
}

/** A full disk keeps the index from being brought up to date, and nothing from being shown. */
async function sync(store: Store, logDir: string, output: Output, writes: boolean): Promise<OpenHistory['unreadable']> {
  try {
    return (await syncLogDir(store, logDir)).unreadable
  } catch (error) {
    if (writes || isDamage(error)) throw error
    output.warn(`The history could not be brought up to date: ${AppError.from(error).message}`)
    return []
  }
}

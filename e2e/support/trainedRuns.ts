import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { ROOT } from './electron'

const LOOK_MS = 50

/**
 * Runs on the sample in a log folder, as `delta train` with these arguments leaves them. All tests share the training, those of other
 * workers too: the first one trains, the others wait for it.
 */
export async function train(logDir: string, ...args: string[]): Promise<void> {
  const shared = process.env.DELTA_TRAINED
  if (shared === undefined) throw new Error('playwright.config.ts names no folder for what tests share')
  const name = createHash('sha256').update(args.join(' ')).digest('hex').slice(0, 16)
  const [folder, begun] = [join(shared, name), join(shared, `${name}.begun`)]
  while (!existsSync(folder)) {
    if (!isFirst(begun)) await setTimeout(LOOK_MS)
    else
      try {
        await trainInto(`${folder}.part`, args)
        renameSync(`${folder}.part`, folder)
      } catch (error) {
        rmSync(begun, { recursive: true })
        throw error
      }
  }
  cpSync(folder, logDir, { recursive: true })
}

function isFirst(mark: string): boolean {
  try {
    mkdirSync(mark)
    return true
  } catch {
    return false
  }
}

async function trainInto(folder: string, args: readonly string[]): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  const command = [join(ROOT, 'scripts', 'delta.mjs'), 'train', '--dts_name', 'simpler', '--log_dir', folder]
  await promisify(execFile)(process.execPath, [...command, ...args], { cwd: ROOT })
}

/**
 * A few epochs each of two sizes of caimira with two seeds each, and one of bt.
 *
 * @param more six seeds of a third size: eleven runs instead of five
 */
export async function trainRuns(logDir: string, more = false): Promise<void> {
  const sizes = (...args: string[]): Promise<void> =>
    train(logDir, '--exp_name', 'sizes', '--max_epochs', '20', ...args)
  await sizes('--exp_version', 'k5', '--n_dim', '5', '--seeds', '1,2')
  await sizes('--exp_version', 'k2', '--n_dim', '2', '--seeds', '1,2')
  await sizes('--exp_version', 'bt', '--model_name', 'bt')
  if (more) await sizes('--exp_version', 'k3', '--n_dim', '3', '--seeds', '1..6')
}

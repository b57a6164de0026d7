import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from './electron'

/** Log folders by the arguments of what was really trained into them. */
const trained = new Map<string, Promise<string>>()

/** Runs on the sample in a log folder, as `delta train` with these arguments leaves them. Several tests of a process share the training. */
export async function train(logDir: string, ...args: string[]): Promise<void> {
  const key = args.join(' ')
  const folder = trained.get(key) ?? trainAnew(args)
  trained.set(key, folder)
  cpSync(await folder, logDir, { recursive: true })
}

async function trainAnew(args: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'delta-trained-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const command = [join(ROOT, 'scripts', 'delta.mjs'), 'train', '--dts_name', 'simpler', '--log_dir', folder]
  await promisify(execFile)(process.execPath, [...command, ...args], { cwd: ROOT })
  return folder
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

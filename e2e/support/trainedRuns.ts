import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from './electron'

const run = promisify(execFile)

/**
 * Really trains runs into a log folder, a few epochs each: two sizes of caimira with two seeds each, and one of bt.
 *
 * @param more six seeds of a third size: eleven runs instead of five
 */
export async function trainRuns(logDir: string, more = false): Promise<void> {
  const train = (...args: string[]): Promise<unknown> =>
    run(
      process.execPath,
      [
        join(ROOT, 'scripts', 'delta.mjs'),
        'train',
        '--dts_name',
        'simpler',
        '--log_dir',
        logDir,
        '--exp_name',
        'sizes',
        ...args,
      ],
      { cwd: ROOT },
    )
  await train('--exp_version', 'k5', '--n_dim', '5', '--max_epochs', '20', '--seeds', '1,2')
  await train('--exp_version', 'k2', '--n_dim', '2', '--max_epochs', '20', '--seeds', '1,2')
  await train('--exp_version', 'bt', '--model_name', 'bt', '--max_epochs', '20')
  if (more) await train('--exp_version', 'k3', '--n_dim', '3', '--max_epochs', '20', '--seeds', '1..6')
}

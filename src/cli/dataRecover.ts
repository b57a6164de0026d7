import path from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import { savedExperiment } from '../core/config/savedExperiment'
import { runInEngine } from '../core/engine/runInEngine'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { findRun } from '../core/runs/findRun'
import type { Recovery } from '../shared/domain/recovery'
import { ERROR_EXIT_CODES } from '../shared/errors'
import { formatTable } from './format'
import { onInterrupt } from './interrupt'
import { createOutput, type Output } from './output'
import { configRoots, enginePath } from './roots'

interface RecoverOptions {
  truth?: string
  probes: number
  seed: number
  log_dir: string
  json?: boolean
}

export function addDataRecover(data: Command, exit: (code: number) => void): void {
  data
    .command('recover')
    .description('Say how much of a simulation’s truth a trained run has found')
    .argument('<run>', 'id, exp_name/exp_version or folder')
    .option('--truth <folder>', "folder of the simulation (default: that of the run's data set)")
    .option('--probes <n>', 'questions that every user is asked', probes, 128)
    .option('--seed <n>', 'of the questions, and of the control', natural, 0)
    .option('--log_dir <dir>', 'folder of all runs', 'lightning_logs')
    .option('--json', 'print one JSON object')
    .action(async (run: string, options: RecoverOptions) => exit(await recover(run, options)))
}

async function recover(reference: string, options: RecoverOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const { cwd } = configRoots()
  const run = await findRun(reference, { cwd, logDir: path.resolve(cwd, options.log_dir) })
  const config = savedExperiment(run)
  const frame = await runInEngine(
    childProcessSpawner(enginePath),
    {
      type: 'recover',
      config,
      run: run.dir,
      runId: run.id,
      truth: options.truth === undefined ? config.data.dts_path : path.resolve(cwd, options.truth),
      probes: options.probes,
      seed: options.seed,
    },
    () => {},
    onInterrupt(() => output.warn('Stopping.')),
  )
  if (frame.type !== 'recovery') return ERROR_EXIT_CODES.engine_protocol
  report(frame.recovery, output)
  return 0
}

function report(recovery: Recovery, output: Output): void {
  output.object(recovery)
  const { users, probes, attributes, alignment, control } = recovery
  const figure = (value: number): string => value.toFixed(3)
  const degrees = (values: readonly number[]): string => values.map((value) => `${value.toFixed(1)}°`).join(' ')
  output.say(
    `${recovery.model_name}: ${users.toLocaleString('en')} users, ${probes} questions each, ${attributes} true attributes`,
  )
  const rows = [
    ['better answer named', `${(100 * recovery.agreement).toFixed(1)} %`, `${(100 * control.agreement).toFixed(1)} %`],
    ['correlation, common taste', figure(recovery.common_r), ''],
    ['correlation, own taste', figure(recovery.own_r), figure(control.own_r)],
    ['mean canonical correlation', figure(alignment.mean_canonical), figure(control.alignment.mean_canonical)],
    ['Procrustes correlation', figure(alignment.procrustes_r), figure(control.alignment.procrustes_r)],
    ["median cosine of users' vectors", figure(alignment.cosine.median), figure(control.alignment.cosine.median)],
    [`variance in ${attributes} dimensions`, figure(recovery.variance_held), ''],
  ]
  for (const line of formatTable(['', 'found', 'by chance'], rows)) output.say(line)
  output.say(`angles between the user spaces  ${degrees(alignment.angles)}`)
  output.say(`  by chance                     ${degrees(control.alignment.angles)}`)
}

/** As many as there may be attributes, at least: fewer could not tell them apart. */
function probes(text: string): number {
  const value = natural(text)
  if (value < 32 || value > 1024) throw new InvalidArgumentError('give a whole number from 32 to 1024')
  return value
}

function natural(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isInteger(value) || value < 0)
    throw new InvalidArgumentError('give a whole number, 0 or more')
  return value
}

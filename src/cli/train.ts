import path from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { BASE_REWARDS, MODEL_NAMES, type ExperimentConfig } from '../shared/config/experiment'
import { parseScalar, resolveExperiment, type ConfigRoots } from '../core/config/resolveExperiment'
import { resumedExperiment } from '../core/config/savedExperiment'
import { findRun } from '../core/runs/findRun'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { makeFolders } from '../core/folders'
import { lazyHistory } from '../core/service/openHistory'
import { supervise } from '../core/service/supervise'
import { AppError, ERROR_EXIT_CODES } from '../shared/errors'

import { onInterrupt, SAVING } from './interrupt'
import { createOutput } from './output'
import { TrainReporter } from './trainReporter'
import { trainSeeds } from './trainSeeds'
import { takeEarly } from './earlyEngine'
import { commandLine, configRoots, enginePath } from './roots'

interface TrainOptions {
  dts_name?: string
  resume?: string
  dts_config_file?: string
  config_file?: string
  model_name?: string
  batch_size?: unknown
  n_dim?: unknown
  features?: string
  rw_model_name?: string
  exp_name?: string
  exp_version?: string
  patience?: unknown
  seed?: unknown
  seeds?: string
  max_epochs?: unknown
  learning_rate?: unknown
  set: string[]
  backend?: string
  threads?: unknown
  log_dir?: string
  dataDir?: string
  json?: boolean
  task?: string
}

/** Flags that stand for a key of the configuration. `n_dim` belongs to the model's own section. */
const TRAINER_FLAGS = ['batch_size', 'patience', 'seed', 'max_epochs', 'learning_rate'] as const

export function addTrain(program: Command, args: readonly string[], exit: (code: number) => void): void {
  program
    .command('train')
    .description('Train a model on a data set')
    .option('--dts_name <name>', 'data set: a section of data_configs.yaml')
    .option('--dts_config_file <file>', 'data configuration (default: configs/data_configs.yaml)')
    .option('--config_file <file>', 'trainer and model settings (default: configs/exp_config.yaml)')
    .option('--model_name <name>', `model: ${MODEL_NAMES.join(', ')} (default: caimira)`)
    .option('--batch_size <n>', 'pairs a step', parseScalar)
    .option('--n_dim <n>', "the model's latent dimensions", parseScalar)
    .option('--features <list>', 'user features: all, none, or columns and prefixes a,b (default: none)')
    .option('--rw_model_name <name>', `base reward: ${BASE_REWARDS.join(', ')} (default: zero_rw)`)
    .option('--exp_name <name>', 'experiment: the folder of its runs (default: default_exp)')
    .option('--exp_version <name>', 'run: its folder; a taken name gets -2, -3, … (default: v0)')
    .option('--patience <n>', 'stop after so many epochs without a lower val_loss', parseScalar)
    .option('--seed <n>', 'seed of initial weights, and of shuffles unless trainer.data_seed is set', parseScalar)
    .option('--seeds <list>', 'one run for each seed, all in one pass over the same batches: 1..16 or 1,2,5')
    .option('--max_epochs <n>', 'passes over the training pairs', parseScalar)
    .option('--learning_rate <x>', 'learning rate', parseScalar)
    .option('--set <key=value...>', 'any other key, e.g. --set trainer.min_lr=1e-6', collect, [])
    .option('--backend <name>', 'auto, fused, tensorflow, wasm or cpu (default: auto)')
    .option('--threads <n>', 'threads of the fused engine (default: as many as are of use)', parseScalar)
    .option('--log_dir <dir>', 'folder of all runs', 'lightning_logs')
    .option('--data-dir <dir>', "folder of the history of all runs (default: DELTA_HOME, or the system's own place)")
    .option('--resume <run>', 'go on with a run (id, exp_name/exp_version or folder); --max_epochs is the new total')
    .addOption(new Option('--task <file>', 'a trial of a sweep, as a cluster is given it').hideHelp())
    .option('--json', 'print one JSON object a line; the last is the result')
    .action(async (options: TrainOptions) => exit(await train(options, args)))
}

async function train(options: TrainOptions, args: readonly string[]): Promise<number> {
  const output = createOutput(options.json === true)
  if (options.task !== undefined) {
    const { trainTask } = await import('./trainTask')
    return trainTask(path.resolve(options.task), output)
  }
  const roots = configRoots()
  const logDir = path.resolve(roots.cwd, options.log_dir ?? 'lightning_logs')
  const { config, warnings, resume } = await experimentOf(options, roots, logDir)
  if (resume === undefined) makeFolders(logDir)
  const stop = onInterrupt(() => output.warn(SAVING))
  if (options.seeds !== undefined)
    return trainSeeds(
      { seeds: options.seeds, config, warnings, logDir, dataDir: options.dataDir, cwd: roots.cwd, args },
      output,
      stop,
    )
  const reporter = new TrainReporter(output)
  const history = lazyHistory(options.dataDir, roots.cwd)
  const { result, error, dir } = await supervise({
    spawner: childProcessSpawner(enginePath, {}, takeEarly),
    request: {
      type: 'train',
      config,
      logDir,
      ...(resume !== undefined && { resume }),
      command: commandLine(args),
      cwd: roots.cwd,
      warnings,
    },
    stop,
    history: history.open,
    logDir,
    // Windows of other processes see it in the history and in the folder.
    publish: () => {},
    onNews: (news) => reporter.frame(news),
  })
  if (dir !== undefined) history.read(dir)
  await history.close()
  if (!result) throw error ?? new AppError('internal', 'The run ended without a result')
  reporter.result(result)
  return result.status === 'stopped' ? ERROR_EXIT_CODES.stopped : 0
}

/** A new experiment from files and flags, or the one of a run that goes on. */
async function experimentOf(
  options: TrainOptions,
  roots: ConfigRoots,
  logDir: string,
): Promise<{ config: ExperimentConfig; warnings: string[]; resume?: string }> {
  const overrides = overridesOf(options)
  if (options.resume !== undefined) {
    const fixed = FIXED_BY_RUN.filter((flag) => options[flag] !== undefined)
    if (fixed.length > 0) {
      const flags = fixed.map((flag) => `--${flag}`).join(', ')
      throw new AppError('usage', `${flags} cannot change when a run is resumed`, { fix: 'Start a new run instead.' })
    }
    const run = await findRun(options.resume, { cwd: roots.cwd, logDir })
    return { config: resumedExperiment(run, overrides, options), warnings: [], resume: run.dir }
  }
  const { dts_name } = options
  if (options.seeds !== undefined && options.seed !== undefined)
    throw new AppError('usage', '--seed and --seeds say two things', {
      fix: 'Give --seeds for the runs; their batches are those of trainer.data_seed.',
    })
  if (dts_name === undefined)
    throw new AppError('usage', '--dts_name is missing', {
      fix: 'Name a section of the data configuration, for example --dts_name simpler (the bundled sample).',
    })
  return resolveExperiment({ ...options, dts_name, overrides }, roots)
}

/** What a run has settled once and for all. */
const FIXED_BY_RUN = [
  'dts_name',
  'dts_config_file',
  'config_file',
  'model_name',
  'features',
  'rw_model_name',
  'exp_name',
  'exp_version',
  'seeds',
] as const satisfies (keyof TrainOptions)[]

function overridesOf(options: TrainOptions): Map<string, { value: unknown; flag: string }> {
  const overrides = new Map<string, { value: unknown; flag: string }>()
  for (const flag of TRAINER_FLAGS) {
    const value = options[flag]
    if (value !== undefined) overrides.set(`trainer.${flag}`, { value, flag: `--${flag}` })
  }
  if (options.n_dim !== undefined)
    overrides.set(`${options.model_name ?? 'caimira'}.n_dim`, { value: options.n_dim, flag: '--n_dim' })
  for (const setting of options.set) {
    const at = setting.indexOf('=')
    const key = setting.slice(0, at)
    overrides.set(key, { value: parseScalar(setting.slice(at + 1)), flag: `--set ${key}` })
  }
  return overrides
}

function collect(value: string, previous: string[]): string[] {
  if (!/^[\w.]+=/.test(value)) throw new InvalidArgumentError('give it as key=value, for example trainer.min_lr=1e-6')
  return [...previous, value]
}

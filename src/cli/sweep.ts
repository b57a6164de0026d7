import fs from 'node:fs'
import path from 'node:path'
import { Option, type Command } from 'commander'
import { nameSchema } from '../shared/config/experiment'
import { MOST_TRIALS, type PointResult, type SweepResult, type Trial } from '../shared/domain/sweep'
import type { Cluster } from '../shared/domain/cluster'
import { AppError, ERROR_EXIT_CODES } from '../shared/errors'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { ClusterProfiles } from '../core/launch/profiles'
import type { ConfigRoots } from '../core/config/resolveExperiment'
import { readCluster } from '../core/launch/readCluster'
import { starterOf } from '../core/launch/starter'
import { lazyHistory } from '../core/service/openHistory'
import { addTrials } from '../core/sweep/addTrials'
import { dryRun } from '../core/sweep/dryRun'
import { readSweep, type SweepPlan } from '../core/sweep/readSweep'
import { readSweepAgain } from '../core/sweep/readSweepAgain'
import { runSweep, type SweepNews } from '../core/sweep/runSweep'
import { SWEEP_FILES, SweepFolder } from '../core/sweep/sweepFolder'
import { dataFolder } from '../core/store/location'
import { formatDuration, formatFigure, formatTable } from './format'
import { onInterrupt, SAVING } from './interrupt'
import { createOutput, type Output } from './output'
import { cliPath, commandLine, configRoots, enginePath } from './roots'

interface SweepOptions {
  dryRun?: boolean
  resume?: string
  trials?: string
  keepPaused?: boolean
  cluster?: string
  log_dir: string
  dataDir?: string
  json?: boolean
}

/** Where lines cannot be rewritten, progress is printed at most this often. */
const LINE_EVERY_MS = 1_000
/** Points that a terminal shows; `--json` and the Runs table have all. */
const SHOWN_POINTS = 10

export function addSweep(program: Command, exit: (code: number) => void): void {
  program
    .command('sweep')
    .description('Train an experiment many times with other values of some keys')
    .argument('[file]', 'sweep file (see docs/sweeps.md)')
    .option('--dry-run', 'say how many trials it has and how long they would take, and train nothing')
    .option('--resume <sweep>', 'go on with a sweep: its name, or its folder')
    .option('--trials <number>', 'with --resume: how many trials it shall have in all')
    .option(
      '--cluster <profile>',
      'train it on a cluster: a profile’s file or the name of a stored one, see docs/cluster.md',
    )
    .option('--log_dir <dir>', 'folder of all runs', 'lightning_logs')
    .option('--data-dir <dir>', "folder of the history of all runs (default: DELTA_HOME, or the system's own place)")
    .addOption(new Option('--keep-paused', 'it stays paused, if it is').hideHelp())
    .option('--json', 'print one JSON object a line; the last is the result')
    .action(async (file: string | undefined, options: SweepOptions) => exit(await sweep(file, options)))
}

async function sweep(file: string | undefined, options: SweepOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const roots = configRoots()
  const logDir = path.resolve(roots.cwd, options.log_dir)
  if ((file === undefined) === (options.resume === undefined))
    throw new AppError('usage', file === undefined ? 'No sweep file is given' : 'A sweep goes on by its own file', {
      fix: 'Either delta sweep FILE, or delta sweep --resume NAME.',
    })
  const stop = onInterrupt(() => output.warn(SAVING))
  const known = options.resume === undefined ? undefined : SweepFolder.open(options.resume, { cwd: roots.cwd, logDir })
  // What its files name is relative to where it began.
  const base = { ...roots, cwd: known?.record.cwd ?? roots.cwd }
  if (options.trials !== undefined) raise(known, options, base)
  const plan = known ? readSweepAgain(known, base) : readSweep(file ?? '', roots)
  for (const warning of plan.warnings) output.warn(`Warning: ${warning}`)
  const cluster = options.cluster === undefined ? undefined : profileFile(options.cluster, options.dataDir, roots.cwd)
  // Before anything is made: a profile with a mistake is told at once.
  if (cluster !== undefined) readCluster(cluster)
  const spawner = childProcessSpawner(enginePath)
  if (options.dryRun === true) {
    const dry = await dryRun(plan, spawner, base, stop)
    output.say(
      `${plan.name}: ${dry.points} points × ${plan.seeds.length} seeds = ${dry.trials} trials by ${plan.sweep.method}`,
    )
    output.say(`About ${formatDuration(dry.seconds)} at most`)
    output.object(dry.result)
    return 0
  }
  const yaml = file === undefined ? '' : fs.readFileSync(path.resolve(roots.cwd, file), 'utf8')
  const command = commandLine(process.argv.slice(2))
  const folder = known ?? SweepFolder.create(logDir, plan, yaml, { command, cwd: roots.cwd })
  output.object({ type: 'sweep', sweep: folder.name, dir: folder.dir })
  output.say(`Sweep ${folder.name} by ${plan.sweep.method} → ${folder.dir}`)
  const profile = clusterOf(folder, cluster)
  // Whoever goes on with it wants it to go on; unless it is followed only.
  if (options.keepPaused !== true && folder.pause === 'paused') folder.setPause('released')
  const history = lazyHistory(options.dataDir, roots.cwd)
  const reporter = new SweepReporter(output, plan)
  try {
    const result = await runSweep(folder, plan, {
      ...{ spawner, history: history.open, roots: base, stop },
      ...(profile && { cluster: { profile, starter: starterOf(cliPath) } }),
      warn: (message) => output.warn(`Warning: ${message}`),
      again: () => readSweepAgain(folder, base),
      onNews: (news) => reporter.news(news),
      onEnded: history.read,
    })
    reporter.result(result)
    if (result.status === 'stopped') {
      output.say(`Go on with: ${commandLine(['sweep', '--resume', folder.dir])}`)
      return ERROR_EXIT_CODES.stopped
    }
    return result.trials.some(({ metric }) => metric !== null) ? 0 : ERROR_EXIT_CODES.internal
  } finally {
    await history.close()
  }
}

/** @throws AppError `usage` */
function raise(folder: SweepFolder | undefined, { trials, dryRun: dry }: SweepOptions, roots: ConfigRoots): void {
  const number = Number(trials)
  if (!folder || dry === true)
    throw new AppError('usage', '--trials adds to a sweep that there is', {
      fix: 'Give it with --resume NAME; a new sweep has budget.trials in its file.',
    })
  if (!Number.isInteger(number) || number < 1 || number > MOST_TRIALS)
    throw new AppError('usage', `--trials must be a whole number from 1 to ${MOST_TRIALS}, not ${trials}`)
  addTrials(folder, { trials: number }, roots)
}

/** The profile of the cluster that trains a sweep; it is kept with the sweep, which goes on there. */
function clusterOf(folder: SweepFolder, given: string | undefined): Cluster | undefined {
  const kept = path.join(folder.dir, SWEEP_FILES.cluster)
  if (given !== undefined) fs.copyFileSync(given, kept)
  if (!fs.existsSync(kept)) return undefined
  return readCluster(kept)
}

/** A profile's file, or the stored one of that name. */
function profileFile(given: string, dataDir: string | undefined, cwd: string): string {
  const file = path.resolve(cwd, given)
  if (fs.existsSync(file)) return file
  return (nameSchema.safeParse(given).success && new ClusterProfiles(dataFolder(dataDir, cwd)).find(given)) || file
}

class SweepReporter {
  readonly #output: Output
  readonly #plan: SweepPlan
  readonly #said = new Set<string>()
  #trials = 0
  #of = 0
  #printed = 0

  constructor(output: Output, plan: SweepPlan) {
    this.#output = output
    this.#plan = plan
  }

  news(news: SweepNews): void {
    switch (news.type) {
      case 'waiting':
        this.#output.say(`Waiting until the former engine has saved ${news.trials.length} trials`)
        break
      case 'cluster':
        this.#output.say(news.text)
        this.#output.object({ type: 'queue', text: news.text })
        break
      case 'pass':
        this.#trials = news.trials.length
        this.#of = news.of
        this.#output.say(`Training ${news.trials.length} of ${news.of} trials together`)
        break
      case 'trial':
        this.#output.object({ type: 'trial', ...news.trial })
        if (news.trial.error) this.#output.warn(`Trial ${news.trial.trial} failed: ${news.trial.error.message}`)
        break
      case 'run':
        this.#run(news.trial, news.news)
    }
  }

  #run(trial: number, news: Extract<SweepNews, { type: 'run' }>['news']): void {
    if (news.type === 'log' && news.level === 'warn' && !this.#said.has(news.message)) {
      this.#said.add(news.message)
      this.#output.warn(`Warning (trial ${trial}): ${news.message}`)
    }
    if (news.type !== 'progress') return
    const { epoch, epochs, stepsPerSecond, secondsLeft } = news.progress
    const line =
      `epoch ${epoch + 1}/${epochs}  ${Math.round(stepsPerSecond)} steps/s × ${this.#trials}  ` +
      `${formatDuration(secondsLeft)} left at most`
    if (this.#output.live) this.#output.status(line)
    else if (performance.now() - this.#printed > LINE_EVERY_MS) {
      this.#printed = performance.now()
      this.#output.say(line)
      this.#output.object({
        ...{
          type: 'progress',
          trials: this.#trials,
          of: this.#of,
          epoch: epoch + 1,
          epochs,
          stepsPerSecond,
          secondsLeft,
        },
      })
    }
  }

  result(result: SweepResult): void {
    this.#output.object(result)
    const { trials, best, rungs, seconds, metric_name, status } = result
    const count = (...wanted: Trial['status'][]): number => trials.filter((one) => wanted.includes(one.status)).length
    const parts = [
      `${count('finished', 'halved')} of ${trials.length} trials done`,
      ...(count('halved') > 0 ? [`${count('halved')} of them halved`] : []),
      ...(count('failed', 'crashed') > 0 ? [`${count('failed', 'crashed')} failed`] : []),
    ]
    this.#output.say(
      `${status === 'stopped' ? 'Stopped' : 'Done'} in ${formatDuration(seconds ?? 0)}: ${parts.join(', ')}`,
    )
    for (const { epochs, reached, promoted } of rungs)
      if (reached > 0)
        this.#output.say(`  ${promoted} of ${reached} went on after ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`)
    if (!best) return
    for (const line of this.#table(result)) this.#output.say(`  ${line}`)
    this.#output.say(`Best: ${metric_name} ${spread(best)} at ${parametersText(best.parameters)}`)
  }

  #table({ ranking, metric_name }: SweepResult): string[] {
    const keys = Object.keys(this.#plan.sweep.parameters)
    const header = [...keys.map((key) => key.slice(key.indexOf('.') + 1)), metric_name, 'seeds']
    const rows = ranking
      .slice(0, SHOWN_POINTS)
      .map((one) => [...keys.map((key) => valueText(one.parameters[key])), spread(one), String(one.n)])
    const more = ranking.length - rows.length
    return [...formatTable(header, rows), ...(more > 0 ? [`and ${more} more points`] : [])]
  }
}

const spread = ({ metric, sd, n }: PointResult): string =>
  n > 1 ? `${formatFigure(metric)} ± ${formatFigure(sd)}` : formatFigure(metric)

function valueText(value: Trial['parameters'][string] | undefined): string {
  if (value === undefined) return '–'
  return typeof value === 'number' ? String(Number(value.toPrecision(4))) : String(value)
}

function parametersText(parameters: Trial['parameters']): string {
  return Object.entries(parameters)
    .map(([key, value]) => `${key} ${valueText(value)}`)
    .join(', ')
}

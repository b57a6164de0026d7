import fs from 'node:fs'
import path from 'node:path'
import type { RunSummary } from '../../shared/api/requests'
import type { Queue } from '../../shared/domain/cluster'
import { isOver, sweepFileSchema, type SweepFile, type SweepMetric, type Trial } from '../../shared/domain/sweep'
import type { ShownTrial, SweepSummary, SweepView } from '../../shared/domain/sweeps'
import { AppError } from '../../shared/errors'
import { handedIn } from '../launch/batchLog'
import { readCluster } from '../launch/readCluster'
import { readQueue } from '../launch/queueFile'
import { parseYaml } from '../config/yamlText'
import { isInside } from '../runs/readInside'
import { quote } from '../service/command'
import { nextPoints } from '../sweep/methods'
import { plannedPoints, rungsOfSweep, searchOf, withoutShorthands } from '../sweep/readSweep'
import { isPromoted, rungsReached } from '../sweep/rungs'
import { observationsOf, rank } from '../sweep/runSweep'
import { SWEEP_FILES, SweepFolder } from '../sweep/sweepFolder'
import { sharesOf } from './costs'

/** What a workbench knows of a sweep beside its folder. */
export interface Known {
  ours: boolean
  error: SweepSummary['error']
}

/**
 * @param name as it is checked by the route's schema: a folder's name
 * @throws AppError `not_found`, `unreadable`
 */
export function openSweep(logDir: string, name: string): SweepFolder {
  const dir = path.join(logDir, name)
  if (!fs.existsSync(path.join(dir, SWEEP_FILES.record)) || !isInside(fs.realpathSync(logDir), fs.realpathSync(dir)))
    throw new AppError('not_found', `There is no sweep "${name}" in ${logDir}`, {
      fix: 'It may have been deleted or moved since the list was read.',
    })
  return SweepFolder.open(dir, { cwd: logDir, logDir })
}

/** Folders of the log folder that hold a sweep. */
export function sweepNames(logDir: string): string[] {
  let names: string[]
  try {
    names = fs.readdirSync(logDir)
  } catch {
    return []
  }
  return names.filter((name) => fs.existsSync(path.join(logDir, name, SWEEP_FILES.record)))
}

export function summaryOf(folder: SweepFolder, known: Known): SweepSummary {
  return withTrials(folder, known).summary
}

export function viewOf(folder: SweepFolder, known: Known, runs: readonly RunSummary[], logDir: string): SweepView {
  const { summary, sweep, trials, ranking } = withTrials(folder, known)
  const queue = summary.cluster ? (readQueue(path.join(folder.dir, SWEEP_FILES.queue)) ?? null) : null
  const at = logDir === path.resolve('lightning_logs') ? '' : ` --log_dir ${quote(logDir)}`
  const { config } = folder.record
  const handed = handedIn(folder.dir)
  const shownTrials = shown(trials, runs, sweep.metric, config.trainer.max_epochs, queue, handed)
  return {
    sweep: summary,
    trials: shownTrials,
    ranking,
    rungs: rungsReached(rungsOfSweep(sweep, config), shownTrials, handed),
    parameters: Object.keys(sweep.parameters),
    yaml: folder.yaml,
    values:
      sweep.method === 'grid'
        ? Object.fromEntries(
            Object.entries(sweep.parameters).flatMap(([key, { values }]) => (values ? [[key, [...values]]] : [])),
          )
        : {},
    budget: { trials: sweep.budget.trials ?? null, minutes: sweep.budget.minutes ?? null },
    command: `npm run -s delta -- sweep --resume ${quote(folder.name)}${at}`,
    cwd: folder.record.cwd,
    queue: queue && { seen: queue.seen, ...(queue.away && { away: queue.away }) },
  }
}

function withTrials(folder: SweepFolder, { ours, error }: Known) {
  const { record } = folder
  const sweep: SweepFile = { ...record.sweep, ...raisedIn(folder) }
  const trials = folder.trials(sweep.metric)
  const seeds = (sweep.seeds ?? [record.config.trainer.seed]).length
  const search = searchOf(sweep, seeds)
  const direction = search?.direction ?? 'minimize'
  const ranking = rank({ direction }, trials)
  const worker = folder.worker()
  // One of ours has begun before it says so in the folder, and is not over before its process is.
  const cluster = clusterOf(folder)
  const paused = folder.pause === 'paused'
  const status: SweepSummary['status'] =
    worker || ours
      ? paused && cluster
        ? 'paused'
        : 'running'
      : isDone(trials, search)
        ? 'finished'
        : paused
          ? 'paused'
          : 'stopped'
  const counts: SweepSummary['counts'] = {}
  for (const trial of trials) counts[trial.status] = (counts[trial.status] ?? 0) + 1
  const planned = search ? plannedPoints({ search }) * seeds : 0
  const summary: SweepSummary = {
    ...{ name: folder.name, dir: folder.dir, created: record.created, status },
    worker: worker ? { pid: worker.owner.pid, host: worker.owner.host, ours, since: worker.since } : null,
    ...{ method: sweep.method, metric: sweep.metric, direction, seeds, counts },
    ...{ dts_name: record.config.data.dts_name, model_name: record.config.model_name },
    trials: status === 'finished' ? trials.length : Math.max(trials.length, planned),
    ...{ best: ranking[0] ?? null, cluster, error },
  }
  return { summary, sweep, trials, ranking }
}

function clusterOf({ dir }: SweepFolder): SweepSummary['cluster'] {
  const file = path.join(dir, SWEEP_FILES.cluster)
  if (!fs.existsSync(file)) return null
  try {
    return { host: readCluster(file).host ?? null }
  } catch {
    // Whoever goes on with it is told what is wrong with its profile.
    return { host: null }
  }
}

/** The budget that its file has now, and the values of a grid: what it can get more of. */
function raisedIn(folder: SweepFolder): Partial<Pick<SweepFile, 'budget' | 'parameters'>> {
  try {
    const now = sweepFileSchema.safeParse(withoutShorthands(parseYaml(folder.yaml).value)).data
    if (!now) return {}
    return { budget: now.budget, ...(now.method === 'grid' && { parameters: now.parameters }) }
  } catch {
    return {}
  }
}

function isDone(trials: readonly Trial[], search: ReturnType<typeof searchOf>): boolean {
  if (!trials.every(isOver) || !search) return false
  return nextPoints(search, observationsOf(trials)).length === 0
}

function shown(
  trials: readonly Trial[],
  runs: readonly RunSummary[],
  metric: SweepMetric,
  usual: number,
  queue: Queue | null,
  handed: (trial: number) => number,
): ShownTrial[] {
  const queued = new Map(queue?.tasks.map((task) => [task.trial, task]))
  const byDir = new Map(runs.map((run) => [run.dir, run]))
  const runOf = ({ dir }: Trial): RunSummary | undefined => (dir === undefined ? undefined : byDir.get(dir))
  const stretches = trials.map((trial) => {
    const { ended = 0, result } = runOf(trial) ?? {}
    return { from: ended - (result?.seconds ?? 0) * 1000, to: ended }
  })
  const shares = sharesOf(stretches)
  return trials.map((trial, i) => {
    const run = runOf(trial)
    const most = trial.parameters['trainer.max_epochs']
    return {
      ...trial,
      ...(trial.epochs === undefined && run && { epochs: run.epochs }),
      now: trial.metric === null && run ? soFar(run, trial, metric) : null,
      most: typeof most === 'number' ? most : usual,
      seconds: run?.result ? shares[i]! / 1000 : null,
      ended: run?.ended ?? null,
      queue: isOver(trial) ? null : (queued.get(trial.trial) ?? null),
      promoted: isPromoted(trial, handed(trial.trial)),
    }
  })
}

/** Of one that stands still its best epoch's figure, by which those that have ended are judged too. */
function soFar({ result, figures }: RunSummary, { status }: Trial, metric: SweepMetric): number | null {
  if (status === 'failed') return null
  return (status === 'running' ? undefined : result?.[metric]) ?? figures[metric] ?? null
}

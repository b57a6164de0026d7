import os from 'node:os'
import path from 'node:path'
import type { FromEngine } from '../../shared/api/engineProtocol'
import type { ExperimentConfig } from '../../shared/config/experiment'
import type { Cluster } from '../../shared/domain/cluster'
import { compare } from '../../shared/domain/halving'
import { spreadOf } from '../../shared/domain/seeds'
import { isOver, type PointResult, type SweepResult, type Trial } from '../../shared/domain/sweep'
import { AppError } from '../../shared/errors'
import type { ConfigRoots } from '../config/resolveExperiment'
import { runInEngine } from '../engine/runInEngine'
import type { EngineSpawner } from '../engine/spawner'
import { handedIn } from '../launch/batchLog'
import { ClusterTraining, type ClusterTrial } from '../launch/clusterTraining'
import { endPaused } from '../launch/settle'
import { commandOf } from '../service/command'
import type { History } from '../service/recorder'
import { TogetherRecorders } from '../service/togetherRecorders'
import { LivePlan } from './livePlan'
import { nextPoints } from './methods'
import { trialExperiment, type SweepPlan } from './readSweep'
import { epochsKept, halvingOf, isJudgedNext, judgePaused, rungsReached } from './rungs'
import { SWEEP_FILES, type SweepFolder } from './sweepFolder'
import type { Observation } from './tpe'

/** More in one pass gain nothing: their weights no longer stay in a cache. */
export const MOST_TOGETHER = 64
/** How soon a trial that an earlier session's engine still saves is looked at again. */
const LOOK_MS = 100

export interface SweepOptions {
  spawner: EngineSpawner
  history: () => History
  roots: ConfigRoots
  /** Aborted by a person's wish. */
  stop: AbortSignal
  warn: (message: string) => void
  /** Its plan, read again: its budget may be raised while it is trained. */
  again?: () => SweepPlan
  /** Trains them instead of this machine. */
  cluster?: { profile: Cluster; starter: readonly string[] } | undefined
  onNews?: (news: SweepNews) => void
  /** Told the folder of each run that has ended. */
  onEnded?: (dir: string) => void
}

export type SweepNews =
  | { type: 'pass'; trials: readonly number[]; of: number }
  | { type: 'run'; trial: number; news: Extract<FromEngine, { type: 'run' }>['news'] }
  | { type: 'waiting'; trials: readonly number[] }
  | { type: 'trial'; trial: Trial }
  | { type: 'cluster'; text: string }

/**
 * Trains what is left of a sweep. Its folder is the truth before, meanwhile and after: a session that is killed loses what its engines had not
 * yet saved, and the next one goes on from there.
 *
 * @throws AppError where no trial can begin, for a reason that all share
 */
export async function runSweep(folder: SweepFolder, first: SweepPlan, options: SweepOptions): Promise<SweepResult> {
  const started = performance.now()
  const give = folder.claim()
  const { metric, budget } = first.sweep
  const plan = new LivePlan(folder, first, options)
  const late = new AbortController()
  const timer = budget.minutes === undefined ? undefined : setTimeout(() => late.abort(), budget.minutes * 60_000)
  timer?.unref()
  const stop = AbortSignal.any([options.stop, late.signal])
  try {
    folder.repair(first.seeds.length)
    if (!options.cluster) folder.setPause(undefined)
    const session = new Session(folder, plan, { ...options, stop })
    await session.waitForOthers()
    while (!stop.aborted) {
      const open = session.open()
      if (open.length > 0) await session.train(open)
      else if (!planNext(folder, plan.now())) break
    }
    const trials = folder.trials(metric)
    const ranking = rank(first, trials)
    const handed = handedIn(folder.dir)
    return {
      type: 'result',
      ...{ sweep: folder.name, dir: folder.dir, status: stop.aborted ? 'stopped' : 'finished' },
      ...{ method: first.sweep.method, metric_name: metric, direction: first.direction },
      ...{
        trials,
        ranking,
        best: ranking[0] ?? null,
        rungs: rungsReached(first.rungs, trials, handed),
        seconds: (performance.now() - started) / 1000,
      },
    }
  } finally {
    clearTimeout(timer)
    give()
  }
}

/** Decides on the next points; false when there are none. */
function planNext(folder: SweepFolder, plan: SweepPlan): boolean {
  const { seeds, search, sweep } = plan
  const trials = folder.trials(sweep.metric)
  const known = observationsOf(trials)
  const points = nextPoints(search, known)
  folder.plan(
    points.flatMap((parameters, i) =>
      seeds.map((seed, s) => {
        const point = known.length + i
        const version = `t${String(point).padStart(3, '0')}-s${seed}`
        return { trial: trials.length + i * seeds.length + s, point, seed, parameters, version }
      }),
    ),
  )
  return points.length > 0
}

/** What is known of the points of trials that have all ended. */
export function observationsOf(trials: readonly Trial[]): Observation[] {
  return pointsOf(trials).map(({ parameters, trials: own }) => ({
    point: parameters,
    // Of a point one of whose trials failed nothing is known that others could be compared with.
    value: own.some(({ metric }) => metric === null) ? NaN : spreadOf(own.map(({ metric }) => metric ?? NaN)).mean,
  }))
}

function pointsOf(trials: readonly Trial[]): { point: number; parameters: Trial['parameters']; trials: Trial[] }[] {
  const points: { point: number; parameters: Trial['parameters']; trials: Trial[] }[] = []
  for (const trial of trials) {
    const known = points[trial.point]
    if (known) known.trials.push(trial)
    else points[trial.point] = { point: trial.point, parameters: trial.parameters, trials: [trial] }
  }
  return points
}

/** The points whose every seed has a figure, the best first. */
export function rank({ direction }: Pick<SweepPlan, 'direction'>, trials: readonly Trial[]): PointResult[] {
  const whole = pointsOf(trials).flatMap(({ point, parameters, trials: own }): PointResult[] => {
    const values = own.flatMap(({ metric }) => (metric === null ? [] : [metric]))
    if (values.length < own.length) return []
    const { mean, sd, n } = spreadOf(values)
    return [{ point, parameters, metric: mean, sd, n }]
  })
  return whole.sort((a, b) => compare(a.metric, b.metric, direction) || a.point - b.point)
}

interface OpenTrial {
  trial: number
  config: ExperimentConfig
  command: string
}

/** One process's work on a sweep. */
class Session {
  readonly #folder: SweepFolder
  readonly #live: LivePlan
  readonly #options: SweepOptions
  /** Trials whose engine died with nobody else in it: not tried again before the next session. */
  readonly #givenUp = new Set<number>()

  constructor(folder: SweepFolder, plan: LivePlan, options: SweepOptions) {
    this.#folder = folder
    this.#live = plan
    this.#options = options
  }

  get #plan(): SweepPlan {
    return this.#live.last
  }

  #trials(): Trial[] {
    return this.#folder.trials(this.#plan.sweep.metric)
  }

  #trial(number: number): Trial {
    return this.#folder.trial(number, this.#plan.sweep.metric)
  }

  /** An engine that has lost its parent saves what it knows before it ends. */
  async waitForOthers(): Promise<void> {
    // On a cluster those that run are waited for with all others.
    if (this.#options.cluster) return
    let said = false
    for (;;) {
      const busy = this.#trials().flatMap(({ trial, status }) => (status === 'running' ? [trial] : []))
      if (busy.length === 0 || this.#options.stop.aborted) return
      if (!said) this.#options.onNews?.({ type: 'waiting', trials: busy })
      said = true
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }

  /** Trials that are neither finished nor failed. */
  open(): number[] {
    return this.#trials().flatMap((one) => {
      // A task of the cluster may be about one that runs; here somebody else trains it.
      const left = !isOver(one) && (this.#options.cluster !== undefined || one.status !== 'running')
      return left && !this.#givenUp.has(one.trial) ? [one.trial] : []
    })
  }

  async train(numbers: readonly number[]): Promise<void> {
    const open = this.#experimentsOf(numbers)
    if (this.#options.cluster) return this.#onCluster(open)
    for (const lane of lanesOf(open)) {
      if (this.#options.stop.aborted) return
      await Promise.all(lane.map((pass) => this.#pass(pass)))
    }
  }

  #experimentsOf(numbers: readonly number[]): OpenTrial[] {
    const { name } = this.#folder
    const all = this.#trials()
    const open: OpenTrial[] = []
    for (const trial of numbers) {
      const { parameters, seed } = all[trial]!
      const { roots } = this.#options
      try {
        const version = this.#folder.version(trial)
        const { request, config } = trialExperiment({ ...this.#plan, name }, parameters, seed, version, roots)
        open.push({ trial, config, command: commandOf(request, this.#folder.logDir) })
      } catch (thrown) {
        this.#refused(trial, AppError.from(thrown))
      }
    }
    return open
  }

  /** Trials that the sweep has got since: those whose values do not depend on what others come to need not wait for them. */
  #added(): OpenTrial[] {
    if (!this.#live.changed || this.#plan.sweep.method === 'tpe') return []
    const before = this.#trials().length
    planNext(this.#folder, this.#live.now())
    return this.#experimentsOf(this.#trials().flatMap(({ trial }) => (trial >= before ? [trial] : [])))
  }

  async #onCluster(open: readonly OpenTrial[]): Promise<void> {
    const { cluster, roots, stop, warn, onNews = () => {}, onEnded = () => {} } = this.#options
    if (!cluster) return
    const { dir, name, record } = this.#folder
    const training: ClusterTraining = new ClusterTraining({
      ...{ cluster: cluster.profile, starter: cluster.starter, dir, name, stop, warn, cwd: roots.cwd },
      identity: `${record.created} ${dir}`,
      queueFile: path.join(dir, SWEEP_FILES.queue),
      trials: () => this.#trials(),
      pause: { now: () => this.#folder.pause, released: () => this.#folder.setPause(undefined) },
      more: (inQueue) => [...this.#toRungs(this.#added(), training), ...this.#promoted(training, inQueue)],
      refuse: (trial, error) => this.#folder.refuse(trial, error),
      say: (text) => onNews({ type: 'cluster', text }),
      onEnded: (number) => {
        const trial = this.#trial(number)
        if (trial.dir !== undefined) onEnded(trial.dir)
        onNews({ type: 'trial', trial })
      },
    })
    await training.train(this.#toRungs(open, training))
    // Another session may have more luck with these.
    for (const trial of this.#trials()) if (!isOver(trial)) this.#givenUp.add(trial.trial)
  }

  /** Trials with the rung to which each is trained next; those that stand at one wait to be judged first. */
  #toRungs(open: readonly OpenTrial[], training: ClusterTraining): ClusterTrial[] {
    const { rungs } = this.#plan
    if (rungs.length === 0) return [...open]
    const all = this.#trials()
    const farthest = training.handedTo
    return open.flatMap((one) => {
      const known = all[one.trial]!
      const handed = farthest(one.trial)
      if (isJudgedNext(known, handed)) return []
      // One that this machine has begun goes on to the first rung that it has not passed.
      const kept = known.dir === undefined ? 0 : epochsKept(known.dir)
      return [{ ...one, rung: rungs.find((epochs) => epochs >= (handed === 0 ? kept : handed)) }]
    })
  }

  /** Of the trials that have come to a rung, those that go on; the others end there. */
  #promoted(training: ClusterTraining, inQueue: ReadonlySet<number>): ClusterTrial[] {
    const { rungs } = this.#plan
    if (rungs.length === 0) return []
    const all = this.#trials()
    const judged = judgePaused(this.#plan, all, inQueue, training.handedTo)
    const { onNews = () => {}, onEnded = () => {} } = this.#options
    for (const { trial, reason } of judged) {
      const { dir } = all[trial]!
      if (reason === undefined || dir === undefined) continue
      endPaused(dir, reason)
      onEnded(dir)
      onNews({ type: 'trial', trial: this.#trial(trial) })
    }
    for (const rung of rungs) {
      const here = judged.filter(({ trial }) => all[trial]!.epochs === rung)
      const left = here.filter(({ reason }) => reason === undefined).length
      if (here.length > 0)
        onNews({
          type: 'cluster',
          text: `After ${rung} ${rung === 1 ? 'epoch' : 'epochs'} ${left} of ${here.length} go on`,
        })
    }
    const on = judged.flatMap(({ trial, reason }) => (reason === undefined ? [trial] : []))
    return this.#experimentsOf(on).map((one) => ({
      ...one,
      rung: rungs.find((epochs) => epochs > (all[one.trial]!.epochs ?? 0)),
    }))
  }

  /** One engine. One that dies takes all of its runs with it: they are halved until whoever is to blame is alone. */
  async #pass(pass: readonly OpenTrial[]): Promise<void> {
    if (this.#options.stop.aborted || pass.length === 0) return
    const { stop, warn } = this.#options
    const begun = await this.#inEngine(pass)
    if (begun.error === undefined || stop.aborted) return
    const { error, runs } = begun
    const shareable = error.code === 'engine_crashed' || error.code === 'out_of_range'
    if (shareable && pass.length > 1) {
      const left = pass.filter(({ trial }) => !isOver(this.#trial(trial)))
      if (left.length > 0) warn(`${error.message}. Its ${left.length} trials go on in halves.`)
      const middle = left.length >> 1
      await this.#pass(left.slice(0, middle))
      return this.#pass(left.slice(middle))
    }
    // A mistake that all trials share is for the person to mend, before anything has been trained.
    if (!shareable && runs === 0 && this.#trials().every(({ status }) => status === 'planned')) throw error
    for (const { trial } of pass) {
      const { status } = this.#trial(trial)
      if (status === 'planned') this.#refused(trial, error)
      else if (status === 'crashed') this.#givenUp.add(trial)
    }
  }

  #refused(trial: number, error: AppError): void {
    this.#folder.refuse(trial, error)
    this.#options.onNews?.({ type: 'trial', trial: this.#trial(trial) })
  }

  /** One that could not begin has no folder that says so, and one that could not go on a folder that says how it stood before. */
  #failed(trial: number, error: AppError): void {
    const { status } = this.#trial(trial)
    if (status === 'planned') this.#folder.refuse(trial, error)
    else if (status !== 'failed') {
      this.#givenUp.add(trial)
      this.#options.warn(`Trial ${trial} cannot go on: ${error.message}`)
    }
  }

  async #inEngine(pass: readonly OpenTrial[]): Promise<{ error?: AppError; runs: number }> {
    const { spawner, history, roots, stop, warn, onNews = () => {}, onEnded = () => {} } = this.#options
    const { logDir, name } = this.#folder
    const { cwd } = roots
    const ask = new AbortController()
    const askToStop = (): void => ask.abort(stop.reason)
    stop.addEventListener('abort', askToStop, { once: true })
    const configs = pass.map(({ config }) => config)
    const own = new Set(pass.map(({ trial }) => trial))
    const recorders = new TogetherRecorders(
      { history, logDir, cwd, configs, warn, tags: [`sweep:${name}`], onEnded },
      askToStop,
    )
    /** Whose end has been told. */
    const told = new Set<number>()
    const tell = (trial: number): void => {
      told.add(trial)
      onNews({ type: 'trial', trial: this.#trial(trial) })
    }
    onNews({ type: 'pass', trials: pass.map(({ trial }) => trial), of: this.#trials().length })
    let error: AppError | undefined
    try {
      await runInEngine(
        spawner,
        {
          type: 'train_together',
          runs: pass.map(({ trial, config, command }) => ({ config, command, ...this.#folder.startOf(trial) })),
          ...{ logDir, cwd, warnings: [] },
          ...(this.#plan.rungs.length > 0 && { halving: halvingOf(this.#plan, this.#trials(), (one) => own.has(one)) }),
        },
        (frame) => {
          if (frame.type !== 'run') return
          const { run, news } = frame
          const { trial } = pass[run]!
          recorders.frame(frame)
          onNews({ type: 'run', trial, news })
          if (news.type === 'failed') this.#failed(trial, AppError.fromJSON(news.error))
          if (news.type === 'ended' || news.type === 'failed') tell(trial)
        },
        ask.signal,
        recorders.watch,
      )
    } catch (thrown) {
      error = AppError.from(thrown)
    } finally {
      stop.removeEventListener('abort', askToStop)
    }
    await recorders.gone(error, ask.signal)
    for (const { trial } of pass) if (!told.has(trial)) tell(trial)
    return { runs: recorders.begun, ...(error && { error }) }
  }
}

/**
 * Trials by what is read from disk for them: each list of passes is for engines that work side by side. The fused engine uses every core for
 * one pass; other backends train a run on one core, so that there are as many engines as cores.
 */
function lanesOf(open: readonly OpenTrial[]): OpenTrial[][][] {
  const byData = new Map<string, OpenTrial[]>()
  for (const one of open) {
    const { data, features, rw_model_name, backend, trainer, model_name } = one.config
    const key = JSON.stringify([data, features, rw_model_name, backend, trainer.table_dtype, model_name])
    byData.set(key, [...(byData.get(key) ?? []), one])
  }
  return [...byData.values()].flatMap((trials) => {
    const passes: OpenTrial[][] = []
    for (let from = 0; from < trials.length; from += MOST_TOGETHER)
      passes.push(trials.slice(from, from + MOST_TOGETHER))
    if (trainsTogether(trials[0]!.config)) return passes.map((pass) => [pass])
    const cores = os.availableParallelism()
    return [Array.from({ length: cores }, (_, core) => trials.filter((_, i) => i % cores === core))]
  })
}

/** Whether the engine trains several of them in one pass; a machine without SIMD trains them one after the other. */
export function trainsTogether({ backend, model_name }: ExperimentConfig): boolean {
  return (backend === 'auto' || backend === 'fused') && model_name !== 'ntm'
}

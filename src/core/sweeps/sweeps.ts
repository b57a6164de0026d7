import fs from 'node:fs'
import path from 'node:path'
import type { AppEvent } from '../../shared/api/events'
import type { RequestInput, RequestOutput } from '../../shared/api/requests'
import type { SweepChanges, SweepOrigin, SweepSummary, SweepView } from '../../shared/domain/sweeps'
import { AppError } from '../../shared/errors'
import type { ConfigRoots } from '../config/resolveExperiment'
import type { EngineSpawner } from '../engine/spawner'
import { BatchLog } from '../launch/batchLog'
import { soundCluster } from '../launch/clusterDocument'
import type { ClusterProfiles } from '../launch/profiles'
import type { RunStore } from '../runs/runStore'
import { quote } from '../service/command'
import { isThere } from '../service/thisProcess'
import { Tickets } from '../service/tickets'
import { addTrials } from '../sweep/addTrials'
import { dryRun } from '../sweep/dryRun'
import { readSweepAgain } from '../sweep/readSweepAgain'
import { SWEEP_FILES, SweepFolder } from '../sweep/sweepFolder'
import { promote } from './promote'
import { planCounts, readSweepText, soundSweep, withSweepChanges } from './sweepDocument'
import { fileText, labelOf, sweepFiles, sweepOver } from './sweepFiles'
import { SweepProcess } from './sweepProcess'
import { openSweep, summaryOf, sweepNames, viewOf, type Known } from './sweepViews'

export interface SweepsOptions {
  logDir: string
  dataDir: string | undefined
  roots: ConfigRoots
  spawner: EngineSpawner
  folders: RunStore
  profiles: ClusterProfiles
  publish: (event: AppEvent) => void
  /** The list of runs has changed. */
  changed: () => void
}

/** Changes of sweeps are told at most so often. */
const TELL_EVERY_MS = 250

/**
 * The sweeps of a log folder. Each is trained by a process of its own, `delta sweep --resume FOLDER`, whoever starts it: what this one knows
 * of a sweep it reads from its folder, so that one which was begun in a terminal, or by a window that is gone, is the same.
 */
export class Sweeps {
  readonly #options: SweepsOptions
  readonly #ours = new Map<string, SweepProcess>()
  readonly #errors = new Map<string, AppError>()
  /** Got more trials while they were trained: whoever did that may not have heard. */
  readonly #raised = new Set<string>()
  readonly #tickets = new Tickets()
  readonly #closing = new AbortController()
  #sequence = 0
  #telling: NodeJS.Timeout | undefined

  constructor(options: SweepsOptions) {
    this.#options = options
  }

  /** Sweeps that this process works on and that would end with it: what a cluster trains goes on without. */
  get running(): number {
    return [...this.#ours.keys()].filter((name) => !this.#isOnCluster(name)).length
  }

  /** Goes on with sweeps whose jobs were left in a cluster's queue, and that nobody follows. */
  async follow(): Promise<void> {
    for (const name of sweepNames(this.#options.logDir)) {
      if (this.#closing.signal.aborted) return
      await new Promise((resolve) => setImmediate(resolve))
      try {
        if (!this.#isOnCluster(name)) continue
        // First: a log that somebody writes is not to be read as one that was cut short.
        const folder = this.#idle(name)
        if (new BatchLog(folder.dir).open.length > 0) this.#goOn(folder, true)
      } catch {
        // Somebody works on it, or its files are broken: its page says so.
      }
    }
  }

  async list(): Promise<RequestOutput<'sweeps.list'>> {
    const sweeps: SweepSummary[] = []
    const unreadable: RequestOutput<'sweeps.list'>['unreadable'] = []
    for (const name of sweepNames(this.#options.logDir)) {
      try {
        sweeps.push(summaryOf(this.#open(name), this.#known(name)))
      } catch (thrown) {
        unreadable.push({ dir: path.join(this.#options.logDir, name), reason: AppError.from(thrown).message })
      }
      // Each reads many small files: others have their turn between two.
      await new Promise((resolve) => setImmediate(resolve))
    }
    return { sweeps: sweeps.sort((a, b) => b.created - a.created), unreadable }
  }

  async view(name: string): Promise<SweepView> {
    const { folders, logDir } = this.#options
    const { runs } = await folders.list()
    return viewOf(this.#open(name), this.#known(name), runs, logDir)
  }

  draft(origin: SweepOrigin): RequestOutput<'sweeps.draft'> {
    const { roots } = this.#options
    const label = labelOf(origin)
    switch (origin.kind) {
      case 'experiment':
        return { label, yaml: sweepOver(origin.yaml), notes: [] }
      case 'sweep':
        return { label, yaml: this.#open(origin.name).yaml, notes: [] }
      case 'file':
        return { label, yaml: fileText(origin.id, roots).text, notes: [] }
    }
  }

  files(): RequestOutput<'sweeps.files'> {
    return { files: sweepFiles(this.#options.roots).map(({ id, name, description }) => ({ id, name, description })) }
  }

  check(yaml: string, changes: SweepChanges): RequestOutput<'sweeps.check'> {
    const { roots, logDir } = this.#options
    const text = withSweepChanges(yaml, changes)
    const { plan, ...read } = readSweepText(text, roots)
    const file = `${plan?.name ?? ''}.yaml`
    return {
      yaml: text,
      ...read,
      plan: plan && {
        ...{ name: plan.name, file, cwd: roots.cwd, ...planCounts(plan) },
        command: commandOf(file, logDir),
      },
    }
  }

  async plan(yaml: string, ticket: string): Promise<RequestOutput<'sweeps.plan'>> {
    const { roots, spawner } = this.#options
    const plan = soundSweep(yaml, roots)
    const closing = this.#closing.signal
    const { points, trials, seconds } = await this.#tickets.run(ticket, (stop) =>
      dryRun(plan, spawner, roots, AbortSignal.any([stop, closing])),
    )
    return { points, trials, seconds }
  }

  forget(ticket: string): void {
    this.#tickets.end(ticket)
  }

  /** @param cluster name of a stored profile; without it this machine trains */
  start(yaml: string, cluster?: string): RequestOutput<'sweeps.start'> {
    const { roots, logDir, spawner, profiles } = this.#options
    const plan = soundSweep(yaml, roots)
    if (!spawner.command) throw noCommandLine()
    const profile = cluster === undefined ? undefined : profiles.text(cluster)
    if (profile !== undefined) soundCluster(profile)
    const dir = path.join(logDir, plan.name)
    const at = cluster === undefined ? '' : ` --cluster ${quote(cluster)}`
    const command = commandOf(path.join(dir, SWEEP_FILES.asked), logDir) + at
    const folder = SweepFolder.create(logDir, plan, yaml, { command, cwd: roots.cwd })
    if (profile !== undefined) folder.trainOn(profile)
    this.#launch(folder)
    return { name: folder.name, dir: folder.dir }
  }

  /** Until it is resumed nothing more begins: what a cluster's queue has is held there, and what runs there goes on; here, all is saved. */
  pause(name: string): void {
    const folder = this.#open(name)
    if (!folder.worker() && !this.#ours.has(name))
      throw new AppError('usage', `Nobody works on the sweep ${name}`, { fix: 'There is nothing to pause.' })
    if (!this.#isOnCluster(name)) this.#end(name)
    folder.setPause('paused')
    this.#tell()
  }

  stop(name: string): void {
    const folder = this.#open(name)
    this.#end(name)
    folder.setPause(undefined)
  }

  #end(name: string): void {
    const ours = this.#ours.get(name)
    if (ours) return ours.stop()
    const worker = this.#open(name).worker()
    if (!worker) throw new AppError('usage', `Nobody works on the sweep ${name}`, { fix: 'There is nothing to stop.' })
    const { pid, host } = worker.owner
    if (isThere(worker.owner) !== true)
      throw new AppError('usage', `The sweep ${name} is trained on ${host}`, { fix: 'Stop it there.' })
    process.kill(pid, 'SIGTERM')
  }

  resume(name: string): void {
    const folder = this.#open(name)
    if (folder.pause === 'paused' && this.#isOnCluster(name) && (folder.worker() || this.#ours.has(name))) {
      folder.setPause('released')
      return this.#tell()
    }
    this.#goOn(this.#idle(name))
  }

  /** To one that nobody works on, which then goes on, or to one that is being trained. */
  addTrials({ name, ...more }: RequestInput<'sweeps.addTrials'>): void {
    const folder = this.#open(name)
    const back = addTrials(folder, more, this.#rootsOf(folder))
    this.#tell()
    if (folder.worker() || this.#ours.has(name)) {
      this.#raised.add(name)
      return
    }
    try {
      this.#goOn(folder)
    } catch (thrown) {
      back()
      throw thrown
    }
  }

  async promote({ name, exp_name, trial }: RequestInput<'sweeps.promote'>): Promise<RequestOutput<'sweeps.promote'>> {
    const made = await promote(await this.view(name), this.#options.logDir, exp_name, trial)
    this.#options.changed()
    return made
  }

  /** Ends what this process has started, each run with its checkpoint written. */
  async close(): Promise<void> {
    this.#closing.abort()
    clearTimeout(this.#telling)
    const all = [...this.#ours.values()]
    for (const sweep of all) sweep.leave()
    await Promise.all(all.map(({ ended }) => ended))
  }

  #isOnCluster(name: string): boolean {
    return fs.existsSync(path.join(this.#options.logDir, name, SWEEP_FILES.cluster))
  }

  #open(name: string): SweepFolder {
    return openSweep(this.#options.logDir, name)
  }

  #known(name: string): Known {
    return { ours: this.#ours.has(name), error: this.#errors.get(name)?.toJSON() ?? null }
  }

  /** @throws AppError `usage` while somebody works on it */
  #idle(name: string): SweepFolder {
    const folder = this.#open(name)
    const worker = folder.worker()
    if (!worker && !this.#ours.has(name)) return folder
    throw new AppError('usage', `The sweep ${name} is running`, { fix: 'Wait for its end, or stop it first.' })
  }

  #rootsOf({ record }: SweepFolder): ConfigRoots {
    return { ...this.#options.roots, cwd: record.cwd }
  }

  #goOn(folder: SweepFolder, paused = false): void {
    // Refused now, in words, not by a process that begins and ends.
    readSweepAgain(folder, this.#rootsOf(folder))
    this.#launch(folder, paused)
  }

  /** Goes on with what was added at the very end. */
  #heard(name: string): void {
    if (!this.#raised.delete(name) || this.#closing.signal.aborted) return
    try {
      const folder = this.#idle(name)
      if (summaryOf(folder, this.#known(name)).status === 'stopped') this.#goOn(folder)
    } catch {
      // Somebody else works on it already.
    }
  }

  /** @param paused whether it stays paused, if it is */
  #launch(folder: SweepFolder, paused = false): void {
    const { logDir, dataDir, spawner, roots, publish, changed } = this.#options
    const { name, dir } = folder
    const home = dataDir === undefined ? [] : ['--data-dir', dataDir]
    const sweep = new SweepProcess({
      ...{ spawner, cwd: roots.cwd },
      args: ['sweep', '--resume', dir, '--log_dir', logDir, ...home, ...(paused ? ['--keep-paused'] : []), '--json'],
      onTrial: () => this.#tell(),
      onProgress: (progress) => publish({ event: 'sweep.progress', payload: { name, progress } }),
    })
    this.#ours.set(name, sweep)
    this.#errors.delete(name)
    void sweep.ended.then(({ error, well }) => {
      this.#ours.delete(name)
      if (error) this.#errors.set(name, error)
      else if (well) this.#heard(name)
      this.#tell()
      changed()
    })
    this.#tell()
    changed()
  }

  #tell(): void {
    if (this.#closing.signal.aborted) return
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined
      this.#options.publish({ event: 'sweeps.changed', payload: { sequence: ++this.#sequence } })
    }, TELL_EVERY_MS)
  }
}

function noCommandLine(): AppError {
  return new AppError('backend_unavailable', 'The command line cannot be started from here', {
    fix: 'Copy the command and give it in a terminal.',
  })
}

function commandOf(file: string, logDir: string): string {
  const at = logDir === path.resolve('lightning_logs') ? '' : ` --log_dir ${quote(logDir)}`
  return `npm run -s delta -- sweep ${quote(file)}${at}`
}

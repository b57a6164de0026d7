import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import type { ExperimentConfig } from '../../shared/config/experiment'
import type { Cluster, Task } from '../../shared/domain/cluster'
import { RUN_FILES } from '../../shared/domain/run'
import { isOver, type Trial } from '../../shared/domain/sweep'
import { AppError } from '../../shared/errors'
import { CLOSING } from '../engine/runInEngine'
import { NO_ANNOTATIONS, writeAnnotations } from '../store/annotations'
import { BatchLog, handedTo, type LoggedBatch } from './batchLog'
import { ClusterShell } from './clusterShell'
import { QueueFile } from './queueFile'
import { crash, settle, told } from './settle'
import { taskKey, type Scheduler, type TaskState } from './scheduler'
import { Slurm } from './slurm'
import { Stage } from './stage'

/** A trial that is to be trained. */
export interface ClusterTrial {
  trial: number
  config: ExperimentConfig
  command: string
  /** Epochs after which it pauses; to its end where there are none. */
  rung?: number | undefined
}

export interface ClusterOptions {
  cluster: Cluster
  /** The sweep's folder, its name, and what tells it from others of that name. */
  dir: string
  /** Where the queue is told of. */
  queueFile: string
  name: string
  identity: string
  cwd: string
  /** What starts this program's command line, where the profile does not say. */
  starter: readonly string[]
  trials: () => readonly Trial[]
  /** A task that left no run says why. */
  refuse: (trial: number, error: AppError) => void
  say: (line: string) => void
  warn: (line: string) => void
  /** Whether a person has paused the sweep, or gone on with it since; and that it is done. */
  pause: { now: () => 'paused' | 'released' | undefined; released: () => void }
  /** Trials that were added meanwhile, or that go on from their rung; none of those that have a task in the queue. */
  more: (inQueue: ReadonlySet<number>) => readonly ClusterTrial[]
  /** A trial's run has ended. */
  onEnded: (trial: number) => void
  stop: AbortSignal
}

/** A task that the queue does not list, though it was handed over, is given up when it was missed so often: queues answer late. */
const MISSED = 3
/** While a queue does not answer it is asked ever less often, but at least so often. */
const SLOWEST_MS = 60_000

interface OneTask {
  batch: LoggedBatch
  index: number
  trial: number
  rung: number | undefined
}

/** Whether nothing is left of what a task was to train. */
const isDone = (known: Trial | undefined, rung = Infinity): boolean =>
  known !== undefined && (isOver(known) || (known.status === 'paused' && (known.epochs ?? 0) >= rung))

/**
 * Trains trials on a cluster, each as a task of its own. What became of a trial stands in its run's folder; the queue only says whether
 * anybody still works on it. Killing this process stops nothing: whoever goes on finds the tasks again.
 */
export class ClusterTraining {
  readonly #options: ClusterOptions
  readonly #scheduler: Scheduler
  readonly #stage: Stage
  readonly #log: BatchLog
  readonly #missed = new Map<string, number>()
  readonly #cancelled = new Set<string>()
  /** Tasks that were seen to have ended once, without their trial. */
  readonly #endedBefore = new Set<string>()
  readonly #queue: QueueFile
  #said = ''
  #failures = 0

  constructor(options: ClusterOptions) {
    this.#options = options
    const shell = new ClusterShell(options.cluster)
    this.#scheduler = new Slurm(shell, options.cluster)
    this.#stage = new Stage(shell, options.cluster, options)
    this.#log = new BatchLog(options.dir)
    this.#queue = new QueueFile(options.queueFile)
  }

  /**
   * Until every trial has ended, or cannot be had, or a stop was asked for: then its tasks are cancelled, and waited for. Where the workbench
   * itself closes (`CLOSING`) they are left in the queue.
   *
   * @throws AppError where the first batch cannot be handed over
   */
  async train(open: readonly ClusterTrial[]): Promise<void> {
    const wanted = new Map(open.map((one) => [one.trial, one]))
    for (;;) {
      await this.#look(wanted)
      const { stop } = this.#options
      // After the look: it takes a while, in which the workbench may have closed.
      if (stop.reason === CLOSING) return
      const busy = this.#tasks()
      if (stop.aborted) await this.#cancel()
      else if (this.#options.pause.now() !== 'paused') {
        const inQueue = new Set(busy.map(({ trial }) => trial))
        for (const one of this.#options.more(inQueue)) wanted.set(one.trial, one)
        this.#forgetDone(wanted)
        const left = [...wanted.values()].filter(({ trial }) => !inQueue.has(trial))
        if (left.length > 0) await this.#handOver(left)
      }
      // What could not be handed over is tried again; a person can end that.
      if (this.#tasks().length === 0 && (wanted.size === 0 || stop.aborted)) return
      await this.#pause()
    }
  }

  /** Epochs to which each trial was handed over by now: 0 where it never was, Infinity where it was to its end. */
  get handedTo(): (trial: number) => number {
    return handedTo(this.#log.batches)
  }

  #tasks(): OneTask[] {
    return this.#log.open.flatMap((batch) =>
      batch.tasks.flatMap(({ trial, rung }, index) => (batch.ended.has(index) ? [] : [{ batch, index, trial, rung }])),
    )
  }

  async #handOver(trials: readonly ClusterTrial[]): Promise<void> {
    const { cwd, name, say, starter } = this.#options
    const token = randomUUID()
    const tasks = trials.map(({ trial, config, command, rung }, index): Task => ({
      ...{ token, index, trial, config, command, cwd, rung },
      attempt: this.#log.attempts(trial) + 1,
      logDir: this.#stage.logDir,
      paths: this.#stage.pathsOf(config),
    }))
    try {
      const files = await this.#stage.prepare(token, tasks, starter)
      // Before the queue knows: should we end in between, the token finds it there.
      this.#log.begin(
        token,
        tasks.map(({ trial, attempt, rung }) => ({ trial, attempt, rung })),
      )
      const job = await this.#scheduler.submit({ token, name, tasks: tasks.map(({ index }) => index), ...files })
      this.#log.handedOver(token, job)
      say(`Handed ${tasks.length} ${tasks.length === 1 ? 'trial' : 'trials'} to Slurm as job ${job}`)
      this.#failures = 0
    } catch (thrown) {
      const error = AppError.from(thrown)
      // A queue that has answered before is only away, and may have heard us: the next look finds the token, or misses it.
      if (this.#log.batches.some(({ job }) => job !== undefined)) return this.#away(error)
      if (!(await this.#heard(token))) throw error
    }
  }

  /** Whether the queue has a batch although it did not say so; one that it surely has not is over. */
  async #heard(token: string): Promise<boolean> {
    const batch = this.#log.batches.find((one) => one.token === token)
    if (!batch) return false
    const tasks = batch.tasks.map((_, index) => index)
    try {
      const states = await this.#scheduler.poll([{ token, tasks }])
      if (states.size > 0) return true
      for (const index of tasks) this.#log.ended(token, index, 'refused')
    } catch {
      // It does not answer: whoever goes on will look for the token.
    }
    return false
  }

  /** Sees what has ended, and takes trials that are done, or cannot be had, from those that are wanted. */
  async #look(wanted: Map<number, ClusterTrial>): Promise<void> {
    const tasks = this.#tasks()
    if (tasks.length === 0) {
      if (this.#options.pause.now() === 'released') this.#options.pause.released()
      this.#queue.seen([])
      return this.#forgetDone(wanted)
    }
    let states: Map<string, TaskState>
    try {
      states = await this.#scheduler.poll(
        this.#log.open.map(({ token, job, tasks: own }) => ({ token, job, tasks: own.map((_, index) => index) })),
      )
      await this.#stage.collect()
      if (this.#failures > 0) this.#options.say('The cluster answers again')
      this.#failures = 0
    } catch (thrown) {
      return this.#away(AppError.from(thrown))
    }
    // What it has not written down it will find again, and whoever looks finds the sweep under way.
    if (this.#options.stop.reason === CLOSING) return
    const known = this.#options.trials()
    const leftovers: { job: string; index: number }[] = []
    for (const task of tasks) {
      const key = taskKey(task.batch.token, task.index)
      const state = states.get(key)
      const done = isDone(known[task.trial], task.rung)
      if (state && task.batch.job === undefined) this.#log.handedOver(task.batch.token, state.job)
      const missed = state ? 0 : (this.#missed.get(key) ?? 0) + 1
      this.#missed.set(key, missed)
      if (state?.is === 'ended' && !done && !this.#endedBefore.has(key)) {
        // What its node wrote last may not be seen here yet: file systems that machines share remember for a while.
        this.#endedBefore.add(key)
      } else if (state?.is === 'ended') {
        if (state.held === true) leftovers.push({ job: state.job, index: task.index })
        this.#ended(task, state, wanted)
      } else if (state?.is === 'waiting' && done) {
        // Its run says that it is done; the queue, which has forgotten that, would start it again.
        leftovers.push({ job: state.job, index: task.index })
        this.#ended(task, { is: 'ended', text: 'done', again: false, job: state.job }, wanted)
      } else if (missed >= MISSED) {
        const again = !this.#options.stop.aborted
        this.#ended(task, { is: 'ended', text: 'no longer in the queue', again, job: '' }, wanted)
      }
    }
    await this.#scheduler.cancel(leftovers).catch((thrown: unknown) => this.#away(AppError.from(thrown)))
    this.#describe(wanted)
    this.#forgetDone(wanted)
    this.#tell(states)
    await this.#hold(states)
  }

  /** A task has ended: whether its trial has, its run's folder says. */
  #ended(
    { batch, index, trial, rung }: OneTask,
    { text, again }: TaskState & { is: 'ended' },
    wanted: Map<number, ClusterTrial>,
  ): void {
    const { cluster, refuse, warn, stop } = this.#options
    const { token } = batch
    const known = this.#options.trials()[trial]
    if (known && !isDone(known, rung)) {
      const { dir } = known
      // Its run says what an earlier task has come to: this one has not begun.
      const unbegun = dir === undefined || known.status === 'paused'
      // Where Slurm itself watches the memory of tasks, their state is FAILED (JobLaunchFailure), and only their log says why.
      if (!unbegun) settle(dir, text, text.startsWith('FAILED') ? this.#stage.slurmsWords(token, index) : '')
      const retried = again && this.#log.tries(trial, rung) < cluster.attempts && !stop.aborted
      if (!retried) wanted.delete(trial)
      if (unbegun && !retried && !stop.aborted) {
        const why = told(text, this.#stage.lastWords(token, index))
        if (dir === undefined) refuse(trial, new AppError('service_failed', why))
        else crash(dir, why)
      }
      warn(`Trial ${trial}: ${text}${retried ? '; it goes on in another job' : ''}`)
    }
    this.#log.ended(token, index, text)
    this.#options.onEnded(trial)
  }

  #forgetDone(wanted: Map<number, ClusterTrial>): void {
    for (const known of this.#options.trials())
      if (isDone(known, wanted.get(known.trial)?.rung)) wanted.delete(known.trial)
  }

  /** Runs appear in the window with the sweep's tag, and with the data of this machine. */
  #describe(wanted: ReadonlyMap<number, ClusterTrial>): void {
    const { name, warn } = this.#options
    for (const { dir, trial } of this.#options.trials()) {
      if (dir === undefined || fs.existsSync(path.join(dir, RUN_FILES.annotations))) continue
      try {
        const config = wanted.get(trial)?.config
        if (config) this.#stage.describe(dir, config)
        writeAnnotations(dir, { ...NO_ANNOTATIONS, tags: [`sweep:${name}`] })
      } catch (thrown) {
        warn(AppError.from(thrown).message)
      }
    }
  }

  #tell(states: Map<string, TaskState>): void {
    const counts = new Map<string, number>()
    const tasks: Parameters<QueueFile['seen']>[0][number][] = []
    for (const { batch, index, trial } of this.#tasks()) {
      const state = states.get(taskKey(batch.token, index))
      const known = state && state.is !== 'ended' ? state : undefined
      const text = known === undefined ? 'not seen yet' : known.is === 'waiting' ? known.text : 'RUNNING'
      counts.set(text, (counts.get(text) ?? 0) + 1)
      const { attempt } = batch.tasks[index]!
      const job = known?.job ?? batch.job ?? ''
      tasks.push({ trial, is: known?.is ?? 'unseen', text: known?.text ?? '', job, attempt })
    }
    this.#queue.seen(tasks)
    const line = [...counts].map(([text, count]) => `${count} ${text.toLowerCase()}`).join(', ')
    if (line !== '' && line !== this.#said) this.#options.say(line)
    this.#said = line
  }

  #away({ message }: AppError): void {
    this.#queue.away(message)
    if (this.#failures++ === 0) this.#options.warn(`${message}. Trials that run go on; it is asked again.`)
  }

  /** Of a sweep that is paused, nothing more begins; of one that goes on, what was held for that does again. */
  async #hold(states: ReadonlyMap<string, TaskState>): Promise<void> {
    const { pause, stop, say } = this.#options
    const now = pause.now()
    if (now === undefined || stop.aborted) return
    const wrong = this.#tasks().flatMap(({ batch, index }) => {
      const state = states.get(taskKey(batch.token, index))
      return state?.is === 'waiting' && (state.held === true) !== (now === 'paused') ? [{ job: state.job, index }] : []
    })
    try {
      if (wrong.length > 0) {
        say(`${now === 'paused' ? 'Holding' : 'Releasing'} ${wrong.length} tasks that wait`)
        await this.#scheduler.hold(wrong, now === 'paused')
      }
      // One that no answer has named yet may be held too.
      const known = this.#tasks().every(({ batch, index }) => states.has(taskKey(batch.token, index)))
      if (now === 'released' && known) pause.released()
    } catch {
      // Some have begun, or it does not answer: the next look tells.
    }
  }

  /** Once for each task, as soon as its number is known. */
  async #cancel(): Promise<void> {
    const tasks = this.#tasks().flatMap(({ batch: { token, job }, index }) =>
      job === undefined || this.#cancelled.has(taskKey(token, index)) ? [] : [{ job, token, index }],
    )
    if (tasks.length === 0) return
    this.#options.say(`Cancelling ${tasks.length} tasks; those that run save what they have learned`)
    try {
      await this.#scheduler.cancel(tasks)
      for (const { token, index } of tasks) this.#cancelled.add(taskKey(token, index))
    } catch (thrown) {
      this.#away(AppError.from(thrown))
    }
  }

  #pause(): Promise<void> {
    const wait = Math.min(SLOWEST_MS, this.#options.cluster.poll_seconds * 1000 * 2 ** Math.min(this.#failures, 10))
    const { stop } = this.#options
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        stop.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, wait)
      // Asked to stop while it waits, it need not wait; after that it must.
      if (!stop.aborted) stop.addEventListener('abort', done, { once: true })
    })
  }
}

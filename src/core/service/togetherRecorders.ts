import fs from 'node:fs'
import path from 'node:path'
import type { FromEngine } from '../../shared/api/engineProtocol'
import type { ExperimentConfig } from '../../shared/config/experiment'
import type { EndStatus } from '../../shared/domain/lifecycle'
import { RUN_FILES } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'
import type { EngineWatch } from '../engine/runInEngine'
import type { EngineExit } from '../engine/spawner'
import { NO_ANNOTATIONS, writeAnnotations } from '../store/annotations'
import { RunRecorder, watchRuns, type History, type RecorderOptions } from './recorder'
import { describeRun, endOf, endStatus, reasonOf, type TrainRequest } from './supervise'

export interface TogetherOptions
  extends Omit<RecorderOptions, 'run' | 'publish' | 'readAtEnd'>, Pick<TrainRequest, 'cwd'> {
  /** Of the runs, in their order. */
  configs: readonly ExperimentConfig[]
  /** Given to each run that has no annotations yet. */
  tags?: readonly string[]
  /** Reads the folder of each run into the history once it has ended, and everything that is known of it stands there. */
  onEnded: (dir: string) => void
}

type RunFrame = Extract<FromEngine, { type: 'run' }>

type News<T> = Extract<RunFrame['news'], { type: T }>

/**
 * Writes runs into the history that one engine trains together: who works on them as they begin, and their figures, which come too
 * fast for so many, from their folders as each of them ends.
 */
export class TogetherRecorders {
  readonly #options: TogetherOptions
  /** Of runs that have begun and not ended. */
  readonly #open = new Map<number, RunRecorder>()
  readonly #unwatch: () => void
  #begun = 0
  #described: Promise<void> = Promise.resolve()
  #pid: number | undefined
  #exit: EngineExit | undefined

  /** @param onStop called when somebody asks one of the runs to end: they end together */
  constructor(options: TogetherOptions, onStop: () => void) {
    this.#options = options
    const ids = (): string[] => [...this.#open.values()].flatMap(({ run }) => run?.id ?? [])
    this.#unwatch = watchRuns((work) => this.#write(work), ids, onStop)
  }

  /** For the engine that trains them. */
  readonly watch: EngineWatch = {
    onReady: ({ pid }) => void (this.#pid = pid),
    onExit: (exit) => void (this.#exit = exit),
  }

  /** Runs that have begun. */
  get begun(): number {
    return this.#begun
  }

  frame({ run, news }: RunFrame): void {
    switch (news.type) {
      case 'started':
        return this.#started(run, news)
      case 'ended':
        return this.#ended(run, { status: endStatus(news.result), reason: 'The engine ended in good order' })
      case 'failed':
        return this.#ended(run, { status: 'failed', reason: reasonOf(AppError.fromJSON(news.error)) })
      case 'log':
      case 'progress':
      case 'metrics':
        return
    }
  }

  #started(run: number, news: News<'started'>): void {
    const { configs, tags, warn } = this.#options
    const config = configs[run]
    if (!config) return
    if (tags) this.#tag(news.dir, tags)
    const recorder = new RunRecorder({ ...this.#options, publish: () => {}, readAtEnd: true })
    this.#open.set(run, recorder)
    this.#begun++
    recorder.spawned(this.#pid)
    recorder.started(news, 'Training has begun')
    const own = { ...this.#options, config }
    // One after the other: the files are the same, and what the first has hashed the history remembers.
    this.#described = this.#described.then(() => describeRun(own, news, warn))
  }

  /** @param exit of the engine, where it did not tell of the end itself */
  #ended(run: number, guess: { status: EndStatus; reason: string }, exit?: EngineExit): void {
    const recorder = this.#open.get(run)
    if (!recorder?.run) return
    this.#open.delete(run)
    recorder.ended(guess, exit)
    const { dir } = recorder.run
    this.#described = this.#described.then(() => this.#options.onEnded(dir))
  }

  #tag(dir: string, tags: readonly string[]): void {
    if (fs.existsSync(path.join(dir, RUN_FILES.annotations))) return
    try {
      writeAnnotations(dir, { ...NO_ANNOTATIONS, tags: [...tags] })
    } catch (thrown) {
      this.#options.warn(AppError.from(thrown).message)
    }
  }

  #write(work: (history: History) => void): void {
    try {
      work(this.#options.history())
    } catch {
      // A history that refuses is told of by the runs themselves.
    }
  }

  /**
   * The engine is gone, and with it every run whose end it has not told.
   *
   * @param thrown why, where it gave no answer
   */
  async gone(thrown: unknown, stop: AbortSignal): Promise<void> {
    this.#unwatch()
    const guess =
      thrown === undefined
        ? { status: 'failed' as const, reason: 'The engine ended without a word on this run' }
        : endOf(AppError.from(thrown), stop)
    for (const run of [...this.#open.keys()]) this.#ended(run, guess, this.#exit)
    await this.#described
  }
}

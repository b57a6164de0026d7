import fs from 'node:fs'
import path from 'node:path'
import type { FromEngine } from '../../shared/api/engineProtocol'
import type { ExperimentConfig } from '../../shared/config/experiment'
import { RUN_FILES } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'
import type { EngineWatch } from '../engine/runInEngine'
import type { EngineExit } from '../engine/spawner'
import { NO_ANNOTATIONS, writeAnnotations } from '../store/annotations'
import { RunRecorder, type RecorderOptions } from './recorder'
import { describeRun, endOf, type TrainRequest } from './supervise'

export interface TogetherOptions extends Omit<RecorderOptions, 'run' | 'publish'>, Pick<TrainRequest, 'cwd'> {
  /** Of the runs, in their order. */
  configs: readonly ExperimentConfig[]
  /** Given to each run that has no annotations yet. */
  tags?: readonly string[]
}

type RunFrame = Extract<FromEngine, { type: 'run' }>

/**
 * Writes runs into the history that one engine trains together: who works on them as they begin, and their figures, which come too
 * fast for so many, from their folders when they end.
 */
export class TogetherRecorders {
  readonly #options: TogetherOptions
  readonly #onStop: () => void
  readonly #recorders = new Map<number, RunRecorder>()
  #described: Promise<void> = Promise.resolve()
  #pid: number | undefined
  #exit: EngineExit | undefined

  /** @param onStop called when somebody asks one of the runs to end: they end together */
  constructor(options: TogetherOptions, onStop: () => void) {
    this.#options = options
    this.#onStop = onStop
  }

  /** For the engine that trains them. */
  readonly watch: EngineWatch = {
    onReady: ({ pid }) => void (this.#pid = pid),
    onExit: (exit) => void (this.#exit = exit),
  }

  /** Runs that have begun. */
  get begun(): number {
    return this.#recorders.size
  }

  frame({ run, news }: RunFrame): void {
    if (news.type !== 'started') return
    const { configs, tags, warn } = this.#options
    const config = configs[run]
    if (!config) return
    if (tags) this.#tag(news.dir, tags)
    const recorder = new RunRecorder({ ...this.#options, publish: () => {} })
    this.#recorders.set(run, recorder)
    recorder.spawned(this.#pid)
    recorder.started(news, 'Training has begun')
    recorder.watch(this.#onStop)
    const own = { ...this.#options, config }
    // One after the other: the files are the same, and what the first has hashed the history remembers.
    this.#described = this.#described.then(() => describeRun(own, news, warn))
  }

  #tag(dir: string, tags: readonly string[]): void {
    if (fs.existsSync(path.join(dir, RUN_FILES.annotations))) return
    try {
      writeAnnotations(dir, { ...NO_ANNOTATIONS, tags: [...tags] })
    } catch (thrown) {
      this.#options.warn(AppError.from(thrown).message)
    }
  }

  /**
   * The engine is gone.
   *
   * @param thrown why, where it gave no answer
   * @returns the runs' folders
   */
  async ended(thrown: unknown, stop: AbortSignal): Promise<string[]> {
    await this.#described
    const guess =
      thrown === undefined
        ? { status: 'failed' as const, reason: 'The engine ended without a word on this run' }
        : endOf(AppError.from(thrown), stop)
    return [...this.#recorders.values()].flatMap((recorder) => {
      recorder.ended(guess, this.#exit)
      return recorder.run ? [recorder.run.dir] : []
    })
  }
}

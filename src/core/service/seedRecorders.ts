import type { FromEngine } from '../../shared/api/engineProtocol'
import { AppError } from '../../shared/errors'
import type { EngineWatch } from '../engine/runInEngine'
import type { EngineExit } from '../engine/spawner'
import { RunRecorder, type RecorderOptions } from './recorder'
import { describeRun, endOf, type TrainRequest } from './supervise'

/** `config` is that of all runs; each has its own seed and version. */
export type SeedRecordersOptions = Omit<RecorderOptions, 'run' | 'publish'> & Pick<TrainRequest, 'config' | 'cwd'>

type SeedFrame = Extract<FromEngine, { type: 'seed' }>

/**
 * Writes the runs of several seeds into the history, which one engine trains in one pass: who works on them as they begin, and
 * their figures, which come too fast for so many, from their folders when they end.
 */
export class SeedRecorders {
  readonly #options: SeedRecordersOptions
  readonly #onStop: () => void
  readonly #recorders = new Map<number, RunRecorder>()
  #described: Promise<void> = Promise.resolve()
  #pid: number | undefined
  #exit: EngineExit | undefined

  /** @param onStop called when somebody asks one of the runs to end: they end together */
  constructor(options: SeedRecordersOptions, onStop: () => void) {
    this.#options = options
    this.#onStop = onStop
  }

  /** For the engine that trains them. */
  readonly watch: EngineWatch = {
    onReady: ({ pid }) => void (this.#pid = pid),
    onExit: (exit) => void (this.#exit = exit),
  }

  frame({ seed, news }: SeedFrame): void {
    if (news.type !== 'started') return
    const recorder = new RunRecorder({ ...this.#options, publish: () => {} })
    this.#recorders.set(seed, recorder)
    recorder.spawned(this.#pid)
    recorder.started(news, 'Training has begun')
    recorder.watch(this.#onStop)
    const { config, warn } = this.#options
    const { data_seed = config.trainer.seed } = config.trainer
    const own = { ...this.#options, config: { ...config, trainer: { ...config.trainer, seed, data_seed } } }
    // One after the other: the files are the same, and what the first has hashed the history remembers.
    this.#described = this.#described.then(() => describeRun(own, news, warn))
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

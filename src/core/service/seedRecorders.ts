import type { FromEngine } from '../../shared/api/engineProtocol'
import { AppError } from '../../shared/errors'
import type { EngineWatch } from '../engine/runInEngine'
import type { EngineExit } from '../engine/spawner'
import { RunRecorder, type RecorderOptions } from './recorder'
import { endOf } from './supervise'

type SeedFrame = Extract<FromEngine, { type: 'seed' }>

/**
 * Writes the runs of several seeds into the history, which one engine trains in one pass: who works on them as they begin, and
 * their figures, which come too fast for so many, from their folders when they end.
 */
export class SeedRecorders {
  readonly #options: Omit<RecorderOptions, 'run' | 'publish'>
  readonly #onStop: () => void
  readonly #recorders = new Map<number, RunRecorder>()
  #pid: number | undefined
  #exit: EngineExit | undefined

  /** @param onStop called when somebody asks one of the runs to end: they end together */
  constructor(options: Omit<RecorderOptions, 'run' | 'publish'>, onStop: () => void) {
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
  }

  /**
   * The engine is gone.
   *
   * @param thrown why, where it gave no answer
   * @returns the runs' folders
   */
  ended(thrown: unknown, stop: AbortSignal): string[] {
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

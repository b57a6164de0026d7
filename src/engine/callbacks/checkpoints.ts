import type { Figures } from '../metrics/figures'
import type { Callback, EpochReport } from '../loop/fit'
import type { Execution, NamedArray } from '../backends/execution'
import { writeCheckpoint, type CheckpointMeta, type CheckpointProgress } from '../run/checkpointFile'

export type CheckpointContext = Omit<CheckpointMeta, 'epochs' | 'steps' | 'val' | 'progress'>

/**
 * Fast models finish an epoch in a millisecond: writing each would cost more than training. A crash loses the epoch it
 * falls into and the epochs of this last while; every end of a run writes what is newest.
 */
const WRITE_EVERY_MS = 2_000
/** Runs that train together write one after the other while all of them wait: together no more than this share of their time. */
const MOST_WRITING = 0.03
/** What writing both takes, before it is known. */
const TYPICAL_WRITE_MS = 10

export interface Best {
  epoch: number
  steps: number
  val: Figures
  arrays: NamedArray[]
  written: boolean
}

interface Options {
  folder: string
  execution: Pick<Execution, 'state' | 'frozen'>
  context: CheckpointContext
  /** What `last` needs to be resumed, besides the best epoch so far. */
  progress: () => Omit<CheckpointProgress, 'best'>
  best?: Best | undefined
  /** How many runs train together in this process; 1 by default. */
  runs?: number | undefined
}

/** Keeps the parameters of the lowest val_loss, and writes `best` and `last` as safetensors with a JSON beside each. */
export class Checkpoints implements Callback {
  readonly #options: Options
  #best: Best | undefined
  #lastWrite = performance.now()
  #writeEveryMs: number

  constructor(options: Options) {
    this.#options = options
    this.#best = options.best
    this.#writeEveryMs = this.#pace(TYPICAL_WRITE_MS)
  }

  #pace(writeMs: number): number {
    return Math.max(WRITE_EVERY_MS, ((this.#options.runs ?? 1) * writeMs) / MOST_WRITING)
  }

  /** The epoch with the lowest val_loss so far. */
  get best(): Readonly<Best> | undefined {
    return this.#best
  }

  async onEpochEnd({ epoch, steps, val }: EpochReport): Promise<void> {
    const { execution } = this.#options
    if (val && val.loss < (this.#best?.val.loss ?? Infinity)) {
      const { parameters } = await execution.state()
      const arrays = [...parameters, ...(await execution.frozen())]
      this.#best = { epoch, steps, val, arrays, written: false }
    }
    if (performance.now() - this.#lastWrite >= this.#writeEveryMs) await this.write()
  }

  /** Writes both. Without a validation split the last parameters are also the best. */
  async write(): Promise<void> {
    const { folder, execution, context } = this.#options
    const started = performance.now()
    const { parameters, optimizer, steps } = await execution.state()
    const progress = this.#options.progress()
    const meta = { ...context, epochs: progress.position.epoch, steps }
    const arrays = [...parameters, ...(await execution.frozen())]
    this.writeBest()
    if (!this.#best) writeCheckpoint(folder, 'best', { meta, arrays })
    const best = this.#best ? { epoch: this.#best.epoch, steps: this.#best.steps, val: this.#best.val } : null
    writeCheckpoint(folder, 'last', {
      meta: { ...meta, progress: { ...progress, best } },
      arrays: [...arrays, ...optimizer],
    })
    this.#lastWrite = performance.now()
    this.#writeEveryMs = this.#pace(this.#lastWrite - started)
  }

  /** Writes the best epoch, if there is one that is not on disk. All that is safe once a loss has diverged. */
  writeBest(): void {
    const best = this.#best
    if (!best || best.written) return
    const meta = { ...this.#options.context, epochs: best.epoch + 1, steps: best.steps, val: best.val }
    writeCheckpoint(this.#options.folder, 'best', { meta, arrays: best.arrays })
    best.written = true
  }
}

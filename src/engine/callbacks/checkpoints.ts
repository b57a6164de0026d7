import type { Figures } from '../metrics/figures'
import type { EpochReport, Callback } from '../loop/fit'
import type { Execution, NamedArray } from '../backends/execution'
import { encodeSafetensors } from '../run/safetensors'
import { writeAtomically } from '../run/files'

/** What a reader must know besides the tensors: no time and no run id, so that equal training gives equal bytes. */
export interface CheckpointContext {
  format: 1
  model_name: string
  model: object
  width: number
  feature_columns: readonly string[]
  /** The data's own user ids, by row of the per-user tables. */
  users: readonly (string | number)[]
}

/**
 * Fast models finish an epoch in a millisecond: writing each would cost more than training. A crash loses at most this
 * much, and every end of a run writes what is newest.
 */
const WRITE_EVERY_MS = 2_000

export interface Best {
  epoch: number
  steps: number
  val: Figures
  parameters: NamedArray[]
  frozen: NamedArray[]
  written: boolean
}

/** Keeps the parameters of the lowest val_loss, and writes `best` and `last` as safetensors with a JSON beside each. */
export class Checkpoints implements Callback {
  readonly #folder: string
  readonly #execution: Execution
  readonly #context: CheckpointContext
  #best: Best | undefined
  #lastWrite = performance.now()

  constructor(folder: string, execution: Execution, context: CheckpointContext) {
    this.#folder = folder
    this.#execution = execution
    this.#context = context
  }

  /** The epoch with the lowest val_loss so far. */
  get best(): Readonly<Best> | undefined {
    return this.#best
  }

  async onEpochEnd({ epoch, steps, val }: EpochReport): Promise<void> {
    if (val && val.loss < (this.#best?.val.loss ?? Infinity)) {
      const [{ parameters }, frozen] = [await this.#execution.state(), await this.#execution.frozen()]
      this.#best = { epoch, steps, val, parameters, frozen, written: false }
    }
    if (performance.now() - this.#lastWrite >= WRITE_EVERY_MS) await this.write(epoch + 1)
  }

  /** @param epochs epochs completed. Without a validation split the last parameters are also the best. */
  async write(epochs: number): Promise<void> {
    const state = await this.#execution.state()
    const frozen = await this.#execution.frozen()
    this.#save('last', [...state.parameters, ...frozen, ...state.optimizer], { epochs, steps: state.steps })
    const best = this.#best
    if (!best) this.#save('best', [...state.parameters, ...frozen], { epochs, steps: state.steps })
    else if (!best.written) {
      this.#save('best', [...best.parameters, ...best.frozen], {
        epochs: best.epoch + 1,
        steps: best.steps,
        val_loss: best.val.loss,
      })
      best.written = true
    }
    this.#lastWrite = performance.now()
  }

  #save(name: 'best' | 'last', arrays: NamedArray[], progress: Record<string, number>): void {
    writeAtomically(`${this.#folder}/${name}.safetensors`, encodeSafetensors(arrays))
    writeAtomically(`${this.#folder}/${name}.json`, `${JSON.stringify({ ...this.#context, ...progress }, null, 2)}\n`)
  }
}

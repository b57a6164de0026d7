import type { Callback } from '../loop/fit'

export interface PatienceState {
  best: number | null
  waited: number
}

/** Ends training once val_loss has not fallen for `patience` epochs (Lightning's EarlyStopping, min_delta 0). */
export class EarlyStopping implements Callback {
  readonly #patience: number
  #state: PatienceState

  constructor(patience: number, state: PatienceState = { best: null, waited: 0 }) {
    this.#patience = patience
    this.#state = { ...state }
  }

  onEpochEnd({ val }: { val?: { loss: number } }): 'stop' | undefined {
    if (!val) return undefined
    const { best, waited } = this.#state
    this.#state = best === null || val.loss < best ? { best: val.loss, waited: 0 } : { best, waited: waited + 1 }
    return this.exhausted ? 'stop' : undefined
  }

  get exhausted(): boolean {
    return this.#state.waited >= this.#patience
  }

  /** Why training ended, once it has. */
  get reason(): string | undefined {
    const { waited } = this.#state
    return this.exhausted ? `val_loss did not fall for ${waited} ${waited === 1 ? 'epoch' : 'epochs'}` : undefined
  }

  get state(): PatienceState {
    return { ...this.#state }
  }
}

import type { Callback } from '../loop/fit'

/** Ends training once val_loss has not fallen for `patience` epochs (Lightning's EarlyStopping, min_delta 0). */
export function earlyStopping(patience: number): Callback & { reason(): string | undefined } {
  let best = Infinity
  let waited = 0
  return {
    onEpochEnd({ val }) {
      if (!val) return undefined
      if (val.loss < best) {
        best = val.loss
        waited = 0
      } else waited++
      return waited >= patience ? 'stop' : undefined
    },
    reason: () => (waited >= patience ? `val_loss did not fall for ${waited} epochs` : undefined),
  }
}

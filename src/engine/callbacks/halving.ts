import { HALVED, compare, promoted, type Halving } from '../../shared/domain/halving'
import type { Callback, Position } from '../loop/fit'
import type { Figures } from '../metrics/figures'

/** One run's part in a halving. */
export interface HalvingMember {
  /** @param best figures of the best epoch so far of a run that goes on */
  from(best: Pick<Figures, 'loss' | 'acc'> | undefined): Callback
  /**
   * Whether a run that goes on from there was ended there, when it was stopped before it could be tested. Its own figure is among those
   * that runs had at the rung.
   */
  endedAt(position: Pick<Position, 'epoch' | 'batch'>, best: Pick<Figures, 'loss' | 'acc'> | undefined): boolean
  /** Others no longer wait for it. */
  leave(): void
  /** Why it was ended, once it was. */
  readonly reason: string | undefined
}

/** The rungs of a successive halving, and what runs had at them; see `shared/domain/halving.ts`. */
export class Rungs {
  readonly #halving: Halving
  readonly #had: Map<number, number[]>

  constructor(halving: Halving) {
    this.#halving = halving
    this.#had = new Map(halving.rungs.map(({ epochs, earlier }) => [epochs, [...earlier]]))
  }

  /** So many runs that take each step together: they wait for one another at a rung, and are judged at once. */
  cohort(size: number): { member(): HalvingMember } {
    let alive = size
    let waiting: { value: number; answer: (goesOn: boolean) => void }[] = []
    let rung = 0
    const judge = (): void => {
      if (waiting.length === 0 || waiting.length < alive) return
      const had = this.#had.get(rung) ?? []
      const values = waiting.map(({ value }) => value)
      const goesOn = promoted(values, had, this.#halving)
      this.#had.set(rung, [...had, ...values])
      const judged = waiting
      waiting = []
      for (const [i, { answer }] of judged.entries()) answer(goesOn[i]!)
    }
    const wait = (epochs: number, value: number): Promise<boolean> =>
      new Promise((answer) => {
        rung = epochs
        waiting.push({ value, answer })
        judge()
      })
    return {
      member: () => {
        let left = false
        let reason: string | undefined
        return {
          get reason() {
            return reason
          },
          leave() {
            if (left) return
            left = true
            alive--
            judge()
          },
          endedAt: ({ epoch, batch }, own) => {
            const had = batch === 0 ? this.#had.get(epoch) : undefined
            const value = this.#valueOf(own)
            // Its own figure is there already; of equal ones it counts as the first.
            const others = had?.toSpliced(had.indexOf(value), had.includes(value) ? 1 : 0)
            if (!others || promoted([value, ...others], [], this.#halving)[0] === true) return false
            reason = this.#reason(epoch, value)
            return true
          },
          from: (begun) => {
            let best = begun
            return {
              onEpochEnd: async ({ epoch, val }) => {
                // The epoch that a checkpoint would be kept of, whatever the metric.
                if (val && (best === undefined || compare(val.loss, best.loss, 'minimize') < 0)) best = val
                if (!this.#had.has(epoch + 1)) return undefined
                const value = this.#valueOf(best)
                if (await wait(epoch + 1, value)) return undefined
                reason = this.#reason(epoch + 1, value)
                return 'stop'
              },
            }
          },
        }
      },
    }
  }

  #valueOf(best: Pick<Figures, 'loss' | 'acc'> | undefined): number {
    return (this.#halving.metric === 'val_loss' ? best?.loss : best?.acc) ?? NaN
  }

  #reason(epochs: number, value: number): string {
    const { metric, reduction } = this.#halving
    const others = this.#had.get(epochs)?.length ?? 1
    return `${HALVED} after ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}: ${metric} ${value.toPrecision(4)} is not among the best 1/${reduction} of ${others}`
  }
}

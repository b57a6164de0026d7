import { RungFigures, compare, pausedReason, type Halving } from '../../shared/domain/halving'
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
  /** How it was ended, and why, once it was. */
  readonly end: { status: 'finished' | 'stopped'; reason: string } | undefined
}

/** Trains to a rung and no farther: whether the run goes on from there is for others to say, who know more than this process. */
export function pausingAt(rung: number): HalvingMember {
  let end: HalvingMember['end']
  const pause = (): void => {
    end = { status: 'stopped', reason: pausedReason(rung) }
  }
  return {
    get end() {
      return end
    },
    leave() {},
    endedAt({ epoch, batch }) {
      if (epoch !== rung || batch !== 0) return false
      pause()
      return true
    },
    from: () => ({
      onEpochEnd({ epoch }) {
        if (epoch + 1 !== rung) return undefined
        pause()
        return 'stop'
      },
    }),
  }
}

/** Runs of one process at the rungs of a successive halving; see `shared/domain/halving.ts`. */
export class Rungs {
  readonly #metric: Halving['metric']
  readonly #figures: RungFigures

  constructor(halving: Halving) {
    this.#metric = halving.metric
    this.#figures = new RungFigures(halving)
  }

  /** So many runs that take each step together: they wait for one another at a rung, and are judged at once. */
  cohort(size: number): { member(): HalvingMember } {
    let alive = size
    let waiting: { value: number; answer: (ended: string | undefined) => void }[] = []
    let rung = 0
    const judge = (): void => {
      if (waiting.length === 0 || waiting.length < alive) return
      const judged = waiting
      waiting = []
      const ended = this.#figures.judge(
        rung,
        judged.map(({ value }) => value),
      )
      for (const [i, { answer }] of judged.entries()) answer(ended[i])
    }
    const wait = (epochs: number, value: number): Promise<string | undefined> =>
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
          get end() {
            return reason === undefined ? undefined : { status: 'finished' as const, reason }
          },
          leave() {
            if (left) return
            left = true
            alive--
            judge()
          },
          endedAt: ({ epoch, batch }, own) => {
            if (batch !== 0 || !this.#figures.has(epoch)) return false
            reason = this.#figures.judgeAgain(epoch, this.#valueOf(own))
            return reason !== undefined
          },
          from: (begun) => {
            let best = begun
            return {
              onEpochEnd: async ({ epoch, val }) => {
                // The epoch that a checkpoint would be kept of, whatever the metric.
                if (val && (best === undefined || compare(val.loss, best.loss, 'minimize') < 0)) best = val
                if (!this.#figures.has(epoch + 1)) return undefined
                reason = await wait(epoch + 1, this.#valueOf(best))
                return reason === undefined ? undefined : 'stop'
              },
            }
          },
        }
      },
    }
  }

  #valueOf(best: Pick<Figures, 'loss' | 'acc'> | undefined): number {
    return (this.#metric === 'val_loss' ? best?.loss : best?.acc) ?? NaN
  }
}

import { z } from 'zod'
import { DIRECTIONS, type Direction } from './sweep'

/**
 * How runs trained together are cut down: asynchronous successive halving (Li et al., "A system for massively parallel hyperparameter
 * tuning", MLSys 2020) in the form that stops runs instead of pausing them. A rung is a number of epochs; there, a run goes on if it is
 * among the best 1/reduction of all that have been at this rung.
 */
export const halvingSchema = z.strictObject({
  metric: z.enum(['val_loss', 'val_acc']),
  direction: z.enum(DIRECTIONS),
  reduction: z.int().min(2),
  rungs: z.array(
    z.strictObject({
      epochs: z.int().positive(),
      /** What runs that were at this rung before had there. */
      earlier: z.array(z.number()),
    }),
  ),
})
export type Halving = z.infer<typeof halvingSchema>

/** How the reason of a run begins that was ended so; its status is `finished`. */
export const HALVED = 'Ended by successive halving'

/** How the reason of a run begins that is trained to a rung and waits there to be judged; its status is `stopped`. */
export const PAUSED = 'Paused for successive halving'

export const isPaused = ({ status, reason }: { status: string; reason?: string | undefined }): boolean =>
  status === 'stopped' && reason?.startsWith(PAUSED) === true

const epochsText = (epochs: number): string => `${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`

export const pausedReason = (epochs: number): string => `${PAUSED} after ${epochsText(epochs)}`

/** min_epochs · reduction^k epochs, below the last epoch, which is no rung: whoever gets there is done. */
export function rungsOf(minEpochs: number, reduction: number, maxEpochs: number): number[] {
  const rungs: number[] = []
  for (let epochs = minEpochs; epochs < maxEpochs; epochs *= reduction) rungs.push(epochs)
  return rungs
}

/**
 * Which of several runs that stand at one rung go on: those among the best ⌊n / reduction⌋ of all n that have been there, at least one
 * of n. Equal figures are told apart by who came first.
 *
 * @param here figures of those to be judged; NaN goes nowhere
 * @param earlier figures of those that were there before
 */
export function promoted(
  here: readonly number[],
  earlier: readonly number[],
  { direction, reduction }: Pick<Halving, 'direction' | 'reduction'>,
): boolean[] {
  const all = [...earlier, ...here]
  const kept = Math.max(1, Math.floor(all.length / reduction))
  const order = all.map((_, i) => i).sort((a, b) => compare(all[a]!, all[b]!, direction) || a - b)
  const best = new Set(order.slice(0, kept))
  return here.map((value, i) => !Number.isNaN(value) && best.has(earlier.length + i))
}

/** What runs had at each rung, in the order in which they came there. */
export class RungFigures {
  readonly #halving: Halving
  readonly #had: Map<number, readonly number[]>

  constructor(halving: Halving) {
    this.#halving = halving
    this.#had = new Map(halving.rungs.map(({ epochs, earlier }) => [epochs, earlier]))
  }

  has(epochs: number): boolean {
    return this.#had.has(epochs)
  }

  /**
   * Judges runs that have come to a rung together.
   *
   * @returns why each is ended there; undefined for those that go on
   */
  judge(epochs: number, values: readonly number[]): (string | undefined)[] {
    const had = this.#had.get(epochs) ?? []
    const goesOn = promoted(values, had, this.#halving)
    this.#had.set(epochs, [...had, ...values])
    return values.map((value, i) => (goesOn[i] === true ? undefined : this.#reason(epochs, value)))
  }

  /** Judges one whose figure is there already; of equal ones it counts as the first. */
  judgeAgain(epochs: number, value: number): string | undefined {
    const had = this.#had.get(epochs) ?? []
    const others = had.toSpliced(had.indexOf(value), had.includes(value) ? 1 : 0)
    return promoted([value, ...others], [], this.#halving)[0] === true ? undefined : this.#reason(epochs, value)
  }

  #reason(epochs: number, value: number): string {
    const { metric, reduction } = this.#halving
    const others = this.#had.get(epochs)?.length ?? 1
    return `${HALVED} after ${epochsText(epochs)}: ${metric} ${value.toPrecision(4)} is not among the best 1/${reduction} of ${others}`
  }
}

/** Negative where `a` is the better one; NaN is worse than anything. */
export function compare(a: number, b: number, direction: Direction): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return direction === 'minimize' ? a - b : b - a
}

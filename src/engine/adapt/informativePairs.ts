/** How long the search may keep others, and whoever wants it to end, waiting. */
const WORK_MS = 100

/** What each of some pairs would tell of its user: everything by pair. */
export interface Sensitivities {
  /** Numbers of a user's row. */
  width: number
  /** [pairs] margins at the user's present row. */
  z: Float32Array
  /** [pairs, width] gradients of the margins by the row, in standard deviations of the trained rows. */
  gradients: Float32Array
}

/**
 * Picks pairs of one user of whom most is expected to be learned: greedily, the one whose answer reduces the entropy of the row's posterior
 * most. Around the present row the posterior is a normal with the precision I + Σ p(1 − p) g gᵀ over the pairs that are known (Laplace), so
 * that a further pair is worth ½ ln(1 + p(1 − p) gᵀ Σ g): a D-optimal design (Chaloner and Verdinelli 1995, "Bayesian Experimental Design").
 *
 * @param known places of pairs whose answers are known
 * @param candidates places of pairs that may be asked
 * @param pause is waited for now and then; what it throws ends the search
 * @returns `count` of the candidates, or all where there are fewer; the most informative first, and of equal ones the first
 */
export async function informativePairs(
  { width, z, gradients }: Sensitivities,
  known: readonly number[],
  candidates: readonly number[],
  count: number,
  pause: () => Promise<void> = async () => {},
): Promise<number[]> {
  const covariance = new Float64Array(width * width)
  for (let k = 0; k < width; k++) covariance[k * width + k] = 1
  const product = new Float64Array(width)
  /** p(1 − p) gᵀ Σ g, with Σ g left in `product`. */
  const worth = (pair: number): number => {
    let quadratic = 0
    for (let row = 0; row < width; row++) {
      let sum = 0
      for (let k = 0; k < width; k++) sum += covariance[row * width + k]! * gradients[pair * width + k]!
      product[row] = sum
      quadratic += sum * gradients[pair * width + row]!
    }
    return doubt(z[pair]!) * quadratic
  }
  /** Takes the answer of a pair into the posterior (Sherman and Morrison's formula). */
  const learn = (pair: number): void => {
    const scale = doubt(z[pair]!) / (1 + worth(pair))
    for (let row = 0; row < width; row++)
      for (let k = 0; k < width; k++) covariance[row * width + k]! -= scale * product[row]! * product[k]!
  }
  for (const pair of known) learn(pair)
  const left = new Set(candidates)
  const picked: number[] = []
  let rested = performance.now()
  while (picked.length < count && left.size > 0) {
    if (performance.now() - rested > WORK_MS) {
      await pause()
      rested = performance.now()
    }
    let best: { pair: number; worth: number } | undefined
    for (const pair of left) {
      const value = worth(pair)
      if (!best || value > best.worth) best = { pair, worth: value }
    }
    if (!best) break
    left.delete(best.pair)
    picked.push(best.pair)
    learn(best.pair)
  }
  return picked
}

/** p(1 − p) of a margin: how open its answer is. */
const doubt = (z: number): number => 1 / (2 + Math.exp(z) + Math.exp(-z))

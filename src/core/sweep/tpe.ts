import type { RandomStream } from '../../shared/random'
import type { Direction, ParameterValue, Point } from '../../shared/domain/sweep'
import { compare } from '../../shared/domain/halving'
import { bounds, pointFrom, same, valueAt, type Dimension } from './space'

/** A point and what it came to; NaN where it failed, null where that is not known yet. */
export interface Observation {
  point: Point
  value: number | null
}

/** Candidates drawn from the good points, of which the most promising is taken. */
const CANDIDATES = 24
/** Share of the points that count as good, and how many at most. */
const GOOD_SHARE = 0.1
const MOST_GOOD = 25

/**
 * One point by the Tree-structured Parzen Estimator (Bergstra, Bardenet, Bengio, Kégl: "Algorithms for hyper-parameter optimization",
 * NeurIPS 2011): the points so far are parted into good and other ones, a density l of the good and g of the others is estimated for each key,
 * and the candidate drawn from l with the largest l / g is taken, key by key. Shares, number of candidates and prior are those of Optuna's TPESampler
 * (Akiba et al., KDD 2019). What is not known yet is left out, as the paper does in parallel; what failed is worse than anything.
 */
export function proposeByTpe(
  space: readonly Dimension[],
  known: readonly Observation[],
  direction: Direction,
  stream: RandomStream,
): Point {
  const ended = known.flatMap(({ point, value }) => (value === null ? [] : [{ point, value }]))
  const ranked = ended
    .map((one, i) => ({ ...one, i }))
    .sort((a, b) => compare(a.value, b.value, direction) || a.i - b.i)
    .map(({ point }) => point)
  const good = Math.min(MOST_GOOD, Math.ceil(GOOD_SHARE * ranked.length))
  return pointFrom(space, (dimension) => {
    const had = (points: readonly Point[]): ParameterValue[] =>
      points.flatMap((point) => {
        const value = point[dimension.key]
        return value === undefined ? [] : [value]
      })
    const [l, g] = [densityOf(dimension, had(ranked.slice(0, good))), densityOf(dimension, had(ranked.slice(good)))]
    let best = { value: l.draw(stream), score: -Infinity }
    for (let i = 0; i < CANDIDATES; i++) {
      const value = l.draw(stream)
      const score = l.logDensity(value) - g.logDensity(value)
      if (score > best.score) best = { value, score }
    }
    return best.value
  })
}

interface Density {
  draw(stream: RandomStream): ParameterValue
  logDensity(value: ParameterValue): number
}

function densityOf(dimension: Dimension, values: readonly ParameterValue[]): Density {
  return dimension.kind === 'choice' ? counts(dimension.values, values) : parzen(dimension, values)
}

/** Each value as often as it was had, and once more. */
function counts(choices: readonly ParameterValue[], had: readonly ParameterValue[]): Density {
  const weights = choices.map((choice) => 1 + had.filter((value) => same(value, choice)).length)
  const total = weights.reduce((a, b) => a + b, 0)
  return {
    draw: (stream) => choices[indexBy(weights, total * stream.uniform())]!,
    logDensity: (value) => Math.log((weights[choices.findIndex((choice) => same(choice, value))] ?? 0) / total),
  }
}

/**
 * A normal density around each number and a wide one in the middle, the prior, all with the same weight and cut at the bounds. Each is as
 * wide as its farther neighbour is away, within limits.
 */
function parzen(range: Extract<Dimension, { kind: 'range' }>, had: readonly ParameterValue[]): Density {
  const [low, high] = bounds(range)
  const width = high - low
  const place = (value: ParameterValue): number => (range.log ? Math.log(Number(value)) : Number(value))
  if (width === 0) return { draw: () => valueAt(range, low), logDensity: () => 0 }
  const middle = (low + high) / 2
  const centres = [...had.map(place), middle].sort((a, b) => a - b)
  const prior = centres.indexOf(middle)
  const narrowest = width / Math.min(100, 1 + centres.length)
  const kernels = centres.map((centre, i) => {
    const gap = Math.max(centre - (centres[i - 1] ?? centre), (centres[i + 1] ?? centre) - centre)
    const sd = i === prior ? width : Math.min(width, Math.max(narrowest, gap))
    return { centre, sd, mass: normalCdf((high - centre) / sd) - normalCdf((low - centre) / sd) }
  })
  /** Of a rounded value, the mass of all numbers that are rounded to it. */
  const densityAt = ({ centre, sd, mass }: (typeof kernels)[number], value: number): number => {
    const { step, log } = range
    if (step === undefined)
      return Math.exp(-(((place(value) - centre) / sd) ** 2) / 2) / (sd * Math.sqrt(2 * Math.PI) * mass)
    const [from, to] = [value - step / 2, value + step / 2].map((edge) =>
      log ? Math.log(Math.max(edge, value / 2)) : edge,
    )
    return (normalCdf((Math.min(high, to!) - centre) / sd) - normalCdf((Math.max(low, from!) - centre) / sd)) / mass
  }
  return {
    draw(stream) {
      const { centre, sd } = kernels[stream.below(kernels.length)]!
      for (;;) {
        // Centres lie within the bounds and no kernel is wider than they are: at least a third of the draws do too.
        const drawn =
          centre + sd * Math.sqrt(-2 * Math.log(stream.uniform())) * Math.cos(2 * Math.PI * stream.uniform())
        if (drawn >= low && drawn <= high) return valueAt(range, drawn)
      }
    },
    logDensity: (value) =>
      Math.log(kernels.reduce((sum, kernel) => sum + densityAt(kernel, Number(value)), 0) / kernels.length),
  }
}

function indexBy(weights: readonly number[], at: number): number {
  let left = at
  const index = weights.findIndex((weight) => (left -= weight) < 0)
  return index < 0 ? weights.length - 1 : index
}

/** Φ, by Abramowitz and Stegun's approximation 7.1.26 of the error function: within 1.5e-7. */
export function normalCdf(x: number): number {
  const z = Math.abs(x) / Math.SQRT2
  const t = 1 / (1 + 0.3275911 * z)
  const tail =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) * Math.exp(-z * z)
  return x > 0 ? 1 - tail / 2 : tail / 2
}

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ROUNDING,
  SIZES,
  closeLaboratories,
  everywhere,
  grid,
  numbers,
  openLaboratories,
  sumOf,
  worst,
  type Exact,
  type Grid,
  type Laboratory,
} from './testing/laboratory'
import type { Matrix, Tape } from './tape'

beforeAll(openLaboratories)
afterAll(closeLaboratories)

const DIMENSIONS = [1, 3, 5, 50]
const COUNTS = [0, 1, 5, 6, 7, 12, 13, 100]
const shapes = DIMENSIONS.flatMap((K) => COUNTS.map((n) => ({ K, n })))

/** Runs an operation on matrices of pairs and reads the matrices that it returns. */
function columns(
  inputs: readonly Grid[],
  n: number,
  record: (tape: Tape, matrices: Matrix[], laboratory: Laboratory) => Matrix[],
): Grid[][] {
  return everywhere((laboratory) => {
    const tape = laboratory.tape()
    const axis = laboratory.axis(n)
    const matrices = inputs.map((values) => laboratory.matrix(values, axis))
    const results = record(tape, matrices, laboratory)
    for (const result of results) if (!matrices.includes(result)) laboratory.spoil(result)
    laboratory.run(tape)
    return Object.fromEntries(results.map((result, i) => [String(i), laboratory.read(result, n)]))
  }).map((results) => Object.values(results))
}

/** The column of a matrix as doubles. */
const column = (values: Grid, b: number): number[] => values.map((row) => row[b]!)
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
const magnitude = (values: readonly number[]): number => sum(values.map(Math.abs))

function check(builds: Grid[][], which: number, exact: (k: number, b: number) => Exact): void {
  for (const results of builds) expect(worst(results[which]!, exact)).toBeLessThanOrEqual(1)
}

/** φ(x), the standard normal density. */
const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)

/** Φ(x): Abramowitz and Stegun 26.2.11 in the middle, the continued fraction 26.2.14 outside, both to float64's precision. */
function normal(x: number): number {
  if (x > 3) return 1 - normal(-x)
  if (x < -3) {
    let tail = -x
    for (let i = 200; i > 0; i--) tail = -x + i / tail
    return density(x) / tail
  }
  let term = x
  let series = x
  for (let i = 1; i < 80; i++) {
    term *= (x * x) / (2 * i + 1)
    series += term
  }
  return 0.5 + density(x) * series
}

describe.each(shapes)('of $n columns of $K values', ({ K, n }) => {
  const x = grid('x', K, n, SIZES)
  const g = grid('g', K, n, SIZES)

  it.each([1, 2.5])('softmax overflows, does not add up to one, or leaves a column out, scale %d', (scale) => {
    const exact = (k: number, b: number): Exact => {
      const logits = column(x, b).map((v) => v * scale)
      const largest = Math.max(...logits)
      const powers = logits.map((v) => Math.exp(v - largest))
      const value = powers[k]! / sum(powers)
      // A rounding of the exponent is relative to its size; exp4 adds 2 ulp (4 roundings) to each power; K sums, quotient.
      return { value, size: value, terms: 2 * (largest - logits[k]! + 4) + K + 3 + 2 * spread(logits) }
    }
    check(
      columns([x], n, (tape, [input]) => [tape.softmax(input!, scale)]),
      0,
      exact,
    )
  })

  it('softmaxGrad is not the gradient of softmax', () => {
    const r = grid('r', K, n).map((row) => row.map(Math.abs))
    check(
      columns([r, g], n, (tape, [result, gradient]) => {
        tape.softmaxGrad(result!, gradient!, 2.5)
        return [gradient!]
      }),
      0,
      (k, b) => {
        const products = column(r, b).map((v, i) => v * g[i]![b]!)
        const factor = 2.5 * r[k]![b]!
        const size = factor * (Math.abs(g[k]![b]!) + magnitude(products))
        return { value: factor * (g[k]![b]! - sum(products)), size, terms: K + 5 }
      },
    )
  })

  const gain = numbers('gain', K)
  const bias = numbers('bias', K)
  /** The column's mean, deviation and normalised values, as LayerNorm's formula says. */
  const normed = (b: number) => {
    const values = column(x, b)
    const mean = sum(values) / K
    const deviation = Math.sqrt(sum(values.map((v) => (v - mean) ** 2)) / K + 1e-5)
    // What rounding of the mean and of the differences adds to hat: roundings × the column's largest value ÷ deviation.
    const noise = (K + 3) * (Math.max(...values.map(Math.abs)) / deviation)
    return { hat: values.map((v) => (v - mean) / deviation), deviation, noise }
  }

  it('layerNorm divides by another deviation, or mixes up gains', () => {
    const builds = columns([x], n, (tape, [input], laboratory) => {
      const parameter = (values: Float32Array) => laboratory.parameter([values])
      const { hat, out, inverse } = tape.layerNorm(input!, parameter(gain), parameter(bias))
      return [hat, out, { at: inverse, buffer: inverse, rows: 1, axis: input!.axis }]
    })
    const hat = (k: number, b: number): Exact => {
      const { hat, noise } = normed(b)
      // Mean of squares, root and quotient besides.
      const value = hat[k]!
      return { value, size: 1, terms: 2 * noise * (1 + Math.abs(value)) + (K + 6) * Math.abs(value) }
    }
    check(builds, 0, hat)
    check(builds, 1, (k, b) => {
      const { value, terms } = hat(k, b)
      const exact = gain[k]! * value + bias[k]!
      const rounded = 2 * (Math.abs(gain[k]! * value) + Math.abs(bias[k]!))
      return { value: exact, size: 1, terms: terms * Math.abs(gain[k]!) + rounded }
    })
    check(builds, 2, (_, b) => {
      const { deviation, noise } = normed(b)
      return { value: 1 / deviation, size: 1 / deviation, terms: noise + K + 6 }
    })
  })

  it('layerNormGrad is not the gradient of layerNorm', () => {
    const hat = grid('hat', K, n)
    const inverse = numbers('inverse', n, 3).map(Math.abs)
    const builds = columns([g, hat, [inverse]], n, (tape, [gradient, h, i], laboratory) => [
      tape.layerNormGrad(gradient!, { hat: h!, inverse: i!.at }, laboratory.parameter([gain])),
    ])
    check(builds, 0, (k, b) => {
      const v = column(g, b).map((value, i) => value * gain[i]!)
      const along = v.map((value, i) => value * hat[i]![b]!)
      const h = hat[k]![b]!
      const value = (v[k]! - sum(v) / K - (h * sum(along)) / K) * inverse[b]!
      const size = (Math.abs(v[k]!) + magnitude(v) / K + (Math.abs(h) * magnitude(along)) / K) * inverse[b]!
      return { value, size, terms: K + 8 }
    })
  })

  it('l2Norm has another length than one', () => {
    const tiny = x.map((row) => row.map((v, b) => (b % 7 === 6 ? v * 1e-12 : b % 7 === 1 ? v * 1e12 : v)))
    const builds = columns([tiny], n, (tape, [input]) => {
      const { out, inverse } = tape.l2Norm(input!)
      return [out, { at: inverse, buffer: inverse, rows: 1, axis: input!.axis }]
    })
    const norm = (b: number): number => Math.max(Math.sqrt(sum(column(tiny, b).map((v) => v * v))), 1e-12)
    // K squares under a root count half; root, quotient, product; the floor's square is rounded too.
    check(builds, 0, (k, b) => ({
      value: tiny[k]![b]! / norm(b),
      size: Math.abs(tiny[k]![b]!) / norm(b),
      terms: K / 2 + 5,
    }))
    check(builds, 1, (_, b) => ({ value: 1 / norm(b), size: 1 / norm(b), terms: K / 2 + 4 }))
  })

  it('l2NormGrad is not the gradient of l2Norm, or projects where the floor makes it linear', () => {
    // Every third column lies below the floor, where y = x / 1e-12.
    const below = (b: number): boolean => b % 3 === 2
    const input = grid('input', K, n).map((row) => row.map((v, b) => (below(b) ? v * 1e-14 : v + 0.1)))
    const builds = columns([input, g], n, (tape, [x, gradient]) => {
      const normed = tape.l2Norm(x!)
      return [normed.out, tape.l2NormGrad(gradient!, normed)]
    })
    check(builds, 1, (k, b) => {
      const values = column(input, b)
      const length = below(b) ? 1e-12 : Math.sqrt(sum(values.map((v) => v * v)))
      const y = values.map((v) => v / length)
      const products = y.map((v, i) => (below(b) ? 0 : v * g[i]![b]!))
      const value = (g[k]![b]! - y[k]! * sum(products)) / length
      const size = (Math.abs(g[k]![b]!) + Math.abs(y[k]!) * magnitude(products)) / length
      // y and 1/length carry K/2 + 5 roundings each, y twice; then the sum and its use.
      return { value, size, terms: 3 * (K / 2 + 5) + K + 4 }
    })
  })

  it('multiply, scale and combine mix up rows or add what they should set', () => {
    const [a, b, c] = [x, g, grid('c', K, n)]
    const factors = numbers('factors', n)
    const builds = columns([a, b, c, a, [factors]], n, (tape, [as, bs, cs, scaled, fs]) => {
      const product = tape.multiply(as!, bs!)
      tape.multiply(as!, bs!, { out: cs!, add: true })
      tape.scale(scaled!, fs!.at)
      return [product, cs!, scaled!, tape.combine(as!, bs!, -1.5)]
    })
    const one = (value: number): Exact => ({ value, size: Math.abs(value), terms: 1 })
    check(builds, 0, (k, i) => one(a[k]![i]! * b[k]![i]!))
    check(builds, 1, (k, i) => {
      const { value, size } = sumOf(2, (t) => (t === 0 ? c[k]![i]! : a[k]![i]! * b[k]![i]!))
      return { value, size, terms: 2 }
    })
    check(builds, 2, (k, i) => one(a[k]![i]! * factors[i]!))
    check(builds, 3, (k, i) => {
      const { value, size } = sumOf(2, (t) => (t === 0 ? a[k]![i]! : -1.5 * b[k]![i]!))
      return { value, size, terms: 2 }
    })
  })

  it('dot forgets its sign, its scale or a dimension, and dotGrad with it', () => {
    const scale = 0.3
    const factor = -Math.fround(scale)
    const [g1, before] = [numbers('g1', n), numbers('before', n)]
    const builds = columns([x, g, [g1], [before]], n, (tape, [a, b, gradient, sum], laboratory) => {
      const at = laboratory.place(Float32Array.of(scale))
      const out = tape.matrix(1, a!.axis)
      tape.dot(a!, b!, at, -1, out)
      tape.dot(a!, b!, at, -1, sum!, true)
      return [out, sum!, tape.dotGrad(b!, at, -1, gradient!)]
    })
    const product = (i: number) => sumOf(K, (k) => factor * x[k]![i]! * g[k]![i]!)
    check(builds, 0, (_, i) => ({ ...product(i), terms: K + 2 }))
    check(builds, 1, (_, i) => ({ ...product(i).add(before[i]!), terms: K + 3 }))
    check(builds, 2, (k, i) => {
      const value = factor * g1[i]! * g[k]![i]!
      return { value, size: Math.abs(value), terms: 2 }
    })
  })
})

const spread = (values: readonly number[]): number => Math.max(...values) - Math.min(...values)

describe('gelu', () => {
  /** From −40 to 40, dense around the seams at |x| = √2 and 0, and numbers that square to infinity or to nothing. */
  const steps = Float32Array.from({ length: 4001 }, (_, i) => (i - 2000) / 50)
  const seam = Float32Array.from({ length: 400 }, (_, i) => (i % 2 ? 1 : -1) * (Math.SQRT2 + (i - 200) * 1e-7))
  const extremes = [0, -0, 1e-30, -1e-30, 1e-7, 1e4, -1e4, 1e20, -1e20, 3e38, -3e38]
  const x = [Float32Array.of(...steps, ...seam, ...extremes)]
  const n = x[0]!.length
  /** What one rounding of y² does to e^−y², besides 16 roundings of polynomials, exp4 and products (Press et al.: 1.2e-7 is 2). */
  const terms = (v: number): number => 16 + 4 * Math.min(v * v, 400)

  it('loses the digits of small probabilities, breaks at a seam or for large numbers', () => {
    const builds = columns([x], n, (tape, [input]) => [tape.gelu(input!)])
    check(builds, 0, (_, b) => {
      const v = x[0]![b]!
      const value = v < -40 ? -0 : v * normal(v)
      return { value, size: Math.abs(value), terms: v < 0 ? terms(v) : 16 }
    })
  })

  it('has another slope than its own, also where the density has vanished', () => {
    const g = [numbers('g', n)]
    const builds = columns(
      [x[0]!, g[0]!].map((row) => [row]),
      n,
      (tape, [input, gradient]) => {
        tape.geluGrad(input!, gradient!)
        return [gradient!]
      },
    )
    check(builds, 0, (_, b) => {
      const v = x[0]![b]!
      const [probability, rest] = Math.abs(v) > 40 ? [v > 0 ? 1 : 0, 0] : [normal(v), v * density(v)]
      const size = Math.abs(g[0]![b]!) * (probability * (v < 0 ? terms(v) : 16) + Math.abs(rest) * terms(v))
      // Where e^−x²/2 stops at e^−87.3, it leaves at most 64 · 5e-39.
      return { value: g[0]![b]! * (probability + rest), size: size + 1e-36 / ROUNDING, terms: 1 }
    })
  })

  it('turns NaN into a number', () => {
    const builds = columns([[Float32Array.of(NaN, 1)]], 2, (tape, [input]) => [tape.gelu(input!)])
    for (const [out] of builds) expect(Number.isNaN(out![0]![0])).toBe(true)
  })
})

it('exp4 turns NaN into a number: softmax hides a diverged run', () => {
  const x = [Float32Array.of(NaN, 1), Float32Array.of(2, 3)]
  for (const [out] of columns([x], 2, (tape, [input]) => [tape.softmax(input!)]))
    expect(out!.map((row) => Number.isNaN(row[0]))).toEqual([true, true])
})

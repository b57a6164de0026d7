import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  SIZES,
  closeLaboratories,
  everywhere,
  fromHalf,
  grid,
  numbers,
  openLaboratories,
  sumOf,
  toHalf,
  worst,
  type Grid,
} from './testing/laboratory'
import type { Parameter } from './tape'

beforeAll(openLaboratories)
afterAll(closeLaboratories)

/** So many that they take turns in the second-level cache, the last turn an odd number. */
const MANY_ROWS = 301
const WIDTHS = [1, 4, 13, 384, 515, 1536]
const COUNTS = [0, 1, 5, 6, 7, 12, 13, 100]
/** All counts where blocks of texts matter, the widths where blocks of numbers do. */
const shapes = WIDTHS.flatMap((D) => (D === 13 || D === 515 ? COUNTS : [1, 7, 13]).map((n) => ({ D, n })))
/** Texts of which a quarter is more than is added up at a time. */
const MANY_TEXTS = { D: 13, n: 1601 }
/** The most rows whose gradients are summed up where vectors stand, and so wide that it is done in two strips. */
const FEW_FAR_ROWS = 16
const WIDE = { D: 2100, n: 29 }
const shapesFor = (rows: number): typeof shapes => {
  if (rows === MANY_ROWS) return [{ D: 515, n: 29 }]
  if (rows === FEW_FAR_ROWS) return [WIDE]
  return rows === 3 ? [...shapes, MANY_TEXTS] : shapes
}

const WEIGHT_ROWS = [1, 3, 5, FEW_FAR_ROWS, 50, MANY_ROWS]

/** Text vectors, and what kernels read of them. */
function table(n: number, D: number, half: boolean): { vectors: Grid; read: Grid } {
  const vectors = Array.from({ length: n }, (_, i) => numbers(`text ${i}`, D, SIZES(i)))
  return { vectors, read: half ? vectors.map((vector) => vector.map((x) => fromHalf(toHalf(x)))) : vectors }
}

describe.each([false, true])('project, vectors in float16: %s', (half) => {
  it.each(WEIGHT_ROWS)('loses no text, width or row at the edge of a block, with %i weight rows', (K) => {
    for (const { D, n } of shapesFor(K)) {
      const { vectors, read } = table(n, D, half)
      const weight = grid('weight', K, D)
      const bias = numbers('bias', K)
      const scales = numbers('scales', n)
      for (const scaled of [false, true])
        for (const { out } of everywhere((laboratory) => {
          const { texts, form } = laboratory.texts(vectors, D, { half, ...(scaled && { scales }) })
          const tape = laboratory.tape(form)
          const w = laboratory.parameter(weight, form.stride)
          const out = laboratory.spoil(tape.project(texts, w, laboratory.parameter([bias])))
          laboratory.run(tape)
          return { out: laboratory.read(out, n, 6) }
        })) {
          // A lane adds up a quarter of a chunk of 512, the lanes two times, then chunks, scale and bias.
          const terms = Math.min(D, 512) / 4 + 4 + Math.ceil(D / 512) + 3
          const share = worst(out, (k, i) => {
            const scale = scaled ? scales[i]! : 1
            const sum = sumOf(D, (d) => weight[k]![d]! * read[i]![d]! * scale).add(bias[k]!)
            return { ...sum, terms }
          })
          expect(share, `D ${D}, n ${n}`).toBeLessThanOrEqual(1)
        }
    }
  })

  it.each(WEIGHT_ROWS)('projectGrad counts no text twice and none beyond the last, with %i weight rows', (K) => {
    for (const { D, n } of shapesFor(K)) {
      const { vectors, read } = table(n, D, half)
      const gradient = grid('gradient', K, n)
      for (const { weights } of everywhere((laboratory) => {
        const { texts, form } = laboratory.texts(vectors, D, { half, far: D > 400 })
        const tape = laboratory.tape(form)
        const weight = laboratory.parameter(grid('weight', K, D), form.stride)
        tape.projectGrad(texts, laboratory.matrix(gradient, texts.axis, 4), weight)
        laboratory.run(tape)
        return { weights: laboratory.gradient(weight) }
      })) {
        // The products of a part's texts, which are blocks of 12, one after the other; tiles; four parts.
        const terms = 12 * Math.ceil(Math.ceil(n / 12) / 4) + Math.ceil(n / 4 / 192) + 3
        const share = worst(weights, (k, d) => ({ ...sumOf(n, (i) => gradient[k]![i]! * read[i]![d]!), terms }))
        expect(share, `D ${D}, n ${n}`).toBeLessThanOrEqual(1)
      }
    }
  })
})

describe.each([false, true])('vectors in float16: %s', (half) => {
  /** Of which a part is more than one tile, and sixteen rows' gradients are two strips. */
  const { n, D } = { n: 830, D: WIDE.D }
  const MOST = 34
  const { vectors } = table(n, D, half)
  const weights = grid('weight', MOST, D)
  const gradient = grid('gradient', MOST, n)
  /** Outputs and gradients of the first of so many rows. */
  const products = (rows: number, far: boolean) =>
    everywhere((laboratory) => {
      const { texts, form } = laboratory.texts(vectors, D, { half, far })
      const tape = laboratory.tape(form)
      const weight = laboratory.parameter(weights.slice(0, rows), form.stride)
      const out = laboratory.spoil(tape.project(texts, weight))
      tape.projectGrad(texts, laboratory.matrix(gradient.slice(0, rows), texts.axis, 4), weight)
      laboratory.run(tape)
      const first = (all: Grid): Grid => all.slice(0, 2)
      return { out: first(laboratory.read(out, n, 6)), weights: first(laboratory.gradient(weight)) }
    })

  it('a row has other numbers among few than among many, or in a table that no cache holds', () => {
    const among = products(MOST, false)
    for (const rows of [3, 16, 17, 32])
      for (const far of [false, true]) expect(products(rows, far), `${rows} rows, far: ${far}`).toEqual(among)
  })
})

it('projectGrad of no text leaves the last batch’s gradient standing', () => {
  for (const { weights, bias } of everywhere((laboratory) => {
    const { texts, form } = laboratory.texts([], 37)
    const tape = laboratory.tape(form)
    const weight = laboratory.parameter(grid('weight', 3, 37), form.stride)
    const bias = laboratory.parameter([numbers('bias', 3)])
    tape.projectGrad(texts, laboratory.matrix(grid('gradient', 3, 0), texts.axis), weight, bias)
    laboratory.run(tape)
    return { weights: laboratory.gradient(weight), bias: laboratory.gradient(bias) }
  })) {
    expect([...weights, ...bias].every((row) => row.every((value) => value === 0))).toBe(true)
  }
})

it('projectGrad takes a normalised text’s vector for the raw one', () => {
  const [n, D, K] = [13, 37, 3]
  const { vectors } = table(n, D, false)
  const [gradient, scales] = [grid('gradient', K, n), numbers('scales', n)]
  for (const { weights, bias } of everywhere((laboratory) => {
    const { texts, form } = laboratory.texts(vectors, D, { scales })
    const tape = laboratory.tape(form)
    const weight = laboratory.parameter(grid('weight', K, D), form.stride)
    const bias = laboratory.parameter([numbers('bias', K)])
    tape.projectGrad(texts, laboratory.matrix(gradient, texts.axis, 4), weight, bias)
    laboratory.run(tape)
    return { weights: laboratory.gradient(weight), bias: laboratory.gradient(bias) }
  })) {
    // One rounding more than above for the scale; the bias sees the gradient before it, summed in float64.
    const product = (k: number, d: number) => sumOf(n, (i) => gradient[k]![i]! * scales[i]! * vectors[i]![d]!)
    expect(worst(weights, (k, d) => ({ ...product(k, d), terms: 9 }))).toBeLessThanOrEqual(1)
    expect(worst(bias, (_, k) => ({ ...sumOf(n, (i) => gradient[k]![i]!), terms: 1 }))).toBeLessThanOrEqual(1)
  }
})

it('float16 loses its subnormals, its sign or its largest numbers on the way to float32', () => {
  const halves = [0, 1, 0x3ff, 0x400, 0x3c00, 0x7bff, 0x8000, 0x8001, 0x83ff, 0x8400, 0xbc00, 0xfbff, 0x3555, 0x1234]
  const vectors = halves.map((bits) => Float32Array.of(fromHalf(bits)))
  for (const { out } of everywhere((laboratory) => {
    const { texts, form } = laboratory.texts(vectors, 1, { half: true })
    const tape = laboratory.tape(form)
    const out = laboratory.spoil(tape.project(texts, laboratory.parameter([Float32Array.of(1)], form.stride)))
    laboratory.run(tape)
    return { out: laboratory.read(out, halves.length, 6) }
  }))
    expect([...out[0]!]).toEqual(vectors.map(([value]) => value! + 0))
})

const LAYERS = [
  { O: 1, I: 1 },
  { O: 3, I: 13 },
  { O: 5, I: 4 },
  { O: 1, I: 50 },
  { O: 50, I: 1 },
  { O: 50, I: 50 },
]

describe.each(LAYERS)('a linear layer of $O outputs and $I inputs', ({ O, I }) => {
  const weight = grid('weight', O, I)
  const bias = numbers('bias', O)

  it.each(COUNTS)('leaves out an output, an input or a pair of %i', (n) => {
    const input = grid('input', I, n, SIZES)
    for (const withBias of [true, false])
      for (const { out } of everywhere((laboratory) => {
        const tape = laboratory.tape()
        const x = laboratory.matrix(input, laboratory.axis(n))
        const out = tape.linear(x, laboratory.parameter(weight), withBias ? laboratory.parameter([bias]) : undefined)
        laboratory.spoil(out)
        laboratory.run(tape)
        return { out: laboratory.read(out, n) }
      })) {
        const share = worst(out, (o, b) => ({
          ...sumOf(I, (i) => weight[o]![i]! * input[i]![b]!).add(withBias ? bias[o]! : 0),
          terms: I + 2,
        }))
        expect(share).toBeLessThanOrEqual(1)
      }
  })

  it.each(COUNTS)('has another gradient than its sum over %i pairs', (n) => {
    const [input, gradient] = [grid('input', I, n, SIZES), grid('gradient', O, n)]
    for (const { inputs, once, twice, biasTwice } of everywhere((laboratory) => {
      const tape = laboratory.tape()
      const axis = laboratory.axis(n)
      const x = laboratory.matrix(input, axis, 4)
      const g = laboratory.matrix(gradient, axis, 4)
      const [first, second, b] = [weight, weight, [bias]].map((values) => laboratory.parameter(values)) as [
        Parameter,
        Parameter,
        Parameter,
      ]
      const inputs = laboratory.spoil(tape.linearInputGrad(g, first))
      tape.linearWeightGrad(g, x, first)
      tape.linearWeightGrad(g, x, second, b)
      tape.linearWeightGrad(g, x, second, b, true)
      laboratory.run(tape)
      return {
        inputs: laboratory.read(inputs, n),
        once: laboratory.gradient(first),
        twice: laboratory.gradient(second),
        biasTwice: laboratory.gradient(b),
      }
    })) {
      expect(
        worst(inputs, (i, b) => ({ ...sumOf(O, (o) => weight[o]![i]! * gradient[o]![b]!), terms: O + 1 })),
      ).toBeLessThanOrEqual(1)
      // A lane adds up a quarter of the pairs; lanes are added two times; adding to the gradient rounds once more.
      const terms = Math.ceil(n / 4) + 4
      const product = (o: number, i: number) => sumOf(n, (b) => gradient[o]![b]! * input[i]![b]!)
      expect(worst(once, (o, i) => ({ ...product(o, i), terms }))).toBeLessThanOrEqual(1)
      expect(worst(twice, (o, i) => double(product(o, i), terms))).toBeLessThanOrEqual(1)
      expect(
        worst(biasTwice, (_, o) =>
          double(
            sumOf(n, (b) => gradient[o]![b]!),
            2,
          ),
        ),
      ).toBeLessThanOrEqual(1)
    }
  })
})

const double = ({ value, size }: { value: number; size: number }, terms: number) => ({
  value: 2 * value,
  size: 2 * size,
  terms: terms + 1,
})

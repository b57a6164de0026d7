import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  SIZES,
  Sum,
  closeLaboratories,
  everywhere,
  grid,
  numbers,
  openLaboratories,
  roundUp,
  sumOf,
  worst,
  type Grid,
  type Laboratory,
} from './testing/laboratory'
import type { IrtSides, IrtTexts } from './tape'

beforeAll(openLaboratories)
afterAll(closeLaboratories)

const SHAPES = [1, 3, 4, 5, 50].flatMap((K) =>
  [0, 1, 5, 6, 7, 12, 13, 100].flatMap((n) => [true, false].map((bySide) => ({ K, n, bySide }))),
)
const SCALE = 2

/** Pairs of texts: some of one text twice, some texts in many pairs, the last ones in none. */
function pairsOf(n: number): { texts: number; chosen: number[]; rejected: number[] } {
  const texts = Math.ceil(n / 2) + 2
  const of = (step: number): number[] => Array.from({ length: n }, (_, b) => (b * step) % Math.max(1, texts - 1))
  return { texts, chosen: of(7), rejected: of(3) }
}

/** Rows of texts as `irtTexts` lays them out, back as [K, texts]: r, then d. */
function readRows({ heap }: Laboratory, at: number, K: number, texts: number): [Grid, Grid] {
  const half = roundUp(K, 4)
  const rows = heap.floats(at, texts * 2 * half)
  const part = (from: number): Grid =>
    Array.from({ length: K }, (_, k) => Float32Array.from({ length: texts }, (_, t) => rows[t * 2 * half + from + k]!))
  for (let t = 0; t < texts; t++)
    for (let k = K; k < half; k++)
      if (rows[t * 2 * half + k] !== 0 || rows[t * 2 * half + half + k] !== 0) throw new Error('padding is not zero')
  return [part(0), part(half)]
}

describe.each(SHAPES)('of $K dimensions and $n pairs, a centre a side: $bySide', ({ K, n, bySide }) => {
  const { texts: T, chosen, rejected } = pairsOf(n)
  const difficulty = grid('difficulty', K, T, SIZES)
  const logits = grid('logits', K, T)
  const skill = grid('skill', K, n, SIZES)
  const centre = numbers('centre', K)
  const other = bySide ? numbers('other centre', K) : centre
  const g = numbers('g', n)

  const record = (laboratory: Laboratory) => {
    const tape = laboratory.tape()
    const axes = { pairs: laboratory.axis(n), texts: laboratory.axis(T, { block: 12, name: 'answers' }) }
    const spare = (values: number[]): number =>
      laboratory.place(Int32Array.from([...values, ...new Array<number>(16).fill(0)]))
    const input = {
      difficulty: laboratory.matrix(difficulty, axes.texts),
      logits: laboratory.matrix(logits, axes.texts),
    }
    const texts = tape.irtTexts(input.difficulty, input.logits, SCALE, true)
    const padded = (values: Float32Array): number => laboratory.place(Float32Array.from({ ...values, length: K + 4 }))
    const sides: IrtSides = {
      ...{ chosen: spare(chosen), rejected: spare(rejected), skill: laboratory.matrix(skill, axes.pairs, 4) },
      ...{ centreChosen: padded(centre), centreRejected: padded(other) },
    }
    return { tape, axes, texts, sides }
  }
  /** What training reads of a text. */
  const rowsOf = (laboratory: Laboratory, { rows }: IrtTexts): { r: Grid; d: Grid } => {
    const [r, d] = readRows(laboratory, rows, K, T)
    return { r, d }
  }

  it('irtTexts loses a text or a dimension at the edge of a vector, or is no softmax', () => {
    for (const { r, d } of everywhere((laboratory) => {
      const { tape, texts } = record(laboratory)
      laboratory.run(tape)
      return rowsOf(laboratory, texts)
    })) {
      expect(d).toEqual(difficulty)
      const sum = (t: number): number => sumOf(K, (k) => Math.exp(SCALE * logits[k]![t]!)).value
      // exp4 and its argument, the sum of K, its inverse and the product.
      const share = worst(r, (k, t) => {
        const value = Math.exp(SCALE * logits[k]![t]!) / sum(t)
        return { value, size: value, terms: 12 + K + 4 * Math.abs(SCALE * logits[k]![t]!) }
      })
      expect(share).toBeLessThanOrEqual(1)
    }
  })

  /** s − (d − centre) of a pair's text, and the magnitudes that round. */
  const quality = (d: Grid, k: number, b: number, text: number, centres: Float32Array) =>
    sumOf(3, (i) => [skill[k]![b]!, -d[k]![text]!, centres[k]!][i]!)

  it('irtMargin takes a centre from the wrong side, a text of another pair, or a dimension twice', () => {
    for (const { out, r, d } of everywhere((laboratory) => {
      const { tape, axes, texts, sides } = record(laboratory)
      const margin = laboratory.spoil(tape.matrix(1, axes.pairs))
      tape.irtMargin(texts, sides, margin)
      laboratory.run(tape)
      return { out: laboratory.read(margin, n), ...rowsOf(laboratory, texts) }
    })) {
      const share = worst(out as Grid, (_, b) => {
        const sum = new Sum()
        let size = 0
        for (let k = 0; k < K; k++)
          for (const [sign, text, centres] of [
            [1, chosen[b]!, centre],
            [-1, rejected[b]!, other],
          ] as const) {
            const q = quality(d as Grid, k, b, text, centres)
            sum.add(sign * (r as Grid)[k]![text]! * q.value)
            size += Math.abs((r as Grid)[k]![text]! * q.size)
          }
        return { value: sum.value, size, terms: K + 6 }
      })
      expect(share).toBeLessThanOrEqual(1)
    }
  })

  it('the gradients are not those of the margin', () => {
    const uses = (positions: readonly number[]): Float32Array =>
      Float32Array.from({ length: T }, (_, t) => positions.filter((text) => text === t).length)
    const counts = bySide ? [uses(chosen), uses(rejected)] : [uses([...chosen, ...rejected])]
    const factor = bySide ? -1 : -0.5
    for (const results of everywhere((laboratory) => {
      const { tape, axes, texts, sides } = record(laboratory)
      const gradients = counts.map(() => laboratory.spoilVector(tape.vector(K), K))
      tape.irtMarginGrad(texts, sides, laboratory.matrix([g], axes.pairs, 4), [gradients[0]!, gradients[1]], factor)
      const spread = gradients.map((gradient, i) => {
        const padded = Float32Array.from({ ...counts[i]!, length: T + 16 }).fill(NaN, T)
        return { gradient, uses: laboratory.place(padded) }
      })
      const [gd, gl] = [K, K].map((rows) => laboratory.spoil(tape.matrix(rows, axes.texts))) as [never, never]
      tape.irtTextsGrad(texts, gd, gl, spread)
      laboratory.run(tape)
      const beyond = [gd, gl].flatMap((m) => laboratory.read(m, roundUp(T, 4)).map((row) => row.slice(T)))
      return {
        ...rowsOf(laboratory, texts),
        ...{ skill: laboratory.read(sides.skill, n), gd: laboratory.read(gd, T), gl: laboratory.read(gl, T) },
        ...{ centres: gradients.map((at) => laboratory.vector(at, K)), beyond },
      }
    })) {
      const { r, d, skill: gs, gd, gl, centres, beyond } = results as Record<keyof typeof results, Grid>
      expect(beyond!.every((row) => row.every((value) => value === 0))).toBe(true)
      // s: two products and their difference.
      const skills = worst(gs!, (k, b) => {
        const { value, size } = sumOf(2, (i) =>
          i === 0 ? g[b]! * r![k]![chosen[b]!]! : -g[b]! * r![k]![rejected[b]!]!,
        )
        return { value, size, terms: 3 }
      })
      expect(skills, 'skill').toBeLessThanOrEqual(1)

      const [one, two] = [1, -1].map((sign) =>
        Array.from({ length: K }, (_, k) =>
          sumOf(n, (b) => -sign * g[b]! * r![k]![(sign === 1 ? chosen : rejected)[b]!]!),
        ),
      ) as [Sum[], Sum[]]
      const scaled = (...sums: Sum[]) => ({
        value: (factor * sums.reduce((total, { value }) => total + value, 0)) / Math.max(1, n),
        size: Math.abs(factor * sums.reduce((total, { size }) => total + size, 0)) / Math.max(1, n),
      })
      const centreOf = (side: number, k: number) => (bySide ? scaled([one, two][side]![k]!) : scaled(one[k]!, two[k]!))
      // A block of four pairs is added up in float32, then in float64.
      expect(
        worst(centres!, (side, k) => ({ ...centreOf(side, k), terms: 8 })),
        'centres',
      ).toBeLessThanOrEqual(1)

      /** Σ over the pairs of a text, as chosen and as rejected. */
      const uses = (
        t: number,
        term: (b: number, text: number, centres: Float32Array, sign: number) => { value: number; size: number },
      ) => {
        let [value, size, count] = [0, 0, 0]
        for (let b = 0; b < n; b++)
          for (const [text, centres, sign] of [
            [chosen[b]!, centre, 1],
            [rejected[b]!, other, -1],
          ] as const)
            if (text === t) {
              const one = term(b, text, centres, sign)
              value += one.value
              size += one.size
              count++
            }
        return { value, size, count }
      }
      const difficulties = worst(gd!, (k, t) => {
        const { value, size, count } = uses(t, (b, text, _, sign) => sumOf(1, () => -sign * g[b]! * r![k]![text]!))
        const spread = counts.map((all, side) => [all[t]!, centreOf(side, k)] as const)
        return {
          value: spread.reduce((sum, [all, centre]) => sum + all * centre.value, value),
          size: spread.reduce((sum, [all, centre]) => sum + all * centre.size, size),
          terms: count + 12,
        }
      })
      expect(difficulties, 'difficulty').toBeLessThanOrEqual(1)

      const relevance = Array.from({ length: K }, (_, k) =>
        Array.from({ length: T }, (_, t) =>
          uses(t, (b, text, centres, sign) => {
            const q = quality(d!, k, b, text, centres)
            return { value: sign * g[b]! * q.value, size: Math.abs(g[b]!) * q.size }
          }),
        ),
      )
      const logitsShare = worst(gl!, (k, t) => {
        const dot = { value: 0, size: 0 }
        for (let i = 0; i < K; i++) {
          dot.value += r![i]![t]! * relevance[i]![t]!.value
          dot.size += r![i]![t]! * relevance[i]![t]!.size
        }
        const { value, size, count } = relevance[k]![t]!
        const own = SCALE * r![k]![t]!
        return { value: own * (value - dot.value), size: own * (size + dot.size), terms: count + K + 10 }
      })
      expect(logitsShare, 'logits').toBeLessThanOrEqual(1)
    }
  })
})

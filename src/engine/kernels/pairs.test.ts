import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Program } from './program'
import {
  SIZES,
  closeLaboratories,
  everywhere,
  numbers,
  openLaboratories,
  roundUp,
  sumOf,
  worst,
  type Laboratory,
} from './testing/laboratory'
import type { Matrix } from './tape'

beforeAll(openLaboratories)
afterAll(closeLaboratories)

const COUNTS = [0, 1, 5, 6, 7, 12, 13, 100]

describe('batch', () => {
  const [TEXTS, USERS, F, ROW_BYTES] = [11, 6, 3, 64]
  const PAIRS = 150
  const stepped = (step: number, of: number): Int32Array =>
    Int32Array.from({ length: PAIRS }, (_, i) => (i * step) % of)
  const columns = {
    users: stepped(5, USERS + 3),
    chosen: stepped(7, TEXTS - 1),
    rejected: stepped(3, TEXTS - 1),
    prompts: stepped(4, TEXTS),
  }
  const reward = numbers('reward', PAIRS)
  const features = numbers('features', PAIRS * F)
  const scales = numbers('scales', TEXTS)

  /** Distinct texts in the order of their first use, and each use's place among them. */
  function listed(texts: readonly number[]): { distinct: number[]; positions: number[] } {
    const distinct = [...new Set(texts)]
    return { distinct, positions: texts.map((text) => distinct.indexOf(text)) }
  }

  function take(laboratory: Laboratory, rows: readonly number[], given: boolean) {
    const { heap } = laboratory
    const n = rows.length
    const room = n + 32
    const table = heap.allocate(TEXTS * ROW_BYTES)
    const words = (length = room): number => laboratory.spoilVector(heap.allocate(length * 4), length)
    const split = laboratory.place(
      Int32Array.of(
        ...Object.values(columns).map((column) => laboratory.place(column)),
        given ? laboratory.place(reward) : 0,
        given ? laboratory.place(features) : 0,
        ...[table, ROW_BYTES, given ? laboratory.place(scales) : 0],
      ),
    )
    const list = () => {
      const at = {
        n: laboratory.cell(-1),
        vectors: words(),
        chosen: words(),
        rejected: words(),
        uses: words(),
        scales: given ? words() : 0,
      }
      return { at, address: laboratory.place(Int32Array.from(Object.values(at))) }
    }
    const [answers, prompts] = [list(), list()]
    const out = { users: words(), chosen: words(), rejected: words(), reward: words(), prompts: words() }
    const stride = roundUp(n, 16) + 16
    const transposed = { at: heap.allocate(F * stride * 4), stride }
    laboratory.spoilVector(transposed.at, F * stride)
    const rowsAt = laboratory.place(Int32Array.from(rows))
    const program = new Program()
    program.add({
      name: 'batch',
      share: 'one',
      words: [
        ...[laboratory.cell(split), laboratory.cell(rowsAt), laboratory.cell(n), out.users, out.chosen, out.rejected],
        ...[out.reward, given ? transposed.at : 0, F, stride, USERS, answers.address, prompts.address],
        ...[heap.allocate(TEXTS * 8), heap.allocate(4), out.prompts],
      ],
      reads: [],
      writes: [],
    })
    // The second batch meets the first one's stamps and counts.
    laboratory.run(program)
    laboratory.run(program)
    const texts = ({ at }: typeof answers, spare: number) => {
      const length = heap.words(at.n, 1)[0]!
      return {
        vectors: heap.words(at.vectors, length + spare).map((address) => (address - table) / ROW_BYTES),
        scales: given ? laboratory.vector(at.scales, length + spare) : new Float32Array(),
        chosen: laboratory.vector(at.chosen, length),
        rejected: laboratory.vector(at.rejected, length),
        uses: laboratory.vector(at.uses, length),
      }
    }
    const spare = n > 0 ? 16 : 0
    const [a, p] = [texts(answers, spare), texts(prompts, spare)]
    return {
      positions: ['users', 'chosen', 'rejected', 'prompts'].map((name) =>
        Float32Array.from(heap.words(out[name as keyof typeof out], n + 16)),
      ),
      reward: laboratory.vector(out.reward, n + 16),
      ...{ answers: a.vectors, answerScales: a.scales, uses: [a.chosen, a.rejected, a.uses] },
      ...{ promptTexts: p.vectors, promptScales: p.scales },
      features: given
        ? laboratory.read({ ...transposed, buffer: 0, rows: F, axis: laboratory.axis(n) } satisfies Matrix, n, 1)
        : [],
    }
  }

  it.each(COUNTS.flatMap((n) => [true, false].map((given) => ({ n, given }))))(
    'counts a text of $n pairs twice, keeps an old stamp or points beyond the last text, rewards given: $given',
    ({ n, given }) => {
      const rows = Array.from({ length: n }, (_, b) => (b * 37 + 11) % PAIRS)
      const of = (column: Int32Array): number[] => rows.map((row) => column[row]!)
      const [chosen, rejected] = [of(columns.chosen), of(columns.rejected)]
      const answers = listed([...chosen, ...rejected])
      const prompts = listed(of(columns.prompts))
      const filled = (values: readonly number[]): number[] => [...values, ...new Array<number>(16).fill(0)]
      const repeated = (list: readonly number[]): number[] => [
        ...list,
        ...list.slice(-1).flatMap((l) => new Array<number>(16).fill(l)),
      ]
      for (const results of everywhere((laboratory) => take(laboratory, rows, given))) {
        expect(results.positions.map((row) => [...row])).toEqual([
          filled(of(columns.users).map((user) => Math.min(user, USERS))),
          filled(answers.positions.slice(0, n)),
          filled(answers.positions.slice(n)),
          filled(prompts.positions),
        ])
        expect([...results.reward]).toEqual(filled(rows.map((row) => (given ? reward[row]! : 0))))
        expect([...results.answers]).toEqual(repeated(answers.distinct))
        expect([...results.promptTexts]).toEqual(repeated(prompts.distinct))
        const count = (texts: readonly number[]) =>
          answers.distinct.map((text) => texts.filter((t) => t === text).length)
        expect(results.uses.map((row) => [...row])).toEqual([
          count(chosen),
          count(rejected),
          count([...chosen, ...rejected]),
        ])
        const scaled = (list: readonly number[]) => (n > 0 ? filled(list.map((text) => scales[text]!)) : [])
        if (given) {
          expect([...results.answerScales]).toEqual(scaled(answers.distinct))
          expect([...results.promptScales]).toEqual(scaled(prompts.distinct))
          const byFeature = Array.from({ length: F }, (_, f) => rows.map((row) => features[row * F + f]!))
          expect(results.features.map((row) => [...row])).toEqual(byFeature)
        }
      }
    },
  )
})

type M = Matrix

describe('preference', () => {
  /** softplus(−z) and σ(−z), without cancellation. */
  const loss = (z: number): number => Math.max(-z, 0) + Math.log1p(Math.exp(-Math.abs(z)))
  const wrong = (z: number): number => (z > 0 ? Math.exp(-z) / (1 + Math.exp(-z)) : 1 / (1 + Math.exp(z)))

  function run(laboratory: Laboratory, margins: Float32Array, rewards: Float32Array) {
    const n = margins.length
    const tape = laboratory.tape()
    const axis = laboratory.axis(n)
    const [margin, g] = [laboratory.matrix([margins], axis), laboratory.spoil(tape.matrix(1, axis))]
    const blocks = Math.ceil(n / 16)
    const sums = laboratory.heap.allocate(blocks * 32)
    const reward = new Float32Array(n + 32)
    reward.set(rewards)
    tape.preference(margin, laboratory.place(reward), g, sums)
    laboratory.run(tape)
    const beyond = laboratory.read(g, roundUp(n, 16), 16)[0]!.slice(n)
    return { g: laboratory.read(g, n, 16), beyond, sums: laboratory.heap.doubles(sums, blocks * 4).slice() }
  }

  it.each([...COUNTS, 16, 17])('of %i pairs: a sum counts a pair beyond the last, or a gradient is another', (n) => {
    // Large, tiny and zero margins, rewards of both signs; −0.5 + 0.5 = 0 is not right.
    const margins = numbers('margin', n, SIZES).map((v, b) => (b === 4 ? -0.5 : v))
    const rewards = numbers('reward', n).map((v, b) => (b === 4 ? 0.5 : b % 3 === 2 ? 0 : v))
    const z = Array.from(margins, (v, b) => Math.fround(v + rewards[b]!))
    for (const { g, beyond, sums } of everywhere((laboratory) => run(laboratory, margins, rewards))) {
      expect(beyond.every((value) => value === 0)).toBe(true)
      // exp4 2 ulp = 4 roundings, the sum, the quotient, 1/n and the product.
      const share = worst(g, (_, b) => {
        const value = -wrong(z[b]!) / n
        return { value, size: Math.abs(value), terms: 9 }
      })
      expect(share).toBeLessThanOrEqual(1)
      for (let block = 0; block < Math.ceil(n / 16); block++) {
        const pairs = Array.from({ length: Math.min(16, n - 16 * block) }, (_, i) => 16 * block + i)
        const [total, ...counts] = sums.slice(4 * block, 4 * block + 4)
        const exact = sumOf(pairs.length, (i) => loss(z[pairs[i]!]!))
        // exp4 and log1p4, 4 roundings each, and their sum; float64 from there.
        expect(worst([Float32Array.of(total!)], () => ({ ...exact, terms: 10 }))).toBeLessThanOrEqual(1)
        const above = (values: ArrayLike<number>): number => pairs.filter((b) => values[b]! > 0).length
        expect(counts).toEqual([above(z), above(rewards), above(margins)])
      }
    }
  })

  it('loses the digits of log(1 + e) or of e near its ends', () => {
    const z = Float32Array.from({ length: 1500 }, (_, i) => (i % 2 ? 1 : -1) * 100 * (i / 1500) ** 4)
    for (const { g, sums } of everywhere((laboratory) => run(laboratory, z, new Float32Array(z.length)))) {
      const exact = (value: number) => ({ value, size: Math.abs(value), terms: 9 })
      // e^−|z| stops at e^−87.3: worst's absolute part.
      expect(worst(g, (_, b) => exact(-wrong(z[b]!) / z.length))).toBeLessThanOrEqual(1)
      const blocks = Float32Array.from({ length: sums.length / 4 }, (_, block) => sums[4 * block]!)
      const share = worst([blocks], (_, block) => ({
        ...sumOf(Math.min(16, z.length - 16 * block), (i) => loss(z[16 * block + i]!)),
        terms: 10,
      }))
      expect(share).toBeLessThanOrEqual(1)
    }
  })

  it('hides a margin that is no number or infinite', () => {
    const margins = Float32Array.of(1, NaN, -Infinity, Infinity)
    for (const { g, sums } of everywhere((laboratory) => run(laboratory, margins, new Float32Array(4)))) {
      expect([...g[0]!].map(Number.isNaN)).toEqual([false, true, false, false])
      expect(g[0]![2]).toBe(-0.25)
      expect(sums[0]).toBeNaN()
      expect([...sums.slice(1)]).toEqual([2, 0, 2])
    }
  })
})

describe('clampScale', () => {
  it.each([-3, 0.5, 0.05, 1, 20, 1e10])('leaves the range, or its gradient does not vanish there, at %d', (value) => {
    const [low, high] = [0.5, 10] as const
    const factor = Math.fround(1 / Math.sqrt(5))
    for (const n of COUNTS) {
      const [g, margin] = [numbers('g', n), numbers('margin', n)]
      for (const { cell, grad } of everywhere((laboratory) => {
        const tape = laboratory.tape()
        const axis = laboratory.axis(n)
        const parameter = laboratory.parameter([Float32Array.of(value)])
        const at = laboratory.spoilVector(tape.vector(1), 1)
        tape.clampScale(parameter, at, [low, high], factor)
        const matrices = [g, margin].map((row) => laboratory.matrix([row], axis)) as [M, M]
        tape.clampScaleGrad(parameter, at, [low, high], factor, ...matrices)
        laboratory.run(tape)
        return { cell: laboratory.vector(at, 1), grad: laboratory.gradient(parameter) }
      })) {
        const clamped = Math.min(high, Math.max(low, Math.fround(value))) * factor
        expect(worst([cell], () => ({ value: clamped, size: clamped, terms: 1 }))).toBeLessThanOrEqual(1)
        const inside = value >= low && value <= high
        const share = worst(grad, () => {
          const { value, size } = sumOf(n, (b) => g[b]! * margin[b]!)
          const slope = inside ? factor / clamped : 0
          return { value: value * slope, size: size * slope, terms: 2 }
        })
        expect(share).toBeLessThanOrEqual(1)
      }
    }
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { all, own, Program, real } from './program'
import {
  closeLaboratories,
  everywhere,
  numbers,
  openLaboratories,
  ROUNDING,
  sumOf,
  worst,
  type Laboratory,
} from './testing/laboratory'

beforeAll(openLaboratories)
afterAll(closeLaboratories)

const BLOCK = 256
const RULES = { Adam: 0, SGD: 1, RMSprop: 2 } as const
type Rule = keyof typeof RULES

/** Rates of step 3, in the kernel's order, as they are rounded to float32. */
const [LEARNING_RATE, BETA1, BETA2, EPS, DECAY, STEP] = [0.01, 0.9, 0.999, 1e-8, 0.1, 3]
const RATES = Float32Array.of(
  LEARNING_RATE / (1 - BETA1 ** STEP),
  BETA1,
  BETA2,
  1 - BETA1,
  1 - BETA2,
  1 / Math.sqrt(1 - BETA2 ** STEP),
  EPS,
  1 - LEARNING_RATE * DECAY,
  LEARNING_RATE,
  DECAY,
)

/** Parameters with negative zeros, tiny and large gradients among them. */
function flat(blocks: number) {
  const length = blocks * BLOCK
  const sizes = (i: number): number => [1, 1e-3, 0, 100, 1e-6, -0][i % 6]!
  return {
    length,
    p: numbers('p', length, sizes),
    g: numbers('g', length, (i) => sizes(i + 3)),
    m: numbers('m', length),
    v: numbers('v', length).map(Math.abs),
    l1: numbers('l1', blocks).map((v, i) => (i % 3 === 1 ? 0 : Math.abs(v))),
    l2: numbers('l2', blocks).map((v, i) => (i % 2 === 1 ? 0 : Math.abs(v))),
  }
}

/** The gradient with its penalties, their sum a block, and the clip factor, by their formulas. */
function penalised({ length, p, g, l1, l2 }: ReturnType<typeof flat>, limit: number) {
  const gradient = Array.from({ length }, (_, i) => {
    const block = Math.floor(i / BLOCK)
    return sumOf(3, (t) => [g[i]!, l1[block]! * Math.sign(p[i]!), 2 * l2[block]! * p[i]!][t]!)
  })
  const penalty = Array.from(l1, (_, block) =>
    sumOf(BLOCK, (i) => l1[block]! * Math.abs(p[block * BLOCK + i]!) + l2[block]! * p[block * BLOCK + i]! ** 2),
  )
  const norm = Math.sqrt(gradient.reduce((sum, { value }) => sum + value ** 2, 0))
  return { gradient, penalty, norm, clip: limit > 0 ? Math.min(1, limit / (norm + 1e-6)) : 1 }
}

function place(
  laboratory: Laboratory,
  { length, p, g, m, v, l1, l2 }: ReturnType<typeof flat>,
  rule: Rule,
  limit: number,
) {
  const { heap } = laboratory
  const blocks = length / BLOCK
  const at = {
    p: laboratory.place(p),
    g: laboratory.place(g),
    m: laboratory.place(m),
    v: laboratory.place(v),
    penalties: heap.allocate(blocks * 8),
    squares: heap.allocate(blocks * 8),
  }
  const words = [at.p, at.g, length, laboratory.place(l1), laboratory.place(l2), at.penalties, at.squares]
  const program = new Program()
  const share = `flat ${length}`
  if (limit > 0) {
    const writes = [own(at.g), own(at.penalties), own(at.squares)]
    program.add({ name: 'penalise', share, words, reads: [own(at.p)], writes })
    program.barrier()
  }
  program.add({
    name: 'update',
    share,
    words: [...words, at.m, at.v, laboratory.place(RATES), RULES[rule], real(limit)],
    reads: [own(at.g), all(at.squares)],
    writes: [own(at.p), own(at.penalties)],
  })
  laboratory.run(program)
  return {
    p: [heap.floats(at.p, length).slice()],
    m: [heap.floats(at.m, length).slice()],
    v: [heap.floats(at.v, length).slice()],
    penalties: heap.doubles(at.penalties, blocks).slice(),
  }
}

/** One step by the rule's formula from float32 rates, and the sizes that its roundings are relative to. */
function step(rule: Rule, value: number, gradient: number, first: number, second: number) {
  const [rate, beta1, beta2, rest1, rest2, correction, eps, decay, learningRate, weightDecay] =
    RATES as unknown as number[]
  if (rule === 'Adam') {
    const m = beta1! * first + rest1! * gradient
    const v = beta2! * second + rest2! * gradient ** 2
    const move = (rate! * m) / (Math.sqrt(v) * correction! + eps!)
    return { m, v, p: value * decay! - move, move }
  }
  const decayed = gradient + weightDecay! * value
  if (rule === 'SGD') return { m: first, v: second, p: value - learningRate! * decayed, move: learningRate! * decayed }
  const m = 0.99 * first + 0.01 * decayed ** 2
  const move = (learningRate! * decayed) / (Math.sqrt(m) + eps!)
  return { m, v: second, p: value - move, move }
}

describe.each(Object.keys(RULES) as Rule[])('%s', (rule) => {
  describe.each([1, 2, 7])('over %i blocks', (blocks) => {
    it.each([0, 0.5, 1e9])('takes another step than its formula’s, gradients clipped to %d', (limit) => {
      const before = flat(blocks)
      // RMSprop's one memory is of squares.
      if (rule === 'RMSprop') before.m = before.v
      const { gradient, penalty, clip } = penalised(before, limit)
      for (const { p, m, v, penalties } of everywhere((laboratory) => place(laboratory, before, rule, limit))) {
        const exact = (i: number) => {
          const g = gradient[i]!.value * clip
          const now = step(rule, before.p[i]!, g, before.m[i]!, before.v[i]!)
          // What 6 roundings of the gradient do to the step, by differences: the formula is steep where v is small.
          const noise = 8 * ROUNDING * (gradient[i]!.size * clip + RATES[9]! * Math.abs(before.p[i]!))
          const moved = [g - noise, g + noise].map((g) => step(rule, before.p[i]!, g, before.m[i]!, before.v[i]!))
          const apart = (of: (s: typeof now) => number): number =>
            Math.max(...moved.map((s) => Math.abs(of(s) - of(now))))
          return { now, g, apart }
        }
        const share = (actual: typeof p, of: (s: ReturnType<typeof step>) => number, size: (i: number) => number) =>
          worst(actual, (_, i) => {
            const { now, apart } = exact(i)
            // 12 roundings of the rule itself, each relative to what is added or divided.
            return { value: of(now), size: size(i) + apart(of) / (12 * ROUNDING), terms: 12 }
          })
        const moment = (i: number): number => Math.abs(before.m[i]!) + Math.abs(exact(i).now.m)
        expect(
          share(m, (s) => s.m, moment),
          'first memory',
        ).toBeLessThanOrEqual(1)
        expect(
          share(
            v,
            (s) => s.v,
            (i) => exact(i).now.v,
          ),
          'second memory',
        ).toBeLessThanOrEqual(1)
        const moves = (i: number): number => {
          const { now } = exact(i)
          // The first moment may have cancelled: its rounding is relative to its terms.
          const magnified = rule === 'Adam' ? moment(i) / Math.max(Math.abs(now.m), 1e-30) : 1
          return Math.abs(before.p[i]!) + Math.abs(now.move) * magnified
        }
        expect(
          share(p, (s) => s.p, moves),
          'parameters',
        ).toBeLessThanOrEqual(1)
        // 64 sums a lane and the square, then float64.
        const grids = [Float32Array.from(penalties)]
        expect(
          worst(grids, (_, block) => ({ ...penalty[block]!, terms: 67 })),
          'penalty',
        ).toBeLessThanOrEqual(1)
      }
    })
  })

  it('moves what must stay zero between parameters', () => {
    const zeros = flat(2)
    for (const name of ['p', 'g', 'm', 'v'] as const) zeros[name].fill(0)
    for (const limit of [0, 0.5])
      for (const { p } of everywhere((laboratory) => place(laboratory, zeros, rule, limit)))
        expect(p[0]!.every((value) => value === 0)).toBe(true)
  })

  it('spreads a gradient that is no number where it is not clipped, or hides it where it is', () => {
    const before = flat(3)
    if (rule === 'RMSprop') before.m = before.v
    before.g[300] = NaN
    for (const limit of [0, 0.5])
      for (const { p } of everywhere((laboratory) => place(laboratory, before, rule, limit))) {
        const lost = [...p[0]!.entries()].filter(([, value]) => Number.isNaN(value)).map(([i]) => i)
        if (limit === 0) expect(lost).toEqual([300])
        else expect(lost).toHaveLength(before.length)
      }
  })
})

describe('figures', () => {
  it.each([1, 13, 16, 17, 100])('average over another number of pairs than %i', (n) => {
    const blocks = Math.ceil(n / 16)
    const sums = Float64Array.from({ length: 4 * blocks }, (_, i) => (i + 1) / 3)
    const penalties = Float64Array.of(0.25, 1e-20, 3)
    const total = (which: number): number =>
      Array.from({ length: blocks }, (_, block) => sums[4 * block + which]!).reduce((a, b) => a + b, 0)
    for (const { out } of everywhere((laboratory) => figures(laboratory, n, sums, penalties)))
      // float64 sums in the same order: nothing is rounded otherwise.
      expect([...out]).toEqual([n, total(0) / n, 3.25 + 1e-20, total(1) / n, total(2) / n, total(3) / n])
  })

  it('of an empty batch are taken from what lies beside its sums', () => {
    for (const { out } of everywhere((laboratory) => figures(laboratory, 0, new Float64Array(0), Float64Array.of(2))))
      expect([...out]).toEqual([0, NaN, 2, NaN, NaN, NaN])
  })
})

function figures(laboratory: Laboratory, n: number, sums: Float64Array, penalties: Float64Array) {
  const { heap } = laboratory
  const place = (values: Float64Array): number => laboratory.place(new Int32Array(values.buffer))
  const out = heap.allocate(48)
  const program = new Program()
  program.add({
    name: 'figures',
    share: 'one',
    words: [laboratory.cell(out), place(sums), laboratory.cell(n), place(penalties), penalties.length * BLOCK],
    reads: [],
    writes: [],
  })
  laboratory.run(program)
  return { out: heap.doubles(out, 6).slice() }
}

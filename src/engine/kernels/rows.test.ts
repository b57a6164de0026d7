import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  SIZES,
  closeLaboratories,
  everywhere,
  grid,
  numbers,
  openLaboratories,
  sumOf,
  worst,
  type Grid,
  type Laboratory,
} from './testing/laboratory'
import { SCRATCH_BYTES, type Axis, type Matrix, type Tape } from './tape'

beforeAll(openLaboratories)
afterAll(closeLaboratories)

const DIMENSIONS = [1, 3, 5, 50]
const COUNTS = [0, 1, 5, 6, 7, 12, 13, 100]
const shapes = DIMENSIONS.flatMap((K) => COUNTS.map((n) => ({ K, n })))
/** Rows of the table that pairs point at. */
const ROWS = 9

/** Positions with repeats, and rows 2 and 7 that nobody uses; the first row beyond the last pair, as `batch` fills up. */
const positions = (n: number, step: number): Int32Array =>
  Int32Array.from({ length: n + 16 }, (_, b) => (b < n ? [0, 8, 3, 3, 1, 4, 6, 5][(b * step) % 8]! : 0))

describe.each(shapes)('of $n pairs and $K dimensions', ({ K, n }) => {
  it('gather takes another row, or runs into the next share', () => {
    const table = grid('table', K, ROWS, SIZES)
    const at = positions(n, 3)
    for (const { out } of everywhere((laboratory) => {
      const tape = laboratory.tape()
      const from = laboratory.matrix(table, laboratory.axis(ROWS, { name: 'users' }))
      const out = laboratory.spoil(tape.gather(from, laboratory.place(at), laboratory.axis(n)))
      laboratory.run(tape)
      return { out: laboratory.read(out, n) }
    }))
      expect(out).toEqual(table.map((row) => Float32Array.from({ length: n }, (_, b) => row[at[b]!]!)))
  })

  it('scatter drops a repeated row, or leaves an old sum where nobody adds', () => scatterTo(ROWS, K, n))

  it('rowSums counts what stands beyond the last pair, or rounds before the end', () => {
    const [a, x, a2, x2] = ['a', 'x', 'a2', 'x2'].map((name) => grid(name, K, n, SIZES)) as [G, G, G, G]
    const weights = numbers('weights', n + 4)
    const before = numbers('before', K)
    for (const { plain, product, two, weighted, added } of everywhere((laboratory) => {
      const tape = laboratory.tape()
      const axis = laboratory.axis(n)
      const [as, xs, a2s, x2s] = [a, x, a2, x2].map((m) => laboratory.matrix(m, axis)) as [M, M, M, M]
      const out = (): number => laboratory.spoilVector(laboratory.heap.allocate(K * 4), K)
      const [plain, product, two, weighted] = [out(), out(), out(), out()]
      const added = laboratory.place(before)
      tape.rowSums(as, plain)
      tape.rowSums(as, product, { x: xs, factor: 3 })
      tape.rowSums(as, two, { x: xs, and: { a: a2s, x: x2s }, factor: -0.5, over: axis.n })
      tape.rowSums(as, weighted, { weights: laboratory.place(weights), over: axis.n })
      tape.rowSums(as, added, { and: { a: a2s }, add: true })
      laboratory.run(tape)
      return Object.fromEntries(
        Object.entries({ plain, product, two, weighted, added }).map(([name, at]) => [
          name,
          [laboratory.vector(at, K)],
        ]),
      )
    })) {
      // Products and the sum of two round in float32; the rest is float64 but for its result.
      const check = (actual: G | undefined, terms: number, factor: number, term: (k: number, b: number) => number) => {
        const share = worst(actual!, (_, k) => {
          const { value, size } = sumOf(n, (b) => term(k, b))
          return { value: factor * value, size: Math.abs(factor) * size, terms }
        })
        expect(share).toBeLessThanOrEqual(1)
      }
      // The mean of no pairs has no share in anything: zero, not NaN.
      const mean = n === 0 ? 0 : 1 / n
      check(plain, 1, 1, (k, b) => a[k]![b]!)
      check(product, 2, 3, (k, b) => a[k]![b]! * x[k]![b]!)
      const magnitudes = (k: number) =>
        sumOf(n, (b) => Math.abs(a[k]![b]! * x[k]![b]!) + Math.abs(a2[k]![b]! * x2[k]![b]!))
      const share = worst(two!, (_, k) => ({
        value: -0.5 * mean * sumOf(n, (b) => a[k]![b]! * x[k]![b]! + a2[k]![b]! * x2[k]![b]!).value,
        size: 0.5 * mean * magnitudes(k).value,
        terms: 3,
      }))
      expect(share).toBeLessThanOrEqual(1)
      check(weighted, 2, mean, (k, b) => a[k]![b]! * weights[b]!)
      const sum = (k: number) => sumOf(n, (b) => Math.abs(a[k]![b]!) + Math.abs(a2[k]![b]!))
      const shareAdded = worst(added!, (_, k) => ({
        value: before[k]! + sumOf(n, (b) => a[k]![b]! + a2[k]![b]!).value,
        size: Math.abs(before[k]!) + sum(k).size,
        terms: 3,
      }))
      expect(shareAdded).toBeLessThanOrEqual(1)
    }
  })
})

type G = ReturnType<typeof grid>
type M = ReturnType<Laboratory['matrix']>

it('rowSums leaves a rest where opposite terms must cancel, and Adam makes whole steps of it', () => {
  const [a, x] = [grid('a', 3, 13), grid('x', 3, 13)]
  for (const { out } of everywhere((laboratory) => {
    const tape = laboratory.tape()
    const axis: Axis = laboratory.axis(13)
    const opposite = a.map((row) => row.map((value) => -value))
    const [as, xs, minus] = [a, x, opposite].map((m) => laboratory.matrix(m, axis)) as [M, M, M]
    const out = laboratory.spoilVector(tape.vector(3), 3)
    tape.rowSums(as, out, { x: xs, and: { a: minus, x: xs } })
    laboratory.run(tape)
    return { out: laboratory.vector(out, 3) }
  }))
    expect([...out!].every((value) => value === 0)).toBe(true)
})

it.each([1, 7, 100])('the generic user is not the mean of %i trained users alone', (users) => {
  const table = grid('table', 5, users + 2, SIZES)
  for (const { out } of everywhere((laboratory) => {
    const tape = laboratory.tape()
    const out = laboratory.spoil(
      tape.withGenericUser(laboratory.matrix(table, laboratory.axis(users + 2, { name: 'users' })), users),
    )
    laboratory.run(tape)
    return { out: laboratory.read(out, users + 1, 1) }
  })) {
    expect(out.map((row) => row.slice(0, users))).toEqual(table.map((row) => row.slice(0, users)))
    const mean = (k: number) => {
      const { value, size } = sumOf(users, (u) => table[k]![u]!)
      return { value: value / users, size: size / users, terms: 1 }
    }
    expect(
      worst(
        out.map((row) => row.slice(users)),
        mean,
      ),
    ).toBeLessThanOrEqual(1)
  }
})

describe.each(DIMENSIONS)('renormalise, %i dimensions', (K) => {
  const USERS = 13
  const LIMIT = 0.7
  const table = grid('table', K, USERS, SIZES)
  const scaled = (k: number, u: number) => {
    const norm = Math.sqrt(sumOf(K, (i) => table[i]![u]! ** 2).value)
    const value = table[k]![u]! * (norm > LIMIT ? LIMIT / (norm + 1e-7) : 1)
    // K squares and sums under a root (half their relative error), root, sum, quotient and product.
    return { value, size: Math.abs(value), terms: K / 2 + 5 }
  }

  it.each([
    { who: 'the batch’s users', users: [12, 3, 3, 0] },
    { who: 'no user of an empty batch', users: [] },
    { who: 'all', users: null },
  ])('touches others than $who', ({ users }) => {
    for (const { out } of everywhere((laboratory) => {
      const tape = laboratory.tape()
      const matrix = laboratory.matrix(table, laboratory.axis(USERS, { name: 'users' }))
      const batch = users && {
        users: laboratory.place(Int32Array.from([...users, 5, 5, 5])),
        n: laboratory.cell(users.length),
      }
      tape.renormalise(matrix, USERS, LIMIT, batch ?? undefined)
      laboratory.run(tape)
      return { out: laboratory.read(matrix, USERS, 1) }
    })) {
      expect(
        worst(
          out,
          scaledOr((u) => users === null || users.includes(u)),
        ),
      ).toBeLessThanOrEqual(1)
    }
  })

  const scaledOr = (touched: (u: number) => boolean) => (k: number, u: number) =>
    touched(u) ? scaled(k, u) : { value: table[k]![u]!, size: 0, terms: 0 }
})

it.each([3, 5])(
  'scatter of %i dimensions loses a sum of more rows than the first-level cache keeps side by side',
  (K) => scatterTo(1600, K, 100),
)

it('scatters of two runs at once mix their sums', () => {
  const [K, n, runs] = [15, 900, 8]
  const at = Int32Array.from({ length: n + 16 }, (_, b) => (b < n ? (b * 7) % 600 : 0))
  const gradients = Array.from({ length: runs }, (_, run) => grid(`run ${run}`, K, n))
  const scattered = (laboratory: Laboratory, tape: Tape, g: Grid): Matrix => {
    const [axis, texts] = [laboratory.axis(n), laboratory.axis(600, { block: 12, name: 'answers' })]
    const out = laboratory.spoil(tape.matrix(K, texts))
    tape.scatter(out, [{ positions: laboratory.place(at), g: laboratory.matrix(g, axis) }])
    return out
  }
  everywhere((laboratory) => {
    const alone = gradients.map((g) => {
      const tape = laboratory.tape()
      const out = scattered(laboratory, tape, g)
      laboratory.run(tape)
      return laboratory.read(out, 600, 616)
    })
    const scratch = laboratory.heap.allocate(laboratory.machine.threads * SCRATCH_BYTES)
    const tapes = gradients.map(() => laboratory.tape({ scratch }))
    const together = gradients.map((g, run) => scattered(laboratory, tapes[run]!, g))
    for (let i = 0; i < 5; i++) {
      laboratory.run(...tapes)
      expect(together.map((out) => laboratory.read(out, 600, 616))).toEqual(alone)
    }
    return {}
  })
})

function scatterTo(rows: number, K: number, n: number): void {
  const [one, two] = [positions(n, 1), positions(n, 5)]
  const [g, h] = [grid('g', K, n, SIZES), grid('h', K, n, SIZES)]
  for (const { single, both } of everywhere((laboratory) => {
    const tape = laboratory.tape()
    const [axis, texts] = [laboratory.axis(n), laboratory.axis(rows, { block: 12, name: 'answers' })]
    const [first, second] = [one, two].map((values) => laboratory.place(values)) as [number, number]
    const [single, both] = [laboratory.spoil(tape.matrix(K, texts)), laboratory.spoil(tape.matrix(K, texts))]
    const [gs, hs] = [laboratory.matrix(g, axis), laboratory.matrix(h, axis)]
    tape.scatter(single, [{ positions: first, g: gs }])
    tape.scatter(both, [
      { positions: first, g: gs },
      { positions: second, g: hs },
    ])
    laboratory.run(tape)
    const zeros = [single, both].flatMap((m) => laboratory.read(m, rows + 16, 1).map((row) => row.slice(rows)))
    expect(zeros.every((row) => row.every((value) => value === 0))).toBe(true)
    return { single: laboratory.read(single, rows, rows + 16), both: laboratory.read(both, rows, rows + 16) }
  })) {
    const used = (k: number, i: number) => sumOf(n, (b) => (one[b] === i ? g[k]![b]! : 0))
    expect(worst(single, (k, i) => ({ ...used(k, i), terms: n }))).toBeLessThanOrEqual(1)
    const total = (k: number, i: number) => {
      const sum = used(k, i)
      for (let b = 0; b < n; b++) if (two[b] === i) sum.add(h[k]![b]!)
      return sum
    }
    expect(worst(both, (k, i) => ({ ...total(k, i), terms: 2 * n }))).toBeLessThanOrEqual(1)
  }
}

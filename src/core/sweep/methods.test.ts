import { describe, expect, it, test } from 'vitest'
import type { Parameter, Point } from '../../shared/domain/sweep'
import { grid, nextPoints, type Search } from './methods'
import { spaceOf, valueAt, valuesOf, type Dimension } from './space'
import { normalCdf, type Observation } from './tpe'

const space = (parameters: Record<string, Parameter>, whole: readonly string[] = []): Dimension[] => {
  const found = spaceOf(parameters, (key) => whole.includes(key))
  if (!found) throw new Error('a circle')
  return found
}

const search = (method: Search['method'], of: readonly Dimension[], more: Partial<Search> = {}): Search => ({
  ...{ method, space: of, direction: 'minimize', points: 100, seed: 0, startup: 10, batch: 1 },
  ...more,
})

/** The values of a function at the points that a method proposes. */
function minimise(of: Search, f: (point: Point) => number): number[] {
  const known: Observation[] = []
  for (;;) {
    const points = nextPoints(of, known)
    if (points.length === 0) return known.map(({ value }) => value ?? NaN)
    known.push(...points.map((point) => ({ point, value: f(point) })))
  }
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!
/** The least value that each of several searches finds. */
function least(of: Omit<Search, 'seed'>, f: (point: Point) => number, searches: number): number[] {
  return Array.from({ length: searches }, (_, seed) => Math.min(...minimise({ ...of, seed }, f)))
}
const number = (point: Point, key: string): number => Number(point[key])

// Dixon and Szegö (1978): three minima of 0.397887.
const BRANIN = space({ x: { min: -5, max: 10 }, y: { min: 0, max: 15 } })
function branin(point: Point): number {
  const [x, y] = [number(point, 'x'), number(point, 'y')]
  const curve = y - (5.1 / (4 * Math.PI ** 2)) * x ** 2 + (5 / Math.PI) * x - 6
  return curve ** 2 + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) + 10
}

// Hartmann's function of six variables: least −3.32237.
const AXES = ['a', 'b', 'c', 'd', 'e', 'f']
const UNIT_CUBE = space(Object.fromEntries(AXES.map((key) => [key, { min: 0, max: 1 }])))
const HARTMANN = {
  alpha: [1, 1.2, 3, 3.2],
  A: [
    [10, 3, 17, 3.5, 1.7, 8],
    [0.05, 10, 17, 0.1, 8, 14],
    [3, 3.5, 1.7, 10, 17, 8],
    [17, 8, 0.05, 10, 0.1, 14],
  ],
  P: [
    [1312, 1696, 5569, 124, 8283, 5886],
    [2329, 4135, 8307, 3736, 1004, 9991],
    [2348, 1451, 3522, 2883, 3047, 6650],
    [4047, 8828, 8732, 5743, 1091, 381],
  ],
}
function hartmann(point: Point): number {
  return -HARTMANN.alpha.reduce((sum, alpha, i) => {
    const inner = AXES.reduce(
      (far, key, j) => far + HARTMANN.A[i]![j]! * (number(point, key) - 1e-4 * HARTMANN.P[i]![j]!) ** 2,
      0,
    )
    return sum + alpha * Math.exp(-inner)
  }, 0)
}
const sphere = (point: Point): number => AXES.reduce((sum, key) => sum + (number(point, key) - 0.3) ** 2, 0)

describe('tpe', () => {
  it('the test functions are not those of the literature', () => {
    for (const [x, y] of [
      [-Math.PI, 12.275],
      [Math.PI, 2.275],
      [9.42478, 2.475],
    ])
      expect(branin({ x: x!, y: y! })).toBeCloseTo(0.397887, 5)
    const at = [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573]
    expect(hartmann(Object.fromEntries(AXES.map((key, i) => [key, at[i]!])))).toBeCloseTo(-3.32237, 4)
  })

  // Eggensperger et al., "Towards an empirical foundation for assessing Bayesian optimization of hyperparameters" (2013), table 2: the
  // mean and standard deviation of the least value after 200 evaluations.
  it.each([
    { name: 'branin', of: BRANIN, f: branin, published: { mean: 0.526, sd: 0.13 } },
    { name: 'hartmann 6', of: UNIT_CUBE, f: hartmann, published: { mean: -2.823, sd: 0.18 } },
  ])('is worse on $name than published, or no better than chance', ({ of, f, published }) => {
    const tpe = least(search('tpe', of, { points: 200 }), f, 10)
    expect(mean(tpe)).toBeLessThan(published.mean + published.sd)
    expect(median(tpe)).toBeLessThan(median(least(search('random', of, { points: 200 }), f, 10)))
  })

  it('is no better on the sphere than chance with ten times the points', () => {
    const tpe = least(search('tpe', UNIT_CUBE, { points: 100 }), sphere, 10)
    expect(median(tpe)).toBeLessThan(median(least(search('random', UNIT_CUBE, { points: 1000 }), sphere, 10)))
  })

  it('several points at once find next to nothing', () => {
    const tpe = least(search('tpe', BRANIN, { points: 100, batch: 8 }), branin, 10)
    expect(median(tpe)).toBeLessThan(median(least(search('random', BRANIN, { points: 100 }), branin, 10)))
  })

  it('a categorical choice, and a range that hangs on it, are not learned', () => {
    const of = space({
      kind: { values: ['good', 'bad', 'worse'] },
      rate: { min: 1e-5, max: 1, scale: 'log', when: { kind: 'good' } },
    })
    const off = ({ rate }: Point): number => Math.abs(Math.log10(Number(rate)) + 3)
    const late: Point[] = []
    for (let seed = 0; seed < 5; seed++) {
      const tried: Point[] = []
      minimise(search('tpe', of, { points: 80, seed }), (point) => {
        tried.push(point)
        return point['kind'] === 'good' ? off(point) : 5
      })
      for (const { kind, rate } of tried) expect(rate !== undefined, String(kind)).toBe(kind === 'good')
      late.push(...tried.slice(60))
    }
    const good = late.filter(({ kind }) => kind === 'good')
    expect(good.length).toBeGreaterThan(0.9 * late.length)
    // By chance half of them would lie more than 1.25 powers of ten away.
    expect(median(good.map(off))).toBeLessThan(0.8)
  })

  it('points that failed draw others to them', () => {
    const values: number[] = []
    minimise(search('tpe', BRANIN, { points: 60 }), (point) => {
      values.push(number(point, 'x'))
      return number(point, 'x') > 2.5 ? NaN : branin(point)
    })
    expect(values.slice(20).filter((x) => x > 2.5).length).toBeLessThan(8)
  })
})

describe.each(['random', 'tpe', 'asha'] as const)('%s', (method) => {
  const mixed = space({ n: { min: 2, max: 5 }, rate: { min: 1e-4, max: 1, scale: 'log' } }, ['n'])

  it('gives other points for the same seed, or the same for another', () => {
    const values = (seed: number): number[] =>
      minimise(search(method, mixed, { points: 30, seed }), (point) => number(point, 'rate') * number(point, 'n'))
    expect(values(1)).toEqual(values(1))
    expect(values(1)).not.toEqual(values(2))
  })

  it('goes on with other points when it is asked in two parts', () => {
    const f = (point: Point): number => number(point, 'rate')
    const of = search(method, mixed, { points: 24, batch: 3 })
    const known: Observation[] = []
    for (let points = nextPoints(of, known); points.length > 0; points = nextPoints(of, known))
      known.push(...points.map((point) => ({ point, value: f(point) })))
    // Killed after 16: what was known is all that is needed.
    expect(nextPoints(of, known.slice(0, 16))[0]).toEqual(known[16]!.point)
  })

  it('leaves the range, or rounds to no whole number', () => {
    minimise(search(method, mixed, { points: 60 }), (point) => {
      const [n, rate] = [number(point, 'n'), number(point, 'rate')]
      expect([2, 3, 4, 5]).toContain(n)
      expect(rate).toBeGreaterThanOrEqual(1e-4)
      expect(rate).toBeLessThanOrEqual(1)
      return Math.abs(rate - 0.01) + n
    })
  })

  it('tries a point twice, or never ends where there are no others', () => {
    const few = space({ n: { min: 1, max: 3 }, kind: { values: ['a', 'b'] } }, ['n'])
    const values: string[] = []
    minimise(search(method, few, { points: 50 }), (point) => {
      values.push(JSON.stringify(point))
      return number(point, 'n')
    })
    expect(new Set(values).size).toBe(values.length)
    expect(values).toHaveLength(6)
  })
})

test('random values do not lie evenly, or not evenly in their logarithm', () => {
  const of = space({ u: { min: 2, max: 6 }, l: { min: 1e-4, max: 1, scale: 'log' } })
  const values: [number, number][] = []
  minimise(search('random', of, { points: 4_000 }), (point) => {
    values.push([(number(point, 'u') - 2) / 4, Math.log10(number(point, 'l')) / 4 + 1])
    return 0
  })
  for (const axis of [0, 1] as const) {
    const sorted = values.map((pair) => pair[axis]).sort((a, b) => a - b)
    // Kolmogorov's statistic: above 1.95 / √n in one case of a thousand.
    const gap = Math.max(...sorted.map((value, i) => Math.abs(value - (i + 0.5) / sorted.length)))
    expect(gap).toBeLessThan(1.95 / Math.sqrt(sorted.length))
  }
})

describe('grid', () => {
  it('misses a combination, or a range with steps', () => {
    const of = space({ a: { values: [1, 2] }, b: { min: 0.1, max: 0.3, step: 0.1 } })
    expect(grid(of, 100)).toEqual([1, 2].flatMap((a) => [0.1, 0.2, 0.3].map((b) => ({ a, b }))))
    expect(grid(of, 4)).toHaveLength(4)
  })

  it('tries what hangs on another choice beside the wrong one', () => {
    const of = space({
      warm: { values: [1, 2], when: { schedule: ['cosine', 'onecycle'] } },
      schedule: { values: ['none', 'cosine'] },
    })
    expect(grid(of, 100)).toEqual([
      { schedule: 'none' },
      { schedule: 'cosine', warm: 1 },
      { schedule: 'cosine', warm: 2 },
    ])
  })
})

test('conditions that go in a circle are not noticed', () => {
  expect(
    spaceOf({ a: { values: [1], when: { b: 1 } }, b: { values: [1], when: { a: 1 } } }, () => false),
  ).toBeUndefined()
})

test('a rounded value lies beyond the last step', () => {
  const [only] = space({ n: { min: 1, max: 10, step: 4 } })
  expect(only?.kind === 'range' && [0, 2.9, 3.1, 9, 99].map((drawn) => valueAt(only, drawn))).toEqual([1, 1, 5, 9, 9])
  expect([...valuesOf(only!)]).toEqual([1, 5, 9])
})

test.each([
  [0, 0.5],
  [1, 0.8413447461],
  [-1.96, 0.0249978951],
  [4, 0.9999683288],
])('Φ(%d) is off', (x, p) => expect(normalCdf(x)).toBeCloseTo(p, 6))

it('random tries every point of a small space, however unlucky its draws', () => {
  const small = space({ a: { min: 0, max: 9, step: 1 }, b: { min: 0, max: 9, step: 1 } })
  for (let seed = 0; seed < 20; seed++) {
    const points = nextPoints(search('random', small, { seed, points: 120 }), [])
    expect(new Set(points.map((point) => JSON.stringify(point))).size).toBe(100)
    expect(points).toHaveLength(100)
  }
})

it('a range of billions of steps is not listed to take four of them', () => {
  const vast = space({ steps: { min: 0, max: 5e9, step: 1 } })
  expect(grid(vast, 4)).toEqual([{ steps: 0 }, { steps: 1 }, { steps: 2 }, { steps: 3 }])
  expect(nextPoints(search('random', vast, { points: 3 }), [])).toHaveLength(3)
})

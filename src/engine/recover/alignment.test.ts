import { writeFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../data/dataFixture'
import { fillNormal, RandomStream } from '../loop/random'
import { pythonWith, runPython } from '../testing/python'
import { align } from './alignment'
import { centreColumns, matrix, product, svd, transpose, type Matrix64 } from './linearAlgebra'
import { measureRecovery } from './recovery'

function normal(rows: number, columns: number, seed: number): Matrix64 {
  const values = new Float32Array(rows * columns)
  fillNormal(values, 1, new RandomStream(seed, 'test'))
  return matrix(rows, columns, Float64Array.from(values))
}

function plus(a: Matrix64, b: Matrix64, times: number): Matrix64 {
  return matrix(
    a.rows,
    a.columns,
    a.values.map((value, i) => value + times * b.values[i]!),
  )
}

const nested = ({ rows, columns, values }: Matrix64): number[][] =>
  Array.from({ length: rows }, (_, r) => Array.from(values.subarray(r * columns, (r + 1) * columns)))

test('u diag(s) vᵀ is not the matrix, or its columns are not orthonormal', () => {
  const shape = fc.record({ rows: fc.integer({ min: 1, max: 12 }), columns: fc.integer({ min: 1, max: 12 }) })
  fc.assert(
    fc.property(shape, fc.nat(1e6), ({ rows, columns }, seed) => {
      const a = normal(rows, columns, seed)
      const { u, s, v } = svd(a)
      const scaled = matrix(
        u.rows,
        u.columns,
        u.values.map((value, i) => value * s[i % u.columns]!),
      )
      const back = product(scaled, transpose(v))
      back.values.forEach((value, i) => expect(value).toBeCloseTo(a.values[i]!, 10))
      const gram = product(transpose(u), u)
      gram.values.forEach((value, i) => expect(value).toBeCloseTo(i % (gram.columns + 1) === 0 ? 1 : 0, 10))
      for (let i = 1; i < s.length; i++) expect(s[i]!).toBeLessThanOrEqual(s[i - 1]!)
    }),
  )
})

describe('an alignment', () => {
  test('depends on the basis in which either side stands', () => {
    const truth = normal(80, 3, 1)
    const rotation = svd(normal(3, 3, 2)).u
    const exact = align(truth, product(truth, rotation))
    expect(exact.procrustes_r).toBeCloseTo(1, 10)
    expect(exact.mean_canonical).toBeCloseTo(1, 10)
    expect(Math.max(...exact.angles)).toBeLessThan(1e-6)
    expect(exact.cosine.lower).toBeCloseTo(1, 10)
    // A shear keeps the space and changes the vectors.
    const sheared = align(truth, product(truth, matrix(3, 3, Float64Array.of(1, 0, 0, 4, 1, 0, 0, 0, 0.1))))
    expect(sheared.mean_canonical).toBeCloseTo(1, 8)
    expect(sheared.procrustes_r).toBeLessThan(0.95)
  })

  test('is high between vectors that have nothing to do with each other', () => {
    const { mean_canonical, procrustes_r, angles } = align(normal(400, 3, 3), normal(400, 3, 4))
    expect(mean_canonical).toBeLessThan(0.2)
    expect(procrustes_r).toBeLessThan(0.2)
    expect(Math.min(...angles)).toBeGreaterThan(70)
  })

  test('fails where a side has no variance, fewer dimensions, or fewer users than dimensions', () => {
    const constant = align(normal(20, 2, 5), matrix(20, 2))
    expect(constant).toMatchObject({ canonical: [], angles: [], mean_canonical: 0, procrustes_r: 0 })
    expect(constant.cosine.median).toBe(0)
    expect(align(normal(30, 4, 6), normal(30, 2, 7)).angles).toHaveLength(2)
    expect(align(normal(2, 4, 8), normal(2, 4, 9)).canonical).toHaveLength(1)
  })

  const python = pythonWith('scipy', 'numpy')
  test.skipIf(python === undefined)('differs from SciPy and numpy', () => {
    const folder = temporaryFolder()
    const script = `
import json, sys, numpy as np
from scipy.linalg import subspace_angles
from scipy.spatial import procrustes
def compare(X, Y):
  x, y = X - X.mean(0), Y - Y.mean(0)
  qx, qy = np.linalg.qr(x)[0], np.linalg.qr(y)[0]
  a, b, disparity = procrustes(X, Y)
  cos = (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))
  return {
    'angles': sorted(np.degrees(subspace_angles(x, y)).tolist()),
    'canonical': np.linalg.svd(qx.T @ qy)[1].tolist(),
    'disparity': disparity,
    'r': float(np.corrcoef(a.ravel(), b.ravel())[0, 1]),
    'cosine': np.quantile(cos, [0.25, 0.5, 0.75]).tolist(),
  }
print(json.dumps([compare(np.array(X), np.array(Y)) for X, Y in json.load(open(sys.argv[1]))]))`
    const near = normal(60, 4, 10)
    const rotated = product(near, svd(normal(4, 4, 11)).u)
    // From nearly the same space, whose angles have lost their cosines' digits, to nothing in common.
    const others = [1e-9, 1e-3, 0.5, 30].map((noise) => plus(rotated, normal(60, 4, 12), noise))
    const file = path.join(folder, 'matrices.json')
    writeFileSync(file, JSON.stringify(others.map((other) => [nested(near), nested(other)])))
    const wanted = Object(runPython(python!, script, file))
    for (const [i, other] of others.entries()) {
      const { angles, canonical, disparity, procrustes_r, cosine } = align(near, other)
      angles.forEach((angle, j) => expect(Math.abs(angle / wanted[i].angles[j] - 1)).toBeLessThan(1e-5))
      canonical.forEach((value, j) => expect(value).toBeCloseTo(wanted[i].canonical[j], 10))
      expect(disparity).toBeCloseTo(wanted[i].disparity, 10)
      expect(procrustes_r).toBeCloseTo(wanted[i].r, 10)
      ;[cosine.lower, cosine.median, cosine.upper].forEach((value, j) =>
        expect(value).toBeCloseTo(wanted[i].cosine[j], 10),
      )
    }
  })
})

describe('measured recovery', () => {
  const users = normal(50, 3, 20)
  const probes = normal(64, 3, 21)
  const margins = product(users, transpose(probes))

  test('does not call the truth itself found, or a scale of the margins matters', () => {
    for (const scale of [1, 1e-3, 1e3]) {
      const model = matrix(
        50,
        64,
        margins.values.map((value) => scale * value),
      )
      const { agreement, own_r, common_r, variance_held, alignment } = measureRecovery({ model, users, probes }, 0)
      expect(agreement).toBe(1)
      for (const one of [own_r, common_r, variance_held, alignment.mean_canonical]) expect(one).toBeCloseTo(1, 8)
    }
  })

  test('calls a model found that knows the common taste alone', () => {
    const means = centreColumns(margins).values
    const model = matrix(
      50,
      64,
      // As float32, which leaves rounding in which any direction may stand.
      margins.values.map((value, i) => Math.fround(value - means[i]!)),
    )
    const { common_r, own_r, alignment } = measureRecovery({ model, users, probes }, 0)
    expect(common_r).toBeCloseTo(1, 8)
    expect(own_r).toBe(0)
    expect(alignment).toMatchObject({ canonical: [], mean_canonical: 0, procrustes_r: 0 })
  })

  test('counts a model that says nothing as right', () => {
    const { agreement } = measureRecovery({ model: matrix(50, 64), users, probes }, 0)
    expect(agreement).toBe(0)
  })
})

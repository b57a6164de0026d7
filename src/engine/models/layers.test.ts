import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { loadBackend } from '../backends/tfjs/loadBackend'
import { gelu, l1, l2Normalise } from './layers'
import { gelu as exactGelu } from './testing/float64'

describe.each(['wasm', 'cpu'] as const)('layers on %s', (backend) => {
  beforeAll(async () => {
    await loadBackend(backend)
  })

  it('gelu is the one by erf, not its tanh approximation', () => {
    const x = Array.from({ length: 161 }, (_, i) => (i - 80) / 20)
    const values = gelu(tf.tensor1d(x)).dataSync()
    for (const [i, at] of x.entries()) expect(Math.abs(values[i]! - exactGelu(at))).toBeLessThan(1e-6)
    // The approximation is 4.7e-4 off somewhere here.
    expect(values[120]).toBeCloseTo(1.954499736, 6)
  })

  it('l2Normalise leaves a zero row at zero, with a finite gradient', () => {
    const x = tf.tensor2d([
      [0, 0],
      [3, 4],
      [1e-13, 0],
    ])
    const values = [...l2Normalise(x).dataSync()]
    for (const [i, value] of [0, 0, 0.6, 0.8, 0.1, 0].entries()) expect(values[i]).toBeCloseTo(value, 6)
    const gradient = tf
      .grad((t) => tf.sum(tf.mul(l2Normalise(t), [1, 2])))(x)
      .dataSync()
    expect([...gradient].every(Number.isFinite)).toBe(true)
  })

  it('l1 has the gradient 0 at 0 and the sign elsewhere, however small the number', () => {
    const x = tf.tensor1d([-2, -1e-9, 0, 1e-9, 3])
    expect(l1(x, 0.5).dataSync()[0]).toBeCloseTo(2.5, 6)
    expect(
      [
        ...tf
          .grad((t) => l1(t, 0.5))(x)
          .dataSync(),
      ].map((v) => v + 0),
    ).toEqual([-0.5, -0.5, 0, 0.5, 0.5])
  })
})

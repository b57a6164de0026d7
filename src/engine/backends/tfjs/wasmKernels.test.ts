import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, expect, test } from 'vitest'
import { RandomStream } from '../../loop/random'
import { loadBackend } from './loadBackend'

beforeAll(async () => {
  expect(await loadBackend('wasm')).toMatchObject({ name: 'wasm' })
})

const stream = new RandomStream(1, 'test')
const values = (n: number): Float32Array => Float32Array.from({ length: n }, () => stream.uniform() - 0.5)

/** Sum over axes by brute force. */
function summed(x: Float32Array, shape: number[], axes: number[]): number[] {
  const kept = shape.map((_, i) => i).filter((i) => !axes.includes(i))
  const out = new Array<number>(kept.reduce((n, i) => n * shape[i]!, 1)).fill(0)
  x.forEach((value, flat) => {
    let rest = flat
    const at = shape.map(() => 0)
    for (let i = shape.length - 1; i >= 0; i--) {
      at[i] = rest % shape[i]!
      rest = Math.floor(rest / shape[i]!)
    }
    out[kept.reduce((index, i) => index * shape[i]! + at[i]!, 0)]! += value
  })
  return out
}

test.for<[number[], number[] | undefined]>([
  [[5], undefined],
  [[5], [0]],
  [[3, 4], [0]],
  [[3, 4], [1]],
  [[3, 4], [-1]],
  [[3, 4], undefined],
  [[2, 3, 4], [1]],
  [
    [2, 3, 4],
    [0, 1],
  ],
  [
    [2, 3, 4],
    [1, 2],
  ],
  [
    [2, 3, 4],
    [2, 1],
  ],
  [
    [2, 3, 4],
    [0, 2],
  ],
  [[2, 3, 4], []],
  [[0, 4], [0]],
  [[4, 0], [1]],
  [[1], undefined],
])('the sum of %o over axes %o is wrong', ([shape, axes]) => {
  const x = values(shape.reduce((a, b) => a * b, 1))
  const positive = (axes ?? shape.map((_, i) => i)).map((axis) => (axis < 0 ? axis + shape.length : axis))
  for (const keepDims of [false, true]) {
    const sum = tf.tidy(() => tf.sum(tf.tensor(x, shape), axes, keepDims))
    const expected = summed(x, shape, positive)
    expect(sum.shape).toEqual(
      keepDims ? shape.map((n, i) => (positive.includes(i) ? 1 : n)) : shape.filter((_, i) => !positive.includes(i)),
    )
    ;[...sum.dataSync()].forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6))
    sum.dispose()
  }
})

test('a scalar cannot be summed', () => {
  expect(tf.sum(tf.scalar(3)).dataSync()[0]).toBe(3)
})

test('whole numbers are summed as floats', () => {
  const sum = tf.sum(tf.tensor1d([2 ** 24, 1, 1], 'int32'))
  expect([sum.dtype, sum.dataSync()[0]]).toEqual(['int32', 2 ** 24 + 2])
})

test('what nearly cancels is lost in single precision', () => {
  const x = new Float32Array(4096).fill(1e-4)
  x[0] = 3e4
  x[4095] = -3e4
  expect(tf.sum(tf.tensor1d(x)).dataSync()[0]).toBeCloseTo(4094 * Math.fround(1e-4), 6)
})

test('the gradient of gather misses rows that are gathered twice, or not at all', () => {
  const table = tf.tensor2d(values(12), [4, 3])
  const rows = tf.tensor1d([2, 0, 2, 2], 'int32')
  const weights = values(12)
  const gradient = tf.tidy(() =>
    tf.grad((x: tf.Tensor) => tf.sum(tf.mul(tf.gather(x, rows), tf.tensor2d(weights, [4, 3]))))(table),
  )
  const expected = new Float64Array(12)
  ;[2, 0, 2, 2].forEach((row, i) => {
    for (let k = 0; k < 3; k++) expected[row * 3 + k]! += weights[i * 3 + k]!
  })
  ;[...gradient.dataSync()].forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6))
})

test('segments outside the table are written into its neighbours', () => {
  const sums = tf.unsortedSegmentSum(tf.tensor1d([1, 2, 4, 8]), tf.tensor1d([0, -1, 5, 1], 'int32'), 2)
  expect([...sums.dataSync()]).toEqual([1, 8])
})

test('starting WebAssembly leaves handlers behind that end the process', () => {
  const foreign = process.listeners('unhandledRejection').filter((listener) => /abort|throw/.test(String(listener)))
  expect(foreign.filter((listener) => !String(listener).includes('vitest'))).toEqual([])
})

test('the second call of a process starts another backend, or cpu is never taken', async () => {
  expect(await loadBackend('auto')).toMatchObject({ name: 'wasm' })
  expect(await loadBackend('cpu')).toMatchObject({ name: 'cpu', threads: 1 })
  expect(tf.getBackend()).toBe('cpu')
  expect(await loadBackend('wasm')).toMatchObject({ name: 'wasm' })
  expect(tf.getBackend()).toBe('wasm')
})

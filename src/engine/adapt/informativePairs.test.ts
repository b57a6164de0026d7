import { expect, test } from 'vitest'
import { informativePairs } from './informativePairs'

/** Pairs with these gradients, all with the same margin. */
const of = (gradients: number[][], z: number[] = gradients.map(() => 0)) => ({
  width: gradients[0]!.length,
  z: Float32Array.from(z),
  gradients: Float32Array.from(gradients.flat()),
})

test('a pair is asked that says again what another has said, or whose answer is known beforehand', async () => {
  const told = of([
    [3, 0],
    [1.2, 0.1],
    [0, 1],
  ])
  expect(await informativePairs(told, [], [0, 1, 2], 2)).toEqual([0, 2])
  // What is known counts as said.
  expect(await informativePairs(told, [0], [1, 2], 1)).toEqual([2])
  expect(await informativePairs(of([[3], [2]], [12, 0]), [], [0, 1], 2)).toEqual([1, 0])
  expect(await informativePairs(told, [], [1], 5)).toEqual([1])
})

test('the greedy choice is another than that by the determinant of the information, computed whole', async () => {
  const pairs = Array.from({ length: 9 }, (_, i) => [Math.sin(7 * i + 1), Math.cos(5 * i), Math.sin(3 * i * i + 2)])
  const z = pairs.map((_, i) => Math.sin(11 * i))
  const determinant = (chosen: readonly number[]): number => {
    const a = [0, 1, 2].map((row) => [0, 1, 2].map((column) => Number(row === column)))
    for (const i of chosen) {
      const p = 1 / (1 + Math.exp(-z[i]!))
      for (const r of [0, 1, 2]) for (const c of [0, 1, 2]) a[r]![c]! += p * (1 - p) * pairs[i]![r]! * pairs[i]![c]!
    }
    const minor = (r: number, c: number): number => a[1]![r]! * a[2]![c]! - a[1]![c]! * a[2]![r]!
    return a[0]![0]! * minor(1, 2) - a[0]![1]! * minor(0, 2) + a[0]![2]! * minor(0, 1)
  }
  const expected: number[] = []
  for (let step = 0; step < 4; step++) {
    const left = pairs.map((_, i) => i).filter((i) => !expected.includes(i))
    expected.push(
      left.reduce((best, i) => (determinant([...expected, i]) > determinant([...expected, best]) ? i : best)),
    )
  }
  const all = pairs.map((_, i) => i)
  expect(await informativePairs(of(pairs, z), [], all, 4)).toEqual(expected)
})

test('whoever no longer wants a choice among many waits for its end', async () => {
  const many = Array.from({ length: 4_000 }, (_, i) => Array.from({ length: 40 }, (__, k) => Math.sin(i * (k + 1))))
  const all = many.map((_, i) => i)
  let paused = 0
  const choice = informativePairs(of(many), [], all, all.length, () => {
    paused++
    return Promise.reject(new Error('no more'))
  })
  await expect(choice).rejects.toThrow('no more')
  expect(paused).toBe(1)
})

import { expect, test } from 'vitest'
import { loess } from './loess'

test('a local fit differs from a weighted least squares of NumPy', () => {
  const x = [0, 0.5, 1, 2, 2, 3, 4.5, 5, 7, 10]
  const y = [1, 0.2, 3, 2, 5, 4, 2, 8, 3, 9]
  const expected = [0.5571259357405661, 3.39327535500758, 3.6985741914361703, 8.133035995981846]
  for (const [i, value] of loess(x, y, [0, 2, 3.3, 10], 0.6).entries()) expect(value).toBeCloseTo(expected[i] ?? NaN, 9)
})

test('a line is bent, or points at one place make no value', () => {
  const x = Array.from({ length: 30 }, (_, i) => i)
  const line = loess(
    x,
    x.map((one) => 3 * one - 7),
    [0, 4.2, 29],
  )
  for (const [i, value] of [-7, 5.6, 80].entries()) expect(line[i]).toBeCloseTo(value, 9)
  expect(loess([1, 1, 1], [2, 3, 4], [1, 2])).toEqual([3, 3])
})

test('points at equal places end the search for the nearest ones too early', () => {
  const x = [4, 4, 4, 4, 1, 1, 1, 2, 3, 4, 2, 1]
  const y = [...x.keys()]
  // Of twelve points the three nearest to 6 stand at 4, all of them equally far.
  expect(loess(x, y, [6], 0.25)).toEqual([(0 + 1 + 2 + 3 + 9) / 5])
})

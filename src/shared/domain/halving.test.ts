import { expect, test } from 'vitest'
import { promoted, rungsOf } from './halving'

const least = { direction: 'minimize', reduction: 3 } as const

test('rungs are not min · reduction^k, or the last epoch is one', () => {
  // Li et al. (MLSys 2020), table 1 of the algorithm's example: r = 1, R = 9, η = 3.
  expect(rungsOf(1, 3, 9)).toEqual([1, 3])
  expect(rungsOf(1, 4, 100)).toEqual([1, 4, 16, 64])
  expect(rungsOf(5, 2, 5)).toEqual([])
})

test('successive halving keeps another third', () => {
  const losses = [0.9, 0.1, 0.5, 0.3, 0.8, 0.2, 0.7, 0.4, 0.6]
  expect(promoted(losses, [], least).flatMap((goes, i) => (goes ? [losses[i]] : []))).toEqual([0.1, 0.3, 0.2])
  expect(
    promoted(losses, [], { ...least, direction: 'maximize' }).flatMap((goes, i) => (goes ? [losses[i]] : [])),
  ).toEqual([0.9, 0.8, 0.7])
})

test('who was at the rung before does not count', () => {
  expect(promoted([0.5], [0.1, 0.2], least)).toEqual([false])
  expect(promoted([0.05], [0.1, 0.2], least)).toEqual([true])
  expect(promoted([0.15], [0.1, 0.2, 0.3, 0.4, 0.5], least)).toEqual([true])
})

test('a lone run ends, ties take all, or NaN goes on', () => {
  expect(promoted([0.5], [], least)).toEqual([true])
  expect(promoted([0.5, 0.5, 0.5], [], least)).toEqual([true, false, false])
  expect(promoted([NaN, NaN, NaN], [], least)).toEqual([false, false, false])
  expect(promoted([NaN, 0.7, NaN], [], least)).toEqual([false, true, false])
})

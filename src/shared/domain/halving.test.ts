import { expect, test } from 'vitest'
import { HALVED, RungFigures, promoted, rungsOf } from './halving'

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

test('runs that come to a rung one by one are judged by others than those that were there before them', () => {
  const figures = new RungFigures({ ...least, metric: 'val_loss', rungs: [{ epochs: 3, earlier: [0.5] }] })
  const goOn = (...values: number[]): boolean[] => figures.judge(3, values).map((reason) => reason === undefined)
  expect(goOn(0.6)).toEqual([false])
  // Of three, one goes on, and of six two: those that were ended stay ended.
  expect(goOn(0.4)).toEqual([true])
  expect(goOn(0.45, 0.39, 0.7)).toEqual([false, true, false])
  expect(figures.judge(3, [0.8])[0]).toBe(`${HALVED} after 3 epochs: val_loss 0.8000 is not among the best 1/3 of 7`)
  // One whose figure is there already is not counted twice.
  expect(figures.judgeAgain(3, 0.4)).toBeUndefined()
  expect(figures.judgeAgain(3, 0.8)).toContain('of 7')
})

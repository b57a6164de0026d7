import { expect, test } from 'vitest'
import { logged, meanFigures, softplusOfMinus, stepFigures, withLift } from './figures'

test.for([
  [0, Math.LN2],
  [1, Math.log(1 + Math.exp(-1))],
  [-1, Math.log(1 + Math.exp(1))],
  [40, Math.exp(-40)],
  [700, Math.exp(-700)],
  [1000, 0],
  [-1000, 1000],
  [-1e30, 1e30],
  [1e30, 0],
  [Infinity, 0],
  [-Infinity, Infinity],
])('softplus(−%d) overflows or loses its small values', ([z, expected]) => {
  const loss = softplusOfMinus(z!)
  expect(loss === expected || Math.abs(loss / expected! - 1) < 1e-14, `${loss} for ${expected}`).toBe(true)
})

test('softplus hides a NaN', () => expect(softplusOfMinus(NaN)).toBeNaN())

const evaluation = (deltaMargin: number[], rewardMargin: number[] = deltaMargin.map(() => 0)) => ({
  deltaMargin: Float32Array.from(deltaMargin),
  rewardMargin: Float32Array.from(rewardMargin),
  reg_loss: 0.25,
  terms: { kl: 0.5, reconstruction: 2 },
})

test('a tie counts as right, or the reward margin is left out of z', () => {
  const figures = stepFigures(evaluation([1, -1, 0, 2], [0, 3, 0, -2]))
  expect(figures).toMatchObject({ rows: 4, acc: 2 / 4, acc_r_star: 1 / 4, acc_delta: 2 / 4, reg_loss: 0.25 })
  const bt = (Math.log1p(Math.exp(-1)) + Math.log1p(Math.exp(-2)) + 2 * Math.LN2) / 4
  expect(figures.bt_loss).toBeCloseTo(bt, 12)
  expect(figures.loss).toBeCloseTo(bt + 0.25 + 2.5, 12)
})

test('the loss of many pairs is summed in single precision', () => {
  const n = 3_000_000
  const { bt_loss } = stepFigures({
    ...evaluation([]),
    deltaMargin: new Float32Array(n),
    rewardMargin: new Float32Array(n),
  })
  expect(Math.abs(bt_loss - Math.LN2)).toBeLessThan(1e-10)
})

test('a short last batch weighs as much as a full one', () => {
  const mean = meanFigures([stepFigures(evaluation([1, 1, 1])), stepFigures(evaluation([-1]))])
  const whole = stepFigures(evaluation([1, 1, 1, -1]))
  for (const [name, value] of Object.entries(mean))
    if (typeof value === 'number') expect(value).toBeCloseTo(Number(Reflect.get(whole, name)), 12)
  expect(mean.terms).toEqual({ kl: 0.5, reconstruction: 2 })
})

test('figures are logged under other names than the reference', () => {
  const names = Object.keys(logged('test_unseen', stepFigures(evaluation([1]))))
  expect(names).toEqual([
    'test_unseen_loss',
    'test_unseen_bt_loss',
    'test_unseen_reg_loss',
    'test_unseen_acc',
    'test_unseen_acc_r_star',
    'test_unseen_acc_delta',
    'test_unseen_kl',
    'test_unseen_reconstruction',
  ])
})

test('the lift is not acc − acc_r_star of its own split', () => {
  const figures = { test_acc: 0.75, test_acc_r_star: 0.5, test_unseen_acc: 0.25, test_unseen_acc_r_star: 0.5, lr: 1 }
  expect(withLift(figures)).toEqual({ ...figures, test_lift: 0.25, test_unseen_lift: -0.25 })
})

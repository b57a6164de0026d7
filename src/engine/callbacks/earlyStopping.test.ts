import { expect, test } from 'vitest'
import { EarlyStopping } from './earlyStopping'

const stopsAt = (patience: number, losses: number[]): number => {
  const stopping = new EarlyStopping(patience)
  return losses.findIndex((loss) => stopping.onEpochEnd({ val: { loss } }) === 'stop')
}

test.for<[number, number[], number]>([
  [1, [3, 2, 2, 1], 2],
  [2, [3, 2, 2.5, 1.9, 2, 2], 5],
  [2, [3, 4, 5, 6], 2],
  [3, [3, 4, 5, 2.999, 4], -1],
  [1e9, [1, 2, 3, 4], -1],
  [1, [1, NaN], 1],
  [1, [2, 2 - 1e-12, 2 - 2e-12], -1],
])('patience %d stops %o at another epoch than Lightning', ([patience, losses, epoch]) => {
  expect(stopsAt(patience, losses)).toBe(epoch)
})

test('epochs without validation count against patience', () => {
  const stopping = new EarlyStopping(1)
  expect([stopping.onEpochEnd({}), stopping.onEpochEnd({}), stopping.exhausted]).toEqual([undefined, undefined, false])
  expect(stopping.reason).toBeUndefined()
})

test('the reason is missing, or speaks of "1 epochs"', () => {
  const stopping = new EarlyStopping(1)
  for (const loss of [1, 2]) stopping.onEpochEnd({ val: { loss } })
  expect(stopping.reason).toBe('val_loss did not fall for 1 epoch')
})

test('a resumed run waits longer than one that was never stopped', () => {
  const first = new EarlyStopping(3)
  for (const loss of [1, 2, 2]) first.onEpochEnd({ val: { loss } })
  const second = new EarlyStopping(3, JSON.parse(JSON.stringify(first.state)))
  expect(second.onEpochEnd({ val: { loss: 2 } })).toBe('stop')
})

import { expect, test } from 'vitest'
import { keyZoom } from './keyZoom'

test('a key leads beyond the axis, past what can be told apart, or anywhere from a whole that is shown', () => {
  const whole = [0, 100] as const
  expect(keyZoom('+', [0, 100], whole, false)).toEqual([50 - 100 / 3, 50 + 100 / 3].map((x) => expect.closeTo(x, 9)))
  expect(keyZoom('-', [40, 60], whole, false)).toEqual([35, 65])
  expect(keyZoom('-', [10, 90], whole, false)).toEqual(whole)
  expect(keyZoom('ArrowRight', [10, 20], whole, false)).toEqual([12, 22])
  expect(keyZoom('ArrowRight', [89, 99], whole, false)).toEqual([90, 100])
  expect(keyZoom('ArrowLeft', [1, 11], whole, false)).toEqual([0, 10])
  expect(keyZoom('ArrowLeft', whole, whole, false)).toEqual(whole)
  expect(keyZoom('0', [3, 4], whole, false)).toEqual(whole)
  expect(keyZoom('-', [0, 6], whole, false)).toEqual([0, 9])
  let shown: readonly [number, number] = whole
  for (let pressed = 0; pressed < 50; pressed++) shown = keyZoom('+', shown, whole, false) ?? shown
  expect(shown[1] - shown[0]).toBeCloseTo(0.1, 9)
  expect(keyZoom('x', whole, whole, false)).toBeUndefined()
})

test('on a logarithmic axis a step to the right is larger than one to the left', () => {
  expect(keyZoom('ArrowRight', [1, 100], [1, 10_000], true)).toEqual([
    expect.closeTo(100 ** 0.2, 9),
    expect.closeTo(100 ** 1.2, 6),
  ])
  expect(keyZoom('-', [10, 100], [1, 1_000], true)).toEqual([
    expect.closeTo(10 ** 0.75, 9),
    expect.closeTo(10 ** 2.25, 6),
  ])
})

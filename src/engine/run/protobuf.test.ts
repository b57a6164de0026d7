import { expect, test } from 'vitest'
import { bytes, double, float, integer, text } from './protobuf'

test.for<[number, number[]]>([
  [0, [0]],
  [127, [0x7f]],
  [128, [0x80, 1]],
  [300, [0xac, 2]],
  [2 ** 32, [0x80, 0x80, 0x80, 0x80, 0x10]],
  [Number.MAX_SAFE_INTEGER, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]],
  [-1, [...Array<number>(9).fill(0xff), 1]],
])('the varint of %d is wrong', ([value, encoded]) => {
  expect([...integer(2, value)]).toEqual([0x10, ...encoded])
})

test('a field has the wrong wire type or byte order', () => {
  expect([...text(1, 'é')]).toEqual([0x0a, 2, 0xc3, 0xa9])
  expect([...bytes(9, Uint8Array.of(1))]).toEqual([0x4a, 1, 1])
  expect([...double(1, 1)]).toEqual([0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f])
  expect([...float(2, 1)]).toEqual([0x15, 0, 0, 0x80, 0x3f])
})

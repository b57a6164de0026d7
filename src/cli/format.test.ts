import { expect, test } from 'vitest'
import { formatDuration, formatFigure, formatTable } from './format'

test.for<[number, string]>([
  [0, '0.0 s'],
  [0.44, '0.4 s'],
  [9.94, '9.9 s'],
  [9.97, '10 s'],
  [59.4, '59 s'],
  [59.7, '1 min 00 s'],
  [185, '3 min 05 s'],
  [239.8, '4 min 00 s'],
  [3599.7, '1 h 00 min'],
  [7800, '2 h 10 min'],
  [7199, '2 h 00 min'],
  [Infinity, '?'],
  [NaN, '?'],
])('%d seconds read as "60 s" or worse', ([seconds, text]) => expect(formatDuration(seconds)).toBe(text))

test.for<[number, string]>([
  [0, '0.0000'],
  [0.69316, '0.6932'],
  [0.0012, '0.0012'],
  [-0.25, '−0.2500'],
  [-0.00012345, '−0.0001234'],
  [1e-7, '1.000e-7'],
  [123456.7, '123456.7000'],
  [7.734630901250347e29, '7.735e+29'],
  [NaN, 'NaN'],
  [Infinity, 'Infinity'],
])('%d takes the width of the table, becomes 0 or has a hyphen for its sign', ([value, text]) =>
  expect(formatFigure(value)).toBe(text),
)

test('numbers, or signed ones alone, stand left, or a wide cell shifts its row', () => {
  expect(
    formatTable(
      ['run', 'acc'],
      [
        ['a', '1.5'],
        ['long name', '12.25'],
      ],
    ),
  ).toEqual(['run          acc', 'a            1.5', 'long name  12.25'])
  expect(formatTable(['lift'], [['−1.50'], ['+12.25']])).toEqual(['  lift', ' −1.50', '+12.25'])
  expect(formatTable(['run'], [])).toEqual(['run'])
  expect(
    formatTable(
      ['n'],
      Array.from({ length: 200_000 }, () => ['1']),
    ),
  ).toHaveLength(200_001)
})

import { expect, test } from 'vitest'
import { calibration } from '../evaluate/calibration'
import { orderedPairs, sortRows } from './pairOrder'

const z = Float32Array.from({ length: 47 }, (_, i) => 3 * Math.sin(i * i + 1) + 0.4)
const topic = { column: 'topic', values: ['a', 'b'], of: Int32Array.from(z, (_, i) => (i % 3 === 0 ? -1 : i % 2)) }

test('a bin opens other pairs than those that it counts', () => {
  const { bins } = calibration(z)
  const seen = new Set<number>()
  for (const [bin, { pairs, accuracy, from, to }] of bins.entries()) {
    const found = orderedPairs(z, [], { by: 'bin', bin }, 'mistakes')
    expect(found.rows).toHaveLength(pairs)
    expect(found.right / pairs).toBeCloseTo(accuracy, 12)
    expect(found.confidence![0]).toBeCloseTo(from, 12)
    expect(found.confidence![1]).toBeCloseTo(to, 12)
    for (const row of found.rows) seen.add(row)
  }
  expect(seen.size).toBe(z.length)
  expect(() => orderedPairs(z, [], { by: 'bin', bin: bins.length }, 'data')).toThrow(/15 bins/)
})

test('a slice holds pairs of another value, or of none; an order is another than it says', () => {
  const b = { by: 'slice', column: 'topic', value: 'b' } as const
  const rows = [...orderedPairs(z, [topic], b, 'data').rows]
  expect(rows).toEqual([...z.keys()].filter((i) => i % 3 !== 0 && i % 2 === 1))
  expect([...orderedPairs(z, [topic], b, 'mistakes').rows].map((row) => z[row]!)).toEqual(
    rows.map((row) => z[row]!).sort((a, c) => a - c),
  )
  const unsure = [...orderedPairs(z, [topic], null, 'unsure').rows].map((row) => Math.abs(z[row]!))
  expect(unsure).toEqual(unsure.toSorted((a, c) => a - c))
  expect(() => orderedPairs(z, [topic], { ...b, value: 'c' }, 'data')).toThrow(/No pairs have topic "c"/)
  expect(orderedPairs(new Float32Array(), [], null, 'mistakes')).toEqual({
    rows: new Int32Array(),
    right: 0,
    confidence: null,
  })
})

test('rows of a million stand in another order than a comparison puts them in, equal and tiny values, zeros of both signs', () => {
  const values = Float32Array.from({ length: 3_000 }, (_, i) =>
    i % 7 === 0
      ? i % 2
        ? -0
        : 0
      : i % 5 === 0
        ? 1.5
        : Math.fround((Math.sin(i * i) - 0.2) * 10 ** ((i % 9) - 44 * Number(i % 11 === 0))),
  )
  const rows = Int32Array.from(values.keys())
    .filter((row) => row % 3 !== 1)
    .reverse()
  const expected = rows.toSorted((a, b) => values[a]! - values[b]! || a - b)
  sortRows(rows, values)
  expect(rows).toEqual(expected)
})

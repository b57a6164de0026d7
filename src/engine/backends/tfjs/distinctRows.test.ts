import fc from 'fast-check'
import { expect, test } from 'vitest'
import { distinctRows } from './distinctRows'

test('a position leads to another row, or a row is gathered twice', () => {
  const columns = fc
    .integer({ min: 1, max: 60 })
    .chain((rows) =>
      fc.tuple(
        fc.constant(rows),
        fc.array(fc.array(fc.nat(rows - 1), { maxLength: 20 }), { minLength: 1, maxLength: 3 }),
      ),
    )
  fc.assert(
    fc.property(columns, ([tableRows, given]) => {
      const { rows, positions } = distinctRows(
        tableRows,
        given.map((column) => Int32Array.from(column)),
      )
      positions.forEach((column, c) =>
        expect([...column].map((at) => (rows === null ? at : rows[at]))).toEqual(given[c]),
      )
      const touched = new Set(given.flat()).size
      if (rows) expect(rows).toHaveLength(touched)
      else expect(2 * touched).toBeGreaterThanOrEqual(tableRows)
    }),
  )
})

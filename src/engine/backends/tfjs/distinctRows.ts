/**
 * The distinct rows that several index columns touch, and each column rewritten as positions among them.
 * `rows` is null when most of the table is touched: then the whole table serves as it is, uncopied, unless the rows are `always` wanted.
 */
export function distinctRows(
  tableRows: number,
  columns: readonly Int32Array[],
  always = false,
): { rows: Int32Array | null; positions: Int32Array[] } {
  const position = new Int32Array(tableRows).fill(-1)
  let distinct = 0
  for (const column of columns) for (const row of column) if (position[row] === -1) position[row] = distinct++
  if (!always && 2 * distinct >= tableRows) return { rows: null, positions: [...columns] }
  const rows = new Int32Array(distinct)
  position.forEach((at, row) => {
    if (at >= 0) rows[at] = row
  })
  return { rows, positions: columns.map((column) => column.map((row) => position[row]!)) }
}

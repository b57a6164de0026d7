/**
 * The assignment of rows to columns, each at most once and as many as there are of the fewer, whose costs add up to the least: the Hungarian
 * method by shortest augmenting paths (Kuhn 1955; Jonker and Volgenant 1987), O(rows² · columns) for rows ≤ columns.
 *
 * @param costs [rows][columns], all finite
 * @returns [row, column] by row
 */
export function leastCostAssignment(costs: readonly (readonly number[])[]): [number, number][] {
  const rows = costs.length
  const columns = costs[0]?.length ?? 0
  if (rows === 0 || columns === 0) return []
  if (rows > columns) {
    const turned = Array.from({ length: columns }, (_, column) => costs.map((row) => row[column]!))
    return leastCostAssignment(turned)
      .map(([column, row]): [number, number] => [row, column])
      .sort(([a], [b]) => a - b)
  }
  // Potentials of rows and columns; places count from 1, and 0 stands for none.
  const ofRow = new Float64Array(rows + 1)
  const ofColumn = new Float64Array(columns + 1)
  const rowOf = new Int32Array(columns + 1)
  const before = new Int32Array(columns + 1)
  for (let row = 1; row <= rows; row++) {
    rowOf[0] = row
    let at = 0
    const least = new Float64Array(columns + 1).fill(Infinity)
    const seen = new Uint8Array(columns + 1)
    do {
      seen[at] = 1
      const own = rowOf[at]!
      let step = Infinity
      let next = 0
      for (let column = 1; column <= columns; column++) {
        if (seen[column]) continue
        const reduced = costs[own - 1]![column - 1]! - ofRow[own]! - ofColumn[column]!
        if (reduced < least[column]!) {
          least[column] = reduced
          before[column] = at
        }
        if (least[column]! < step) {
          step = least[column]!
          next = column
        }
      }
      for (let column = 0; column <= columns; column++) {
        if (seen[column]) {
          ofRow[rowOf[column]!]! += step
          ofColumn[column]! -= step
        } else least[column]! -= step
      }
      at = next
    } while (rowOf[at] !== 0)
    while (at !== 0) {
      rowOf[at] = rowOf[before[at]!]!
      at = before[at]!
    }
  }
  return Array.from(rowOf.keys())
    .slice(1)
    .flatMap((column): [number, number][] => (rowOf[column]! > 0 ? [[rowOf[column]! - 1, column - 1]] : []))
    .sort(([a], [b]) => a - b)
}

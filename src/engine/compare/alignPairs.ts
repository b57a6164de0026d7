import type { Predictions } from './readPredictions'

type Keys = Pick<Predictions, 'users' | 'ids'>

/**
 * The pairs that all tables have, by user and id. An id that a user has several times means the same pairs in the same order, if every
 * table has it as often; else none of them can be told apart, and all are left out.
 *
 * @returns for each table the rows of these pairs, in the order of the first table
 */
export function alignPairs(tables: readonly Keys[]): Int32Array[] {
  const [first, ...others] = tables
  if (!first) return []
  const indexed = others.map(rowsByKey)
  const rows: number[][] = tables.map(() => [])
  for (const [key, own] of rowsByKey(first)) {
    const found = indexed.map((table) => table.get(key))
    if (!found.every((other) => other?.length === own.length)) continue
    rows[0]!.push(...own)
    for (const [at, other] of found.entries()) rows[at + 1]!.push(...(other ?? []))
  }
  return rows.map((one) => Int32Array.from(one))
}

function rowsByKey({ users, ids }: Keys): Map<string, number[]> {
  const found = new Map<string, number[]>()
  for (const [row, user] of users.entries()) {
    const key = JSON.stringify([user, ids[row]])
    const known = found.get(key)
    if (known) known.push(row)
    else found.set(key, [row])
  }
  return found
}

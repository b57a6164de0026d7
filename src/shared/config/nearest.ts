/** Edit distance with adjacent transpositions (optimal string alignment): `sheduler` and `shceduler` are both one or two away. */
function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => {
    const row = new Array<number>(b.length + 1).fill(0)
    row[0] = i
    return row
  })
  for (let j = 0; j <= b.length; j++) rows[0]![j] = j
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, rows[i - 1]![j - 1]! + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, rows[i - 2]![j - 2]! + 1)
      rows[i]![j] = best
    }
  }
  return rows[a.length]![b.length]!
}

/** No known name is longer: a whole paragraph in a key's place must not cost a quadratic comparison. */
const LONGEST_NAME = 100

/**
 * The known name that a mistyped one most likely meant, or `undefined` when none is close (more than 40 % of its
 * letters differ) so that an error never suggests nonsense.
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > LONGEST_NAME) return undefined
  const normal = (text: string): string => text.toLowerCase().replaceAll('-', '_')
  let best: { name: string; distance: number } | undefined
  for (const candidate of known) {
    const d = distance(normal(name), normal(candidate))
    if (!best || d < best.distance) best = { name: candidate, distance: d }
  }
  if (!best) return undefined
  return best.distance <= Math.max(1, Math.floor(Math.max(name.length, best.name.length) * 0.4)) ? best.name : undefined
}

/** ` Did you mean "batch_size"?` or `` . */
export function didYouMean(name: string, known: readonly string[]): string {
  const hit = nearest(name, known)
  return hit === undefined ? '' : ` Did you mean "${hit}"?`
}

import { DEV, TEST, TRAIN } from './assign'

/**
 * Cuts rows by time: the latest are test, those before them dev, the rest train. Rows of one time stay together, so
 * that no split holds a row as early as one of an earlier split.
 *
 * @param times [pairs]; NaN for rows that are not to be dealt
 * @param owners [pairs] cuts within each owner's rows by themselves; an owner with few rows has only train
 * @param wanted rows of train, dev and test over all
 * @param into [pairs] takes the splits
 */
export function cutByTime(
  times: Float64Array,
  owners: Int32Array | null,
  wanted: readonly [number, number, number],
  into: Int8Array,
): void {
  const total = wanted.reduce((a, b) => a + b, 0)
  const rowsOf = new Map<number, number[]>()
  times.forEach((time, row) => {
    if (Number.isNaN(time)) return
    const owner = owners ? owners[row]! : 0
    const own = rowsOf.get(owner)
    if (own) own.push(row)
    else rowsOf.set(owner, [row])
  })
  for (const own of rowsOf.values()) {
    own.sort((a, b) => times[a]! - times[b]! || a - b)
    const share = own.length / total
    const test = startOfLast(own, own.length, Math.round(wanted[TEST] * share), times)
    const dev = startOfLast(own, test, Math.round(wanted[DEV] * share), times)
    own.forEach((row, at) => (into[row] = at >= test ? TEST : at >= dev ? DEV : TRAIN))
  }
}

/** Where the last `rows` of the first `end` begin, moved to the nearest change of time; at least one row stays before. */
function startOfLast(own: readonly number[], end: number, rows: number, times: Float64Array): number {
  if (rows === 0 || end < 2) return end
  const isChange = (at: number): boolean => at === end || times[own[at]!] !== times[own[at - 1]!]
  const target = Math.max(1, end - rows)
  for (let distance = 0; distance < end; distance++) {
    if (target + distance <= end && target + distance > 0 && isChange(target + distance)) return target + distance
    if (target - distance > 0 && isChange(target - distance)) return target - distance
  }
  return end
}

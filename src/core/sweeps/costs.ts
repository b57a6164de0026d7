/** When something was trained: milliseconds since the Unix epoch. */
export interface Stretch {
  from: number
  to: number
}

/**
 * What each of several stretches costs of the time in which they go on: of every moment, each that goes on then has an equal share. The
 * shares add up to the time in which any of them goes on.
 *
 * @returns milliseconds, in the order given
 */
export function sharesOf(stretches: readonly Stretch[]): number[] {
  const moments = [...new Set(stretches.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b)
  const change = new Map<number, number>(moments.map((moment) => [moment, 0]))
  for (const { from, to } of stretches) {
    if (to <= from) continue
    change.set(from, change.get(from)! + 1)
    change.set(to, change.get(to)! - 1)
  }
  /** Up to each moment, what one stretch that went on from the first moment would have had. */
  const share = new Map<number, number>()
  let [going, sum, last] = [0, 0, moments[0] ?? 0]
  for (const moment of moments) {
    if (going > 0) sum += (moment - last) / going
    share.set(moment, sum)
    going += change.get(moment)!
    last = moment
  }
  return stretches.map(({ from, to }) => (to <= from ? 0 : share.get(to)! - share.get(from)!))
}

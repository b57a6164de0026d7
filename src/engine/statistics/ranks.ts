import { radixOrder } from './radixOrder'

/** Ranks from 1 on; equal values share the mean of theirs. */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = Int32Array.from({ length: values.length }, (_, at) => at).sort((a, b) => values[a]! - values[b]!)
  const out = new Float64Array(values.length)
  for (let from = 0; from < order.length;) {
    let to = from + 1
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++
    for (let at = from; at < to; at++) out[order[at]!] = (from + to + 1) / 2
    from = to
  }
  return out
}

/** Spearman's ρ: Pearson's correlation of the ranks. NaN where one side is constant or fewer than two values are given. */
export function spearman(x: ArrayLike<number>, y: ArrayLike<number>): number {
  return pearson(ranks(x), ranks(y))
}

/** Pearson's r. NaN where one side is constant or fewer than two values are given. */
export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const meanX = mean(x)
  const meanY = mean(y)
  let xx = 0
  let yy = 0
  let xy = 0
  for (let at = 0; at < x.length; at++) {
    const dx = x[at]! - meanX
    const dy = y[at]! - meanY
    xx += dx * dx
    yy += dy * dy
    xy += dx * dy
  }
  return xx === 0 || yy === 0 ? NaN : Math.max(-1, Math.min(1, xy / Math.sqrt(xx * yy)))
}

function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let at = 0; at < values.length; at++) sum += values[at]!
  return sum / values.length
}

/**
 * Kendall's τ-b, which takes ties into account (Kendall 1945), in O(n log n) by counting the exchanges of a merge sort
 * (Knight 1966). NaN where one side is constant or fewer than two values are given.
 */
export function kendallTau(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const n = x.length
  const order = Int32Array.from({ length: n }, (_, at) => at).sort((a, b) => x[a]! - x[b]! || y[a]! - y[b]!)
  const sortedY = Float64Array.from(order, (at) => y[at]!)
  const tiedX = tiedPairs(n, (at, before) => x[order[at]!] === x[order[before]!])
  const tiedBoth = tiedPairs(n, (at, before) => x[order[at]!] === x[order[before]!] && sortedY[at] === sortedY[before])
  const exchanges = sortCounting(sortedY, new Float64Array(n), 0, n)
  const tiedY = tiedPairs(n, (at, before) => sortedY[at] === sortedY[before])
  const pairs = (n * (n - 1)) / 2
  const scale = Math.sqrt(pairs - tiedX) * Math.sqrt(pairs - tiedY)
  return scale === 0 ? NaN : Math.max(-1, Math.min(1, (pairs - tiedX - tiedY + tiedBoth - 2 * exchanges) / scale))
}

/** Pairs within runs of neighbours that are the same. */
function tiedPairs(n: number, same: (at: number, before: number) => boolean): number {
  let pairs = 0
  let run = 0
  for (let at = 1; at < n; at++) {
    run = same(at, at - 1) ? run + 1 : 0
    pairs += run
  }
  return pairs
}

/** Sorts `values[from, to)`; returns how many pairs stood the wrong way round. */
function sortCounting(values: Float64Array, spare: Float64Array, from: number, to: number): number {
  if (to - from < 2) return 0
  const middle = (from + to) >> 1
  let wrong = sortCounting(values, spare, from, middle) + sortCounting(values, spare, middle, to)
  let left = from
  let right = middle
  for (let at = from; at < to; at++) {
    if (right === to || (left < middle && values[left]! <= values[right]!)) {
      spare[at] = values[left++]!
    } else {
      wrong += middle - left
      spare[at] = values[right++]!
    }
  }
  values.set(spare.subarray(from, to), from)
  return wrong
}

/**
 * The area under the ROC curve: the chance that a positive scores higher than a negative, a tie counting half (Mann and
 * Whitney). NaN where one kind is missing.
 */
export function auc(scores: ArrayLike<number>, positive: ArrayLike<number | boolean>): number {
  const rank = ranks(scores)
  let sum = 0
  let positives = 0
  for (let at = 0; at < rank.length; at++)
    if (positive[at]) {
      sum += rank[at]!
      positives++
    }
  const negatives = rank.length - positives
  if (positives === 0 || negatives === 0) return NaN
  return (sum - (positives * (positives + 1)) / 2) / (positives * negatives)
}

/** `auc` of the scores as positives and of their opposites as negatives. NaN of nothing. */
export function aucOfSwapped(scores: ArrayLike<number>): number {
  const given = new Float64Array(scores)
  const sorted = new Float64Array(given.length)
  const order = radixOrder(given)
  for (let at = 0; at < order.length; at++) sorted[at] = given[order[at]!]!
  const n = sorted.length
  let wins = 0
  let below = 0
  let upTo = 0
  // Of the opposites, which ascend from the end, so many are below a score, and so many not above it.
  for (let at = 0; at < n; at++) {
    const score = sorted[at]!
    while (below < n && -sorted[n - 1 - below]! < score) below++
    while (upTo < n && -sorted[n - 1 - upTo]! <= score) upTo++
    wins += (below + upTo) / 2
  }
  return wins / (n * n)
}

import { permutation, RandomStream } from '../loop/random'

export interface ForestOptions {
  trees: number
  seed: number
}

export interface ForestImportance {
  /** Of each column: how much of the variance of y a permutation of its values adds to the error on runs that a tree has not seen. */
  importance: number[]
  /** Standard deviation over the trees divided by √trees. */
  error: number[]
  /** Share of the variance of y that the forest explains on runs that its trees have not seen; below 0 it explains nothing. */
  explained: number
}

/** Rows in a leaf at least: a regression forest's usual bound (Hastie et al., "The Elements of Statistical Learning", §15.3). */
const LEAF = 5
/** With fewer rows to spare a bound of that size makes trees of one leaf. */
const LEAVES_AT_LEAST = 10

type Tree = { value: number } | { column: number; at: number; low: Tree; high: Tree }

/**
 * A random forest of regression trees and the permutation importance of its columns on out-of-bag rows (Breiman, "Random forests",
 * 2001, §10): every tree grows on a bootstrap sample, splits by the squared error, and tries a third of the columns at each split.
 *
 * @param columns [columns][rows] numbers
 * @param y [rows]
 * @param pause is called before each tree; it may throw to end the work
 */
export async function forestImportance(
  columns: readonly Float64Array[],
  y: Float64Array,
  { trees, seed }: ForestOptions,
  pause: (tree: number) => Promise<void> = async () => {},
): Promise<ForestImportance> {
  const stream = new RandomStream(seed, 'random forest')
  const rows = y.length
  const variance = spread(y)
  const changes = columns.map(() => new Float64Array(trees))
  const sums = new Float64Array(rows)
  const seen = new Int32Array(rows)
  for (let tree = 0; tree < trees; tree++) {
    await pause(tree)
    const bag = Int32Array.from({ length: rows }, () => stream.below(rows))
    const inBag = new Uint8Array(rows)
    for (const row of bag) inBag[row] = 1
    const out = Int32Array.from(y.keys()).filter((row) => inBag[row] === 0)
    if (out.length === 0) continue
    const grown = grow(columns, y, bag, stream)
    let error = 0
    for (const row of out) {
      const predicted = predict(grown, columns, row, -1, row)
      error += (predicted - y[row]!) ** 2
      sums[row]! += predicted
      seen[row]!++
    }
    for (const column of columns.keys()) {
      const shuffled = shuffle(out, stream)
      let worse = 0
      for (const [at, row] of out.entries())
        worse += (predict(grown, columns, row, column, shuffled[at]!) - y[row]!) ** 2
      changes[column]![tree] = variance === 0 ? 0 : (worse - error) / out.length / variance
    }
  }
  const known = [...y.keys()].filter((row) => seen[row]! > 0)
  const left = known.reduce((sum, row) => sum + (sums[row]! / seen[row]! - y[row]!) ** 2, 0) / Math.max(1, known.length)
  return {
    importance: changes.map(mean),
    error: changes.map((values) => Math.sqrt(spread(values) / trees)),
    explained: variance === 0 ? 0 : 1 - left / variance,
  }
}

function grow(columns: readonly Float64Array[], y: Float64Array, rows: Int32Array, stream: RandomStream): Tree {
  const value = rows.reduce((sum, row) => sum + y[row]!, 0) / rows.length
  const leaf = Math.min(LEAF, Math.max(1, Math.floor(y.length / LEAVES_AT_LEAST)))
  if (rows.length < 2 * leaf) return { value }
  const tried = permutation(columns.length, stream).subarray(0, Math.max(1, Math.ceil(columns.length / 3)))
  let best: { gain: number; column: number; at: number } | undefined
  for (const column of tried) {
    const found = bestSplit(columns[column]!, y, rows, leaf)
    if (found && found.gain > (best?.gain ?? 0)) best = { ...found, column }
  }
  if (!best) return { value }
  const { column, at } = best
  const isLow = (row: number): boolean => columns[column]![row]! <= at
  return {
    column,
    at,
    low: grow(columns, y, rows.filter(isLow), stream),
    high: grow(
      columns,
      y,
      rows.filter((row) => !isLow(row)),
      stream,
    ),
  }
}

/** The split that takes most of the squared error away: Σ² / n of both sides, less that of all. */
function bestSplit(x: Float64Array, y: Float64Array, rows: Int32Array, leaf: number) {
  const order = rows.toSorted((a, b) => x[a]! - x[b]!)
  const total = order.reduce((sum, row) => sum + y[row]!, 0)
  const n = order.length
  let best: { gain: number; at: number } | undefined
  let low = 0
  for (let left = 1; left < n; left++) {
    low += y[order[left - 1]!]!
    const [before, after] = [x[order[left - 1]!]!, x[order[left]!]!]
    if (before === after || left < leaf || n - left < leaf) continue
    const gain = low ** 2 / left + (total - low) ** 2 / (n - left) - total ** 2 / n
    if (gain > (best?.gain ?? 1e-12 * total ** 2)) best = { gain, at: (before + after) / 2 }
  }
  return best
}

/** With the value of `column` taken from another row. */
function predict(tree: Tree, columns: readonly Float64Array[], row: number, column: number, other: number): number {
  let node = tree
  while ('column' in node) {
    const x = columns[node.column]![node.column === column ? other : row]!
    node = x <= node.at ? node.low : node.high
  }
  return node.value
}

function shuffle(values: Int32Array, stream: RandomStream): Int32Array {
  return permutation(values.length, stream).map((at) => values[at]!)
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}

function spread(values: Float64Array): number {
  const middle = mean(values)
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / Math.max(1, values.length)
}

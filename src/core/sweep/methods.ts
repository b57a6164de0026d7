import { RandomStream } from '../../shared/random'
import { MOST_TRIALS } from '../../shared/domain/sweep'
import type { Direction, ParameterValue, Point, SweepMethod } from '../../shared/domain/sweep'
import { bounds, isActive, pointFrom, valueAt, valuesOf, type Dimension } from './space'
import { proposeByTpe, type Observation } from './tpe'

export interface Search {
  method: SweepMethod
  direction: Direction
  space: readonly Dimension[]
  /** Points at most. */
  points: number
  seed: number
  /** tpe: see `sweepFileSchema`. */
  startup: number
  batch: number
}

/** After so many draws in vain a space must be small and nearly used up: what is left of it is listed. */
const TRIES = 200
/** Points listed at most; a space of more does not fail to give a new one so often. */
const MOST_LISTED = 2 * MOST_TRIALS

/**
 * The points to try next, given all that were tried before. A pure function of its arguments: a sweep that was interrupted goes on with
 * the points that it would have had.
 *
 * @param known in the order in which they were proposed; none of them is proposed again
 * @returns none when the sweep is at its end
 */
export function nextPoints(search: Search, known: readonly Observation[]): Point[] {
  const { method, points, startup, batch, direction, space, seed } = search
  const left = points - known.length
  const before = new Set(known.map(({ point }) => pointKey(point)))
  if (method === 'grid')
    return grid(space, Math.max(points, MOST_TRIALS))
      .filter((point) => !before.has(pointKey(point)))
      .slice(0, Math.max(0, left))
  const first = method !== 'tpe' || known.length < startup
  const count = Math.min(left, method !== 'tpe' ? left : first ? startup - known.length : batch)
  const fresh: Point[] = []
  const taken = before
  for (let i = 0; i < count; i++) {
    const stream = new RandomStream(seed, 'sweep', known.length + i)
    const draw = (): Point => (first ? drawn(space, stream) : proposeByTpe(space, known, direction, stream))
    let point = draw()
    for (let tries = 1; taken.has(pointKey(point)); tries++) {
      if (tries === TRIES) {
        const left = grid(space, MOST_LISTED).filter((one) => !taken.has(pointKey(one)))
        if (left.length === 0) return fresh
        point = left[stream.below(left.length)]!
        break
      }
      // Where the model insists on what is known already, chance finds something else.
      point = tries < TRIES / 4 ? draw() : drawn(space, stream)
    }
    taken.add(pointKey(point))
    fresh.push(point)
  }
  return fresh
}

/** The same for the same values, in whatever order. */
export const pointKey = (point: Point): string =>
  JSON.stringify(Object.entries(point).sort(([a], [b]) => (a < b ? -1 : 1)))

/** Every combination, the last key changing fastest; keys whose condition does not hold are left out. */
export function grid(space: readonly Dimension[], atMost: number): Point[] {
  const found: Point[] = []
  const extend = (point: Point, [dimension, ...rest]: readonly Dimension[]): void => {
    if (found.length >= atMost) return
    if (!dimension) found.push(point)
    else if (!isActive(dimension, point)) extend(point, rest)
    else
      for (const value of valuesOf(dimension)) {
        if (found.length >= atMost) return
        extend({ ...point, [dimension.key]: value }, rest)
      }
  }
  extend({}, space)
  return found
}

/** Each key drawn evenly, or evenly in its logarithm. */
function drawn(space: readonly Dimension[], stream: RandomStream): Point {
  return pointFrom(space, (dimension): ParameterValue => {
    if (dimension.kind === 'choice') return dimension.values[stream.below(dimension.values.length)]!
    const [low, high] = bounds(dimension)
    return valueAt(dimension, low + (high - low) * stream.uniform())
  })
}

/** An answer on one dimension: how much it counts there, and how much a user must bring for it to speak for the answer. */
export interface Item {
  load: number
  difficulty: number
}

/** Points of a curve, both ends included. */
const STEPS = 48

/**
 * The item characteristic curve of item response theory (Lord 1980): the chance that an answer is preferred to one that says nothing on the
 * dimension, by the user's skill: σ(load · (skill − difficulty)), all else equal.
 */
export const preferred = ({ load, difficulty }: Item, skill: number): number =>
  1 / (1 + Math.exp(-load * (skill - difficulty)))

/**
 * A curve as an SVG path in a field of `width` × `height`.
 *
 * @param skills of the left and the right end
 * @param chances of the bottom and the top
 */
export function curvePath(
  item: Item,
  [left, right]: readonly [number, number],
  [bottom, top]: readonly [number, number],
  width: number,
  height: number,
): string {
  const points = Array.from({ length: STEPS + 1 }, (_, step) => {
    const share = step / STEPS
    const chance = preferred(item, left + share * (right - left))
    return `${(share * width).toFixed(2)} ${(((top - chance) / (top - bottom)) * height).toFixed(2)}`
  })
  return `M${points.join('L')}`
}

/** Ends of the chances' axis: all of the curves and a half, in twentieths. */
export function chancesOf(items: readonly Item[], [left, right]: readonly [number, number]): [number, number] {
  const all = [0.5, ...items.flatMap((item) => [preferred(item, left), preferred(item, right)])]
  const [least, most] = [Math.floor(20 * Math.min(...all)) / 20, Math.ceil(20 * Math.max(...all)) / 20]
  return most - least < 0.1 ? [least - 0.05, most + 0.05] : [least, most]
}

import type { Parameter, ParameterValue, Point } from '../../shared/domain/sweep'

/** One key that is tried, ready to be drawn from. */
export type Dimension = { key: string; when: readonly Condition[] } & (Choice | Range)

interface Choice {
  kind: 'choice'
  values: readonly ParameterValue[]
}

/** Numbers from min to max; where there is a step, min + k · step. */
interface Range {
  kind: 'range'
  min: number
  max: number
  step?: number
  log: boolean
}

interface Condition {
  key: string
  values: readonly ParameterValue[]
}

/**
 * The parameters in an order in which each comes after those its condition names.
 *
 * @param whole keys that take whole numbers only
 * @returns undefined where conditions go in a circle
 */
export function spaceOf(
  parameters: Readonly<Record<string, Parameter>>,
  whole: (key: string) => boolean,
): Dimension[] | undefined {
  const waiting = new Map(Object.entries(parameters))
  const space: Dimension[] = []
  while (waiting.size > 0) {
    const ready = [...waiting].filter(([, { when = {} }]) => !Object.keys(when).some((key) => waiting.has(key)))
    if (ready.length === 0) return undefined
    for (const [key, parameter] of ready) {
      waiting.delete(key)
      space.push(dimensionOf(key, parameter, whole(key)))
    }
  }
  return space
}

function dimensionOf(
  key: string,
  { values, min = 0, max = 0, step, scale, when = {} }: Parameter,
  whole: boolean,
): Dimension {
  const conditions = Object.entries(when).map(([name, wanted]) => ({
    key: name,
    values: Array.isArray(wanted) ? wanted : [wanted],
  }))
  if (values) return { key, when: conditions, kind: 'choice', values }
  const steps = step ?? (whole ? 1 : undefined)
  return {
    key,
    when: conditions,
    kind: 'range',
    min,
    max,
    log: scale === 'log',
    ...(steps !== undefined && { step: steps }),
  }
}

export function same(a: ParameterValue, b: ParameterValue): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

/** Whether a key is tried at all, given what is chosen for those before it. */
export function isActive({ when }: Dimension, point: Point): boolean {
  return when.every(({ key, values }) => {
    const chosen = point[key]
    return chosen !== undefined && values.some((value) => same(value, chosen))
  })
}

/** Chooses a value for each key that is tried, in order. */
export function pointFrom(space: readonly Dimension[], choose: (dimension: Dimension) => ParameterValue): Point {
  const point: Point = {}
  for (const dimension of space) if (isActive(dimension, point)) point[dimension.key] = choose(dimension)
  return point
}

/** How many values a key has; infinite for a range without a step. */
export function countOf(dimension: Dimension): number {
  if (dimension.kind === 'choice') return dimension.values.length
  const { min, max, step } = dimension
  return step === undefined ? Infinity : stepsOf(min, max, step) + 1
}

/** Every value of a key, one at a time: a range may have more than fit into memory. None for a range without a step. */
export function* valuesOf(dimension: Dimension): Generator<ParameterValue> {
  if (dimension.kind === 'choice') yield* dimension.values
  else if (dimension.step !== undefined)
    for (let k = 0; k < countOf(dimension); k++) yield onStep(dimension.min, dimension.step, k)
}

/** A range in which values are drawn evenly, [low, high]: in logarithms where that is wanted; half a step wider on each side where steps are rounded to. */
export function bounds({ min, max, step, log }: Range): [low: number, high: number] {
  if (step === undefined) return log ? [Math.log(min), Math.log(max)] : [min, max]
  const top = min + stepsOf(min, max, step) * step
  const half = step / 2
  return log ? [Math.log(Math.max(min - half, min / 2)), Math.log(top + half)] : [min - half, top + half]
}

/** The value that a number of {@link bounds} stands for. */
export function valueAt({ min, max, step, log }: Range, drawn: number): number {
  const value = log ? Math.exp(drawn) : drawn
  if (step === undefined) return Math.min(max, Math.max(min, value))
  const k = Math.round((value - min) / step)
  return onStep(min, step, Math.min(stepsOf(min, max, step), Math.max(0, k)))
}

/** Whole steps of a range; its end counts in spite of rounding. */
function stepsOf(min: number, max: number, step: number): number {
  return Math.floor((max - min) / step + 1e-9)
}

/** min + k · step without the dust of binary fractions: 0.1 + 2 · 0.1 is 0.3. */
function onStep(min: number, step: number, k: number): number {
  return Number((min + k * step).toPrecision(12))
}

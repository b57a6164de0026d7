import { parameterValues, type ParameterValues } from '../../shared/comparedFields'
import type { ComparedRuns, RunGroup } from '../../shared/domain/compare'
import { nameOf } from '../runs/columns'
import { RUN_COLOURS, RUN_DASHES } from '../stores/runLooks'
import type { CurvesPlace } from './place'

/** Runs that are drawn as one curve. */
export interface CurveUnit {
  /** The run that it is drawn like. */
  id: string
  ids: readonly string[]
  label: string
  reference: boolean
  /** Place of each chosen parameter's value among its values; undefined where none is chosen. */
  colour: number | undefined
  dash: number | undefined
  panel: number | undefined
}

/** The curves to draw: what is averaged, and how each looks. */
export function curveUnits(
  compared: ComparedRuns,
  groups: readonly RunGroup[],
  reference: string | undefined,
  { one, colour, dash, panel }: Pick<CurvesPlace, 'one' | 'colour' | 'dash' | 'panel'>,
): CurveUnit[] {
  const { runs } = compared
  const values = [colour, dash, panel].map((name) => parameterValues(compared, name))
  const [byColour, byDash, byPanel] = values
  return membersOf(compared, groups, one, values).flatMap(({ label, members }): CurveUnit[] => {
    const lead = members[0] ?? -1
    const run = runs[lead]
    if (!run) return []
    const ids = members.flatMap((at) => runs[at]?.id ?? [])
    return [
      {
        ...{ id: run.id, ids, label, reference: reference !== undefined && ids.includes(reference) },
        ...{ colour: byColour?.of[lead], dash: byDash?.of[lead], panel: byPanel?.of[lead] },
      },
    ]
  })
}

function membersOf(
  { runs, groups: bySeed }: ComparedRuns,
  groups: readonly RunGroup[],
  one: CurvesPlace['one'],
  values: readonly (ParameterValues | undefined)[],
): { label: string; members: readonly number[] }[] {
  const chosen = values.filter((value) => value !== undefined)
  if (one === 'runs') return runs.map((run, at) => ({ label: nameOf(run), members: [at] }))
  if (one === 'seeds' || chosen.length === 0)
    return (one === 'seeds' ? bySeed : groups).map((group) => ({ label: group.label, members: group.runs }))
  const found = new Map<string, number[]>()
  for (const at of runs.keys()) {
    const label = chosen.map(({ name, texts, of }) => `${shortName(name)} ${texts[of[at] ?? -1] ?? ''}`).join(', ')
    found.set(label, [...(found.get(label) ?? []), at])
  }
  return [...found].map(([label, members]) => ({ label, members }))
}

/** Without its section: `trainer.learning_rate` → `learning_rate`. */
export function shortName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

/**
 * Colours of a parameter's values: apart from each other where they are few, from one end of a scale to the other where they are many.
 *
 * @param token reads a colour as `rgb(r, g, b)`
 */
export function valueColours(count: number, token: (property: `--${string}`) => string): string[] {
  if (count <= RUN_COLOURS.length) return RUN_COLOURS.slice(0, count).map(token)
  return scaleColours([...Array(count).keys()], token)
}

/** Colours of numbers from the lowest to the highest; of none, a grey. */
export function scaleColours(values: readonly (number | null)[], token: (property: `--${string}`) => string): string[] {
  const [from, to, none] = [token('--series-train'), token('--series-val'), token('--line-control')]
  const [start, end] = [numbersOf(from), numbersOf(to)]
  const known = values.filter((value) => value !== null)
  const [low, high] = [Math.min(...known), Math.max(...known)]
  return values.map((value) => {
    if (value === null) return none
    const share = high > low ? (value - low) / (high - low) : 0.5
    return `rgb(${start.map((one, channel) => Math.round(one + share * ((end[channel] ?? one) - one))).join(', ')})`
  })
}

function numbersOf(colour: string): number[] {
  return (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number)
}

export function valueDash(place: number): readonly number[] {
  return RUN_DASHES[place % RUN_DASHES.length] ?? []
}

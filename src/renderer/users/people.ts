import type { UserRow, UserSlice } from '../../shared/domain/users'
import type { Bar } from '../datasets/barOption'
import { count, percent } from '../datasets/format'
import { formatFigure } from '../runs/format'

/** A user of the table, with what follows from the counts. */
export interface Person extends UserRow {
  /** Place in the answer of the engine. */
  place: number
  accuracy: number
  /** Points of accuracy above one reward for everybody; null without one. */
  lift: number | null
}

export function peopleOf(users: readonly UserRow[]): Person[] {
  return users.map((user, place) => ({
    ...user,
    place,
    accuracy: user.right / user.pairs,
    lift: user.baseline_right === null ? null : (user.right - user.baseline_right) / user.pairs,
  }))
}

/** Ends of a figure over people; undefined where nobody has it. Of as many as there may be: a function takes fewer arguments. */
export function extentOf(people: Iterable<Person>, measure: Measure): { min: number; max: number } | undefined {
  let [min, max] = [Infinity, -Infinity]
  for (const { [measure]: value } of people) {
    if (value === null) continue
    min = Math.min(min, value)
    max = Math.max(max, value)
  }
  return max < min ? undefined : { min, max }
}

/** Figures that a person can be sorted, selected and coloured by. */
export const MEASURES = ['accuracy', 'pairs', 'train_pairs', 'nll', 'lift'] as const
export type Measure = (typeof MEASURES)[number]

export const MEASURE_LABELS: Record<Measure, string> = {
  accuracy: 'Accuracy',
  pairs: 'Pairs',
  train_pairs: 'Pairs in train',
  nll: 'NLL',
  lift: 'Over bt',
}

/** In points of accuracy: `+1.2`. */
export const points = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(100 * value).toFixed(1)}`

export function measureText(measure: Measure, value: number | null): string {
  if (value === null) return '–'
  switch (measure) {
    case 'accuracy':
      return percent(value)
    case 'lift':
      return points(value)
    case 'nll':
      return formatFigure(value)
    case 'pairs':
    case 'train_pairs':
      return count(value)
  }
}

/** What a slice of a user says, whole. */
export const sliceTitle = ({ column, value, pairs, right, expected }: UserSlice): string =>
  `${column} ${value}: one reward for everybody has ${count(right)} of ${count(pairs)} right (${percent(right / pairs)}); of all users' pairs ${percent(expected)}`

export type SortKey = Measure | 'u_id' | 'typical' | 'untypical'
export interface Sort {
  key: SortKey
  descending: boolean
}

const collator = new Intl.Collator('en', { numeric: true })

/** Users in the order asked; those without a value come last, and equal ones stay as they are in the data. */
export function sorted(people: readonly Person[], { key, descending }: Sort): Person[] {
  const sign = descending ? -1 : 1
  const valueOf = (person: Person): string | number | null => {
    if (key === 'u_id') return String(person.u_id)
    if (key === 'typical' || key === 'untypical') return person[key]?.value ?? null
    return person[key]
  }
  return people.toSorted((one, other) => {
    const [a, b] = [valueOf(one), valueOf(other)]
    if (a === null || b === null) return Number(a === null) - Number(b === null)
    return sign * (typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b)))
  })
}

/** @param keeps of every selection, whom it lets through */
export function selected(
  people: readonly Person[],
  keeps: readonly ((person: Person) => boolean)[],
  search: string,
): Person[] {
  const wanted = search.trim().toLowerCase()
  return people.filter(
    (person) =>
      (wanted === '' || String(person.u_id).toLowerCase().includes(wanted)) && keeps.every((one) => one(person)),
  )
}

const BINS = 12

/** A histogram's bars, and the values that each stands for: from `least` up to, not with, `below`. The last bin holds its upper end too. */
export function histogram(
  people: readonly Person[],
  measure: Measure,
): { bars: Bar[]; ranges: { least: number; below: number }[] } {
  const values = people.flatMap((person) => person[measure] ?? [])
  if (values.length === 0) return { bars: [], ranges: [] }
  const { low, width, bins } = binning(values, measure)
  // A share such as 0.3 is no exact number: what is less than a billionth of a bin below its bound belongs to it.
  const slack = measure === 'pairs' || measure === 'train_pairs' ? 0 : 1e-9
  const bound = (bin: number): number => low + (bin - slack) * width
  const ranges = Array.from({ length: bins }, (_, bin) => ({
    least: bound(bin),
    below: bin === bins - 1 ? low + (bins + slack) * width : bound(bin + 1),
  }))
  return {
    ranges,
    bars: ranges.map(({ least, below }, bin) => ({
      label: measure === 'accuracy' ? `${10 * bin} %` : measureText(measure, low + bin * width),
      value: values.filter((value) => value >= least && value < below).length,
      title: `${MEASURE_LABELS[measure]} ${boundsText(measure, low + bin * width, low + (bin + 1) * width)}`,
    })),
  }
}

/** A bin in words; of whole numbers both ends belong to it. */
export function boundsText(measure: Measure, from: number, to: number): string {
  if (measure === 'pairs' || measure === 'train_pairs')
    return to - from === 1 ? count(from) : `${count(from)}–${count(to - 1)}`
  return `${measureText(measure, from)} to ${measureText(measure, to)}`
}

/** Accuracy from 0 to 1 in tenths, so that pictures of two runs compare; the others from the smallest value to the largest. */
function binning(values: readonly number[], measure: Measure): { low: number; width: number; bins: number } {
  if (measure === 'accuracy') return { low: 0, width: 0.1, bins: 10 }
  const [low, high] = values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [
    Infinity,
    -Infinity,
  ] as [number, number])
  if (measure === 'pairs' || measure === 'train_pairs') {
    const width = Math.max(1, Math.ceil((high - low + 1) / BINS))
    return { low, width, bins: Math.max(1, Math.ceil((high - low + 1) / width)) }
  }
  return { low, width: (high - low) / BINS || 1, bins: high > low ? BINS : 1 }
}

/** Whether a point lies in a polygon, by how often a ray from it crosses its edge. */
export function inPolygon(x: number, y: number, polygon: readonly (readonly [number, number])[]): boolean {
  let inside = false
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [xi, yi] = polygon[i]!
    const [xj, yj] = polygon[j]!
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside
  }
  return inside
}

import type { MapMethod } from '../../shared/domain/users'
import { MAP_METHODS } from '../../shared/domain/users'
import { plural } from '../datasets/format'
import { boundsText, inPolygon, MEASURE_LABELS, MEASURES, measureText, type Measure, type Person } from './people'

type Range = readonly [number, number]

/** One restriction of the table of users, as an address has it. A later one from the same place takes its place. */
export type Selection =
  /** `below` is beyond the last value of a bar; a form's upper end belongs to it. */
  | { from: 'histogram'; measure: Measure; least: number; below: number }
  | { from: 'form'; measure: Measure; least: number; most: number }
  | { from: 'scatter'; pairs: Range; accuracy: Range }
  | { from: 'map'; method: MapMethod; polygon: readonly Range[] }

/** Places on the map by the place in the table. */
export type Places = ReadonlyMap<number, { x: number; y: number }>

/** A lasso has hundreds of corners; as many as this tell it apart by eye, and an address stays short. */
const MOST_CORNERS = 60

export function lasso(method: MapMethod, polygon: readonly Range[]): Selection {
  const every = Math.max(1, Math.ceil(polygon.length / MOST_CORNERS))
  const corners = polygon.filter((_, at) => at % every === 0)
  return { from: 'map', method, polygon: corners.map(([x, y]) => [short(x), short(y)]) }
}
export const rectangle = ([pairs, accuracy]: readonly Range[]): Selection => ({
  ...{ from: 'scatter', pairs: [short(pairs?.[0] ?? 0), short(pairs?.[1] ?? 0)] },
  accuracy: [short(accuracy?.[0] ?? 0), short(accuracy?.[1] ?? 0)],
})
/** A ten-thousandth is less than a pixel. */
const short = (value: number): number => Number(value.toPrecision(5))

/** Whom a selection lets through. What is drawn on a map that is not there lets everybody through. */
export function keeps(selection: Selection, places: Places | undefined): (person: Person) => boolean {
  switch (selection.from) {
    case 'histogram':
    case 'form': {
      const upper = (value: number): boolean =>
        selection.from === 'form' ? value <= selection.most : value < selection.below
      return (person) => {
        const value = person[selection.measure]
        return value !== null && value >= selection.least && upper(value)
      }
    }
    case 'scatter': {
      const within = (value: number, [low, high]: Range): boolean => value >= low && value <= high
      return ({ pairs, accuracy }) => within(pairs, selection.pairs) && within(accuracy, selection.accuracy)
    }
    case 'map':
      return ({ place }) => {
        if (!places) return true
        const at = places.get(place)
        return at !== undefined && inPolygon(at.x, at.y, selection.polygon)
      }
  }
}

export function labelOf(selection: Selection, people: readonly Person[], places: Places | undefined): string {
  if (selection.from === 'histogram') {
    const { measure, least, below } = selection
    const name = MEASURE_LABELS[measure]
    return `${name} ${boundsText(measure, least, below)}`
  }
  if (selection.from === 'form') {
    const { measure, least, most } = selection
    const words = [
      ...(least > -Infinity ? [`≥ ${measureText(measure, least)}`] : []),
      ...(most < Infinity ? [`≤ ${measureText(measure, most)}`] : []),
    ]
    return `${MEASURE_LABELS[measure]} ${words.join(' and ')}`
  }
  const users = plural(people.filter(keeps(selection, places)).length, 'user')
  return selection.from === 'map' ? `${users} on the map` : `${users} by accuracy and pairs`
}

const SEPARATOR = '~'
/** Of an open end nothing is written. */
const numberText = (value: number): string => (Number.isFinite(value) ? String(value) : '')

export function selectionText(selection: Selection): string {
  switch (selection.from) {
    case 'histogram':
    case 'form': {
      const upper = selection.from === 'form' ? selection.most : selection.below
      return [selection.from, selection.measure, numberText(selection.least), numberText(upper)].join(SEPARATOR)
    }
    case 'scatter':
      return ['scatter', ...selection.pairs, ...selection.accuracy].join(SEPARATOR)
    case 'map':
      return ['map', selection.method, ...selection.polygon.flat()].join(SEPARATOR)
  }
}

/** Reads {@link selectionText}; undefined where it says nothing that can be. */
export function selectionOf(text: string): Selection | undefined {
  const [from, ...rest] = text.split(SEPARATOR)
  if (from === 'histogram' || from === 'form') {
    const measure = MEASURES.find((one) => one === rest[0])
    if (!measure || rest.length !== 3) return undefined
    const least = rest[1] === '' ? -Infinity : Number(rest[1])
    const upper = rest[2] === '' ? Infinity : Number(rest[2])
    if (Number.isNaN(least) || Number.isNaN(upper)) return undefined
    return from === 'form' ? { from, measure, least, most: upper } : { from, measure, least, below: upper }
  }
  const method = MAP_METHODS.find((one) => one === rest[0])
  const numbers = (from === 'map' ? rest.slice(1) : rest).map((part) => (part === '' ? Number.NaN : Number(part)))
  if (!numbers.every(Number.isFinite)) return undefined
  if (from === 'scatter' && numbers.length === 4) {
    const [a = 0, b = 0, c = 0, d = 0] = numbers
    return { from, pairs: [a, b], accuracy: [c, d] }
  }
  if (from !== 'map' || !method || numbers.length < 6 || numbers.length > 2 * MOST_CORNERS + 2) return undefined
  const polygon = Array.from({ length: numbers.length >> 1 }, (_, at): Range => [
    numbers[2 * at] ?? 0,
    numbers[2 * at + 1] ?? 0,
  ])
  return { from, method, polygon }
}

/** All selections of an address, one from each place. */
export function selectionsOf(query: unknown): Selection[] {
  const texts = (Array.isArray(query) ? query : [query]).filter((one): one is string => typeof one === 'string')
  const found = new Map(texts.flatMap((text) => selectionOf(text) ?? []).map((one) => [one.from, one]))
  return [...found.values()]
}

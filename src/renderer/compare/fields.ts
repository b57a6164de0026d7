import type { Field } from '../../shared/comparedFields'
import { valueText } from '../../shared/comparedTables'
import { SEED_KEYS } from '../../shared/domain/compare'

const MOST_AXES = 7

/** Parameters to look at first: what differs by intention; keys that only some runs have, with one value, come last. */
export function usualParameters(fields: readonly Field[]): Field[] {
  const varied = ({ values }: Field): boolean => new Set(values.filter((value) => value !== null)).size > 1
  const params = fields.filter((field) => !field.figure && !SEED_KEYS.includes(field.name))
  return [...params.filter(varied), ...params.filter((field) => !varied(field))]
}

/** Axes that are shown unless others are chosen; the figure stands at the end. */
export function usualAxes(fields: readonly Field[], figure: string): string[] {
  return [
    ...usualParameters(fields)
      .slice(0, MOST_AXES)
      .map(({ name }) => name),
    figure,
  ]
}

/** A value as it stands beside its axis. */
export function fieldText({ kind, texts, values }: Field, at: number): string {
  const value = values[at]
  if (value === null || value === undefined) return 'none'
  return kind === 'category' ? (texts[value] ?? '') : valueText(Number(value.toPrecision(5)))
}

/** A number beside an axis. */
export function axisText(value: number): string {
  const size = Math.abs(value)
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential() : String(Number(value.toPrecision(4)))
}

/** Whether an axis can be logarithmic: all of its numbers lie above zero. */
export function canBeLog({ kind, values }: Field): boolean {
  return kind === 'number' && values.every((value) => value === null || value > 0)
}

export interface MapCell {
  mean: number
  n: number
}

/** Means of a figure by the values of two fields; undefined where there is no run. [rows][columns] */
export interface FieldMap {
  rows: readonly string[]
  columns: readonly string[]
  cells: readonly (readonly (MapCell | undefined)[])[]
}

/** @param kept places of the runs that count */
export function fieldMap(down: Field, across: Field, figure: Field, kept: readonly number[]): FieldMap {
  const levels = (field: Field): { texts: string[]; of: Map<number, number> } => {
    const distinct = [...new Set(kept.flatMap((at) => field.values[at] ?? []))].sort((a, b) => a - b)
    const of = new Map(distinct.map((value, place) => [value, place]))
    return { texts: distinct.map((value) => fieldText(field, field.values.indexOf(value))), of }
  }
  const [rows, columns] = [levels(down), levels(across)]
  const cells: (MapCell | undefined)[][] = rows.texts.map(() => columns.texts.map(() => undefined))
  for (const at of kept) {
    const [row, column] = [rows.of.get(down.values[at] ?? NaN), columns.of.get(across.values[at] ?? NaN)]
    const value = figure.values[at]
    const line = row === undefined ? undefined : cells[row]
    if (!line || column === undefined || value === null || value === undefined) continue
    const { mean, n } = line[column] ?? { mean: 0, n: 0 }
    line[column] = { mean: (mean * n + value) / (n + 1), n: n + 1 }
  }
  return { rows: rows.texts, columns: columns.texts, cells }
}

import type { RunRow } from '../../shared/domain/runTable'
import { nameOf, type Column, type SortValue } from './columns'

export interface Sort {
  column: string
  descending: boolean
}

/** A line of the table: a run, or the heading of a group of them. */
export type Line = { kind: 'run'; row: RunRow } | { kind: 'group'; group: Group }

export interface Group {
  /** Value that its runs share, as text. */
  name: string
  rows: readonly RunRow[]
  open: boolean
}

/** Whether a text in the filter box is an expression of the history's language; anything else is words to look for. */
export function isExpression(text: string): boolean {
  return /[=<>~]|\b(in\s*\(|is\s+(not\s+)?missing\b)/.test(text)
}

/** Runs that hold every word somewhere. */
export function matching(rows: readonly RunRow[], text: string): readonly RunRow[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return rows
  return rows.filter((row) => {
    const { model_name, dts_name, status, id, reason, tags, note } = row
    const all = [nameOf(row), model_name, dts_name, status, id, reason ?? '', ...tags, note].join(' ').toLowerCase()
    return words.every((word) => all.includes(word))
  })
}

/** In order; what has no value comes last either way, and equals stand newest first. */
export function sorted(rows: readonly RunRow[], column: Column, descending: boolean, now: number): RunRow[] {
  const keyed = rows.map((row) => ({ row, value: column.value(row, now) }))
  keyed.sort((a, b) => compare(a.value, b.value, descending) || b.row.created - a.row.created)
  return keyed.map(({ row }) => row)
}

/** Groups in the order in which their first run stands, so that the best group is on top of a table sorted by a figure. */
export function grouped(rows: readonly RunRow[], column: Column, closed: ReadonlySet<string>, now: number): Line[] {
  const groups = new Map<string, RunRow[]>()
  for (const row of rows) {
    const name = column.text(row, now)
    const known = groups.get(name)
    if (known) known.push(row)
    else groups.set(name, [row])
  }
  return [...groups].flatMap(([name, members]): Line[] => {
    const open = !closed.has(name)
    const heading: Line = { kind: 'group', group: { name, rows: members, open } }
    return open ? [heading, ...members.map((row): Line => ({ kind: 'run', row }))] : [heading]
  })
}

/** Mean of a column over some runs, those without a value left out; undefined where none has one. */
export function meanOf(rows: readonly RunRow[], column: Column, now: number): { mean: number; n: number } | undefined {
  let sum = 0
  let n = 0
  for (const row of rows) {
    const value = column.value(row, now)
    if (typeof value !== 'number' || !Number.isFinite(value)) continue
    sum += value
    n++
  }
  return n === 0 ? undefined : { mean: sum / n, n }
}

function compare(a: SortValue, b: SortValue, descending: boolean): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined)
  const order = typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b))
  return descending ? -order : order
}

/** `v2` before `v10`. */
const collator = new Intl.Collator('en', { numeric: true })

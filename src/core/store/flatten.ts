import { z } from 'zod'

/** One key of a configuration, as it stands in the tables `params` and `environment`. */
export interface FlatValue {
  name: string
  type: 'number' | 'string' | 'boolean' | 'null' | 'list' | 'section'
  /** For comparing: the number, or 0 and 1 of a boolean; null for everything else. */
  number: number | null
  /** For showing: a string as it is, everything else as JSON. */
  text: string
}

/** Aliases let a few lines of YAML stand for millions of keys. */
const MAX_KEYS = 5_000
const MAX_TEXT = 10_000

/**
 * `{trainer: {seed: 0}}` → `trainer.seed` = 0. A list is one value, since its places mean nothing by themselves; an empty
 * section is a value too, since it is not the same as a missing one.
 */
export function flattenConfig(value: object): FlatValue[] {
  const found: FlatValue[] = []
  walk(value, '', found)
  return found
}

function walk(section: object, prefix: string, found: FlatValue[]): void {
  for (const [key, value] of Object.entries(section)) {
    if (found.length >= MAX_KEYS) return
    const name = prefix + key
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0)
      walk(value, `${name}.`, found)
    else if (value !== undefined) found.push({ name, ...flatValue(value) })
  }
}

export function flatValue(value: unknown): Omit<FlatValue, 'name'> {
  if (typeof value === 'number') {
    // SQLite keeps NaN as null, which would say that the key is missing.
    return { type: 'number', number: Number.isNaN(value) ? null : value, text: String(value) }
  }
  if (typeof value === 'boolean') return { type: 'boolean', number: Number(value), text: String(value) }
  if (typeof value === 'string') return { type: 'string', number: null, text: value.slice(0, MAX_TEXT) }
  if (value === null) return { type: 'null', number: null, text: 'null' }
  const type = Array.isArray(value) ? 'list' : 'section'
  return { type, number: null, text: (JSON.stringify(value) ?? '').slice(0, MAX_TEXT) }
}

/** Values of a configuration as a table shows them; a list or an empty section is its JSON text. */
export type Cell = string | number | boolean | null
export const cellsSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))

export function cellOf({ type, number, text }: Omit<FlatValue, 'name'>): Cell {
  // JSON has no NaN and no infinity; those stay text.
  if (type === 'number') return number !== null && Number.isFinite(number) ? number : text
  if (type === 'boolean') return number === 1
  return type === 'null' ? null : text
}

export function flatJson(values: readonly FlatValue[]): string {
  return JSON.stringify(Object.fromEntries(values.map((value) => [value.name, cellOf(value)])))
}

import { didYouMean } from '../../../shared/config/nearest'
import type { HistoryDatabase } from '../database'

/** What a name in a filter, a sort order or a column list stands for. */
export type Resolved =
  | { kind: 'column'; column: string; type: 'text' | 'number' | 'time' | 'boolean' }
  | { kind: 'tag' }
  | { kind: 'param' | 'environment'; name: string }
  | { kind: 'metric'; name: string; figure: 'last' | 'lowest' | 'highest' }

/** Columns of the runs table itself, as SQL over `r` (runs) and `e` (experiments). */
export const COLUMNS = {
  id: { column: 'r.id', type: 'text' },
  name: { column: "(e.name || '/' || r.exp_version)", type: 'text' },
  exp_name: { column: 'e.name', type: 'text' },
  exp_version: { column: 'r.exp_version', type: 'text' },
  status: { column: 'r.status', type: 'text' },
  reason: { column: 'r.reason', type: 'text' },
  model_name: { column: 'r.model_name', type: 'text' },
  dts_name: { column: 'r.dts_name', type: 'text' },
  dir: { column: 'r.dir', type: 'text' },
  note: { column: 'r.note', type: 'text' },
  source: { column: 'r.source', type: 'text' },
  version: { column: 'r.version', type: 'text' },
  starred: { column: 'r.starred', type: 'boolean' },
  epochs: { column: 'r.epochs', type: 'number' },
  created: { column: 'r.created', type: 'time' },
  ended: { column: 'r.ended', type: 'time' },
  /** Seconds from first to last. */
  duration: { column: '((r.ended - r.created) / 1000.0)', type: 'number' },
  /** Seconds of training alone, over all its sessions. */
  seconds: { column: "json_extract(r.record, '$.result.seconds')", type: 'number' },
  /** Its answers changed as pairs were presented swapped. */
  leaks: { column: "json_extract(r.record, '$.result.leaks')", type: 'boolean' },
} as const satisfies Record<string, { column: string; type: 'text' | 'number' | 'time' | 'boolean' }>

const FIGURES = { last: 'last', min: 'lowest', max: 'highest' } as const
const PREFIXES = { 'params.': 'param', 'env.': 'environment', 'metrics.': 'metric' } as const

/** Finds what names stand for: columns first, then metrics and parameters that some run has. */
export class Names {
  readonly #db: HistoryDatabase

  constructor(db: HistoryDatabase) {
    this.#db = db
  }

  /** @returns what it stands for, or a sentence with the nearest name that exists */
  resolve(name: string): Resolved | string {
    if (name === 'tag' || name === 'tags') return { kind: 'tag' }
    if (isColumn(name)) return { kind: 'column', ...COLUMNS[name] }
    for (const [prefix, kind] of Object.entries(PREFIXES)) {
      if (!name.startsWith(prefix)) continue
      const rest = name.slice(prefix.length)
      const found = kind === 'metric' ? this.#metric(rest) : this.#key(kind, rest)
      if (found) return found
    }
    return this.#metric(name) ?? this.#key('param', name) ?? this.#key('environment', name) ?? this.#unknown(name)
  }

  #metric(name: string): Resolved | undefined {
    if (this.#has('metrics', name)) return { kind: 'metric', name, figure: 'last' }
    const dot = name.lastIndexOf('.')
    const suffix = name.slice(dot + 1)
    const plain = name.slice(0, Math.max(0, dot))
    if (!isFigure(suffix) || !this.#has('metrics', plain)) return undefined
    return { kind: 'metric', name: plain, figure: FIGURES[suffix] }
  }

  #key(kind: 'param' | 'environment', name: string): Resolved | undefined {
    return this.#has(kind === 'param' ? 'params' : 'environment', name) ? { kind, name } : undefined
  }

  #has(table: 'metrics' | 'params' | 'environment', name: string): boolean {
    return this.#db.handle.prepare(`SELECT 1 FROM ${table} WHERE name = ? LIMIT 1`).get(name) !== undefined
  }

  #unknown(name: string): string {
    const known = this.#db.handle
      .prepare<[], string>('SELECT name FROM metrics UNION SELECT DISTINCT name FROM params LIMIT 5000')
      .pluck()
      .all()
    return `no run has a parameter, metric or column "${name}".${didYouMean(name, ['tag', ...Object.keys(COLUMNS), ...known])}`
  }
}

function isColumn(name: string): name is keyof typeof COLUMNS {
  return Object.hasOwn(COLUMNS, name)
}

function isFigure(name: string): name is keyof typeof FIGURES {
  return Object.hasOwn(FIGURES, name)
}

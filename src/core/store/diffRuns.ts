import type { Store } from './openStore'
import { cellOf, type Cell } from './flatten'

/** One name and its value in each run: null is a value, undefined is none. */
export interface Difference {
  name: string
  /** Some run has another value, or none. */
  differs: boolean
  values: (Cell | undefined)[]
}

export interface RunDifferences {
  params: Difference[]
  environment: Difference[]
  /** Last values, where they are asked for. Runs rarely agree in any, so all are listed. */
  metrics: Difference[]
}

interface Row {
  name: string
  type: 'number' | 'string' | 'boolean' | 'null' | 'list' | 'section'
  number: number | null
  text: string
}

/** What differs between runs, in the order of names. A missing key is not an empty one. */
export function diffRuns(store: Store, keys: readonly number[], { all = false, metrics = true } = {}): RunDifferences {
  return store.db.read('diff runs', () => {
    const table = (name: 'params' | 'environment'): Difference[] => {
      const select = store.db.handle.prepare<[number], Row>(
        `SELECT name, type, number, text FROM ${name} WHERE run = ? ORDER BY name`,
      )
      return differences(
        keys.map(
          (key) =>
            new Map(select.all(key).map((row) => [row.name, { shown: cellOf(row), same: `${row.type} ${row.text}` }])),
        ),
        all,
      )
    }
    const last = (metrics ? keys : []).map(
      (key) =>
        new Map(
          store.metrics
            .figures(key)
            .map(({ name, last: value }) => [name, { shown: value ?? 'NaN', same: String(value) }]),
        ),
    )
    return { params: table('params'), environment: table('environment'), metrics: differences(last, true) }
  })
}

function differences(columns: readonly Map<string, { shown: Cell; same: string }>[], all: boolean): Difference[] {
  const names = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort()
  return names.flatMap((name) => {
    const differs = new Set(columns.map((column) => column.get(name)?.same)).size > 1
    return all || differs ? [{ name, differs, values: columns.map((column) => column.get(name)?.shown) }] : []
  })
}

import type { PairSplit } from '../data/dataset'
import { ID_COLUMN, TEXT_COLUMNS, USER_COLUMN, featureColumns, indexColumn } from '../data/features'
import { readFrame } from '../data/frame'

/** A column of the pairs file that sorts pairs into few kinds. */
export interface Category {
  column: string
  values: readonly string[]
  /** [pairs] place in `values`; −1 where the row has none. */
  of: Int32Array
}

/** With more values a slice holds too few pairs, and a table of them too many lines. */
const MOST_VALUES = 40
const MOST_COLUMNS = 12
/** A longer value is a text, not a category. */
const LONGEST_VALUE = 100
/** Comes first where there is one. */
const TOPIC = 'topic'

/**
 * Reads the columns by which a split's pairs can be sliced: those that are neither the data's own nor user features, and hold 2 to 40
 * distinct strings, whole numbers or booleans. Training does not read them, so they are read here.
 *
 * @param file pairs of the split
 * @returns none where the file has changed since it was loaded
 * @throws AppError `stopped`
 */
export async function readCategories(
  file: string,
  { pairs }: Pick<PairSplit, 'pairs'>,
  prefixes: readonly string[],
  signal?: AbortSignal,
): Promise<Category[]> {
  let columns: Candidate[] = []
  let rows = 0
  try {
    await readFrame(file, {
      ...(signal && { signal }),
      select: (names) => {
        const own = new Set<string>([USER_COLUMN, ID_COLUMN, ...TEXT_COLUMNS, ...TEXT_COLUMNS.map(indexColumn)])
        const features = new Set(featureColumns(names, prefixes))
        columns = names
          .filter((name) => !own.has(name) && !features.has(name))
          .map((name) => new Candidate(name, pairs))
        return { values: columns.map(({ column }) => column), texts: [] }
      },
      encodeText: () => 0,
      onBatch: (batch) => {
        for (const candidate of columns) candidate.add(batch.values(candidate.column), batch.firstRow, batch.rows)
        rows = batch.firstRow + batch.rows
      },
      onMalformed: () => {},
    })
  } catch (thrown) {
    if (signal?.aborted) throw thrown
    return []
  }
  if (rows !== pairs) return []
  const found = columns.flatMap((candidate) => candidate.category ?? [])
  return [...found.filter(({ column }) => column === TOPIC), ...found.filter(({ column }) => column !== TOPIC)].slice(
    0,
    MOST_COLUMNS,
  )
}

class Candidate {
  readonly column: string
  readonly #of: Int32Array
  readonly #values = new Map<string, number>()
  #refused = false

  constructor(column: string, pairs: number) {
    this.column = column
    this.#of = new Int32Array(pairs).fill(-1)
  }

  add(values: ArrayLike<unknown>, firstRow: number, rows: number): void {
    for (let i = 0; i < rows && !this.#refused; i++) {
      const value = values[i]
      if (value === null || value === undefined || value === '') continue
      const name = nameOf(value)
      const known = name === undefined ? undefined : (this.#values.get(name) ?? this.#values.size)
      if (name === undefined || known === undefined || known >= MOST_VALUES) this.#refused = true
      else {
        this.#values.set(name, known)
        this.#of[firstRow + i] = known
      }
    }
  }

  /** Values in alphabetical order, numbers by size. */
  get category(): Category | undefined {
    if (this.#refused || this.#values.size < 2) return undefined
    const names = [...this.#values.keys()]
    const values = [...names].sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1))
    const placeOf = new Map(values.map((value, place) => [value, place]))
    const places = names.map((name) => placeOf.get(name)!)
    return { column: this.column, values, of: this.#of.map((value) => (value < 0 ? -1 : places[value]!)) }
  }
}

/** Undefined where the value is no category's. */
function nameOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value.length <= LONGEST_VALUE ? value : undefined
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  return typeof value === 'number' && Number.isInteger(value) ? String(value) : undefined
}

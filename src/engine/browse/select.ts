import type { BrowseQuery, RowFilter } from '../../shared/domain/browse'
import { AppError } from '../../shared/errors'
import { ID_COLUMN, USER_COLUMN } from '../data/features'
import { radixPasses } from '../statistics/radixOrder'
import type { Column } from './column'
import type { Relations } from './relations'
import type { SplitRows } from './splitRows'
import type { TextPool } from './textPool'

export type Selection = Pick<Extract<BrowseQuery, { type: 'rows' }>, 'search' | 'filters' | 'sort'>

export interface SelectContext {
  rows: SplitRows
  pool: TextPool
  /** Made when it is first asked for. */
  relations: () => Relations
  /** Lets others have a turn; throws where the selection is no longer wanted. */
  pause: () => Promise<void>
}

type Test = (row: number) => boolean

/** Numbers of the rows of a selection, in its order. @throws AppError `usage` for a column that is not there */
export async function selectRows({ search, filters, sort }: Selection, context: SelectContext): Promise<Int32Array> {
  const { rows } = context
  const mask = new Uint8Array(rows.rows).fill(1)
  let kept = mask.length
  const keep = (test: Test): void => {
    for (let row = 0; row < mask.length; row++) {
      if (mask[row] === 0 || test(row)) continue
      mask[row] = 0
      kept--
    }
  }
  for (const filter of filters) {
    keep(await testOf(filter, context))
    await context.pause()
  }
  if (search !== '') keep(await searchTest(search, context))
  await context.pause()
  const found = new Int32Array(kept)
  for (let row = 0, at = 0; row < mask.length; row++) if (mask[row] === 1) found[at++] = row
  return sort === null ? found : sorted(found, columnOf(rows, sort.column), sort.descending, context)
}

function columnOf(rows: SplitRows, name: string): Column {
  const column = rows.column(name)
  if (column) return column
  throw new AppError('usage', `The split ${rows.split} has no column "${name.slice(0, 100)}"`, { column: name })
}

async function searchTest(search: string, { rows, pool, pause }: SelectContext): Promise<Test> {
  const found = await pool.search(search, pause)
  const texts = rows.columns.filter(({ kind }) => kind === 'text')
  const identifiers = [USER_COLUMN, ID_COLUMN].flatMap((name) => {
    const column = rows.column(name)
    return column?.kind === 'number' ? [column] : []
  })
  const number = search.trim() === '' ? NaN : Number(search)
  return (row) =>
    texts.some((column) => found[column.code(row)] === 1) || identifiers.some((column) => column.number(row) === number)
}

async function testOf(filter: RowFilter, context: SelectContext): Promise<Test> {
  const { rows, pool } = context
  const { pairs } = rows
  switch (filter.type) {
    case 'value':
      return valueTest(filter, context)
    case 'length': {
      const { from, to } = filter
      const lengths = filter.unit === 'words' ? pool.words : pool.characters
      const side = { prompt: pairs.prompts, chosen: pairs.chosen, rejected: pairs.rejected }[filter.column]
      return (row) => side.at(row) >= 0 && lengths.at(side.at(row)) >= from && lengths.at(side.at(row)) <= to
    }
    case 'user_pairs': {
      const counts = context.relations().userPairs(rows)
      return (row) => {
        const own = counts[pairs.users.at(row)] ?? 0
        return own >= filter.from && own <= filter.to
      }
    }
    case 'shared':
      return context.relations().shared(rows, filter.what, filter.with)
    case 'reversed':
    case 'duplicate':
    case 'conflict': {
      const mask = context.relations().judgements(rows)[filter.type]
      return (row) => mask[row] === 1
    }
    case 'same_answer':
      return (row) => rows.isUsable(row) && pairs.chosen.at(row) === pairs.rejected.at(row)
    case 'unusable':
      return (row) => !rows.isUsable(row)
    case 'rows': {
      const wanted = new Set(filter.rows)
      return (row) => wanted.has(row)
    }
  }
}

async function valueTest(
  { column: name, test, value }: Extract<RowFilter, { type: 'value' }>,
  { rows, pool, pause }: SelectContext,
): Promise<Test> {
  const column = columnOf(rows, name)
  if (test === 'missing') return (row) => column.isMissing(row)
  if (column.kind === 'text') {
    if (test === 'contains') {
      const found = await pool.search(value, pause)
      return (row) => found[column.code(row)] === 1
    }
    if (test === 'is' || test === 'is_not') {
      const code = pool.find(value)
      if (test === 'is') return (row) => code >= 0 && column.code(row) === code
      return (row) => !column.isMissing(row) && column.code(row) !== code
    }
  }
  const wanted = value === 'true' ? 1 : value === 'false' ? 0 : value.trim() === '' ? NaN : Number(value)
  if (Number.isNaN(wanted) && test !== 'contains')
    throw new AppError('usage', `"${value.slice(0, 100)}" is not a number`, { column: name, fix: 'Give a number.' })
  const number = (row: number): number =>
    column.kind === 'number' ? column.number(row) : column.isMissing(row) ? NaN : Number(column.cell(row, 100))
  switch (test) {
    case 'is':
      return (row) => number(row) === wanted
    case 'is_not':
      return (row) => !column.isMissing(row) && number(row) !== wanted
    case 'below':
      return (row) => number(row) < wanted
    case 'above':
      return (row) => number(row) > wanted
    case 'contains':
      return (row) => !column.isMissing(row) && String(number(row)).includes(value)
  }
}

/** Missing values last, equal ones in the order of the file. */
async function sorted(
  found: Int32Array,
  column: Column,
  descending: boolean,
  { pool, pause }: SelectContext,
): Promise<Int32Array> {
  const rank =
    column.kind === 'number' ? (row: number) => column.number(row) : await textRanks(found, column, pool, pause)
  const keys = new Float64Array(found.length)
  for (let i = 0; i < keys.length; i++) keys[i] = rank(found[i]!)
  await pause()
  const order = await pausing(radixPasses(keys, descending), pause)
  for (let i = 0; i < order.length; i++) order[i] = found[order[i]!]!
  return order
}

async function pausing<T>(steps: Generator<void, T>, pause: () => Promise<void>): Promise<T> {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    await pause()
  }
}

/** Enough of a text to tell where it stands. */
const SORT_CHARACTERS = 64
/** Texts that are read before others have a turn. */
const TEXTS_A_TURN = 20_000

async function textRanks(
  found: Int32Array,
  column: Column,
  pool: TextPool,
  pause: () => Promise<void>,
): Promise<(row: number) => number> {
  const seen = new Uint8Array(pool.size)
  const texts: [string, number][] = []
  for (const row of found) {
    const code = column.code(row)
    if (code < 0 || seen[code] === 1) continue
    seen[code] = 1
    texts.push([pool.get(code, SORT_CHARACTERS), code])
    if (texts.length % TEXTS_A_TURN === 0) await pause()
  }
  // By code unit: the order of every other tool, and ten times as fast as a language's own.
  texts.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  const ranks = new Int32Array(pool.size)
  texts.forEach(([, code], rank) => (ranks[code] = rank))
  return (row) => (column.code(row) < 0 ? NaN : ranks[column.code(row)]!)
}

import { isActive } from '../../shared/domain/lifecycle'
import type { RunCell, RunRow } from '../../shared/domain/runTable'
import { z } from 'zod'
import { formatDuration, formatFigure, formatShortDate } from './format'

export type SortValue = string | number | undefined

/** How one column of the table shows and sorts its rows. */
export interface Column {
  key: string
  label: string
  /** What the label leaves unsaid. */
  title: string
  /** Undefined takes what is left. */
  widthPx: number | undefined
  numeric: boolean
  /** The order that a first click on its header gives. */
  descendingFirst: boolean
  value: (row: RunRow, now: number) => SortValue
  text: (row: RunRow, now: number) => string
  /** Its name in a filter. */
  filterName: string
}

const MISSING = '–'

/** Seconds of training, still growing while it runs; unknown where it died without a word. */
export function secondsOf(row: RunRow, now: number): number | undefined {
  if (isActive(row.status)) return Math.max(0, now - row.created) / 1000
  return row.seconds ?? (row.ended === null ? undefined : (row.ended - row.created) / 1000)
}

export function nameOf(run: { exp_name: string; exp_version: string }): string {
  return `${run.exp_name}/${run.exp_version}`
}

function words(
  key: string,
  label: string,
  title: string,
  widthPx: number | undefined,
  value: (row: RunRow) => string,
  filterName = key,
): Column {
  return { key, label, title, widthPx, numeric: false, descendingFirst: false, value, text: value, filterName }
}

function numbers(
  key: string,
  label: string,
  title: string,
  widthPx: number,
  value: (row: RunRow, now: number) => number | undefined,
  format: (value: number) => string,
): Column {
  const text = (row: RunRow, now: number): string => {
    const found = value(row, now)
    return found === undefined ? MISSING : format(found)
  }
  return { key, label, title, widthPx, numeric: true, descendingFirst: true, value, text, filterName: key }
}

/** Columns that every run has. */
const OWN: readonly Column[] = [
  words('status', 'Status', 'How the run stands', 104, ({ status }) => status),
  words('name', 'Name', 'Experiment and version', undefined, nameOf),
  words('model', 'Model', 'Model', 78, ({ model_name }) => model_name, 'model_name'),
  words('data', 'Data set', 'Data set', 92, ({ dts_name }) => dts_name, 'dts_name'),
  numbers('epochs', 'Epochs', 'Epochs trained', 66, ({ epochs }) => epochs, String),
  { ...numbers('time', 'Time', 'Wall time of training', 78, secondsOf, formatDuration), filterName: 'seconds' },
  numbers(
    'created',
    'Created',
    'When it was started',
    112,
    ({ created }) => created,
    (time) => formatShortDate(time),
  ),
  words('tags', 'Tags', 'Tags', 140, ({ tags }) => tags.join(', '), 'tag'),
  words('note', 'Note', 'Note', 220, ({ note }) => note),
]
export const OWN_KEYS = OWN.map(({ key }) => key)

/** Shown until somebody chooses others. */
export const DEFAULT_COLUMNS: readonly string[] = [
  'status',
  'name',
  'model',
  'data',
  'val_loss.min',
  'test_acc',
  'test_unseen_acc',
  'epochs',
  'time',
  'created',
]

const TITLES: Record<string, string> = {
  'val_loss.min': 'Lowest validation loss: that of the best checkpoint',
  test_acc: 'Accuracy on the test split',
  test_unseen_acc: 'Accuracy on users that training has not seen',
}

/** Names that have to be asked for, since not every run has them. */
export function cellNames(columns: readonly string[]): string[] {
  return columns.filter((key) => !OWN_KEYS.includes(key))
}

/** Rows that are looked at to tell a column of numbers from one of words. */
const ROWS_LOOKED_AT = 50

/**
 * @param cells names of the rows' cells
 * @param metrics names that are figures: shown with four decimals
 */
export function columnOf(
  key: string,
  cells: readonly string[],
  metrics: ReadonlySet<string>,
  rows: readonly RunRow[],
): Column {
  const own = OWN.find((column) => column.key === key)
  if (own) return own
  const at = cells.indexOf(key)
  const figure = metrics.has(key.replace(/\.(min|max)$/, ''))
  const cell = (row: RunRow): RunCell => row.cells[at] ?? null
  const text = (row: RunRow): string => {
    const value = cell(row)
    if (value === null) return MISSING
    if (typeof value === 'number') return figure ? formatFigure(value) : String(value)
    return String(value)
  }
  const value = (row: RunRow): SortValue => {
    const found = cell(row)
    return found === null ? undefined : typeof found === 'number' ? found : String(found)
  }
  const label = key.replace(/^(trainer|data|caimira|model1|model2|lore|bt|ntm)\./, '')
  const widthPx = Math.min(190, Math.max(80, 20 + label.length * 7.2))
  const numeric = figure || rows.slice(0, ROWS_LOOKED_AT).some((row) => typeof cell(row) === 'number')
  const descendingFirst = figure && !/loss/.test(key)
  const title = TITLES[key] ?? key
  return { key, label, title, widthPx, numeric, descendingFirst, value, text, filterName: key }
}

const STORAGE_KEY = 'delta.runs.columns'
const storedSchema = z.array(z.string().min(1).max(500)).min(1).max(60)

export function storedColumns(): readonly string[] {
  try {
    return storedSchema.parse(JSON.parse(localStorage.getItem(STORAGE_KEY) ?? ''))
  } catch {
    return DEFAULT_COLUMNS
  }
}

export function storeColumns(columns: readonly string[]): void {
  localStorage.setItem(STORAGE_KEY, JSON.stringify(columns))
}

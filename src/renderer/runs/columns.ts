import type { RunSummary } from '../../shared/api/requests'
import { isActive } from '../../shared/domain/lifecycle'
import { formatDate, formatDuration, formatFigure } from './format'

export type SortValue = string | number | undefined

export interface Column {
  label: string
  /** What the label leaves unsaid. */
  title: string
  widthPx: number | undefined
  numeric: boolean
  /** The order that a first click on its header gives. */
  descendingFirst: boolean
  value: (run: RunSummary, now: number) => SortValue
  text: (run: RunSummary, now: number) => string
}

const MISSING = '–'

function words(label: string, title: string, widthPx: number | undefined, value: (run: RunSummary) => string): Column {
  return { label, title, widthPx, numeric: false, descendingFirst: false, value, text: value }
}

function numbers(
  label: string,
  title: string,
  widthPx: number,
  value: (run: RunSummary, now: number) => number | undefined,
  format: (value: number) => string,
  descendingFirst = true,
): Column {
  const text = (run: RunSummary, now: number): string => {
    const found = value(run, now)
    return found === undefined ? MISSING : format(found)
  }
  return { label, title, widthPx, numeric: true, descendingFirst, value, text }
}

const figure = (name: string) => (run: RunSummary) => run.figures[name]

/** Seconds of training, still growing while it runs; unknown where it died without a word. */
export function secondsOf(run: RunSummary, now: number): number | undefined {
  if (isActive(run.status)) return Math.max(0, now - run.created) / 1000
  return run.result?.seconds ?? (run.ended === undefined ? undefined : (run.ended - run.created) / 1000)
}

/** The table's columns, left to right. */
export const COLUMNS = {
  status: words('Status', 'How the run stands', 112, ({ status }) => status),
  name: words('Name', 'Experiment and version', undefined, nameOf),
  model: words('Model', 'Model', 96, ({ model_name }) => model_name),
  data: words('Data set', 'Data set', 112, ({ dts_name }) => dts_name),
  val_loss: numbers(
    'val_loss',
    'Validation loss of the best epoch; of the latest one while it trains',
    92,
    (run) => run.result?.val_loss ?? run.figures['val_loss'],
    formatFigure,
    false,
  ),
  test_acc: numbers('test_acc', 'Accuracy on the test split', 92, figure('test_acc'), formatFigure),
  test_unseen_acc: numbers(
    'test_unseen_acc',
    'Accuracy on users that training has not seen',
    136,
    figure('test_unseen_acc'),
    formatFigure,
  ),
  epochs: numbers('Epochs', 'Epochs trained', 76, ({ epochs }) => epochs, String),
  time: numbers('Time', 'Wall time', 92, secondsOf, formatDuration),
  created: numbers('Created', 'When it was started', 164, ({ created }) => created, formatDate),
} as const satisfies Record<string, Column>

export type ColumnKey = keyof typeof COLUMNS
export const COLUMN_KEYS = Object.keys(COLUMNS).filter((key): key is ColumnKey => key in COLUMNS)

export function nameOf(run: RunSummary): string {
  return `${run.exp_name}/${run.exp_version}`
}

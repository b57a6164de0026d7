import fs from 'node:fs'
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import { AppError } from '../../shared/errors'
import { runRecordSchema } from '../../shared/domain/run'
import type { Cell } from '../../core/store/flatten'
import type { ListedRun } from '../../core/store/listRuns'
import { formatDuration, formatFigure, formatTable } from '../format'
import { createOutput, type Output } from '../output'
import { openRuns, withRunsOptions, type RunsOptions } from './history'

interface ListOptions extends RunsOptions {
  filter?: string
  sort?: string
  columns?: string
  format?: 'table' | 'csv' | 'json'
  limit?: number
  all?: boolean
  trash?: boolean
}

export function addList(runs: Command, exit: (code: number) => void): void {
  withRunsOptions(runs.command('list').description('List runs, newest first'))
    .option('--filter <expression>', 'e.g. \'trainer.learning_rate < 1e-3 and test_acc > 0.8 and tag = "baseline"\'')
    .option('--sort <names>', 'e.g. -test_acc,created; a minus sorts downwards')
    .option('--columns <names>', 'parameters, metrics and columns to show, or all')
    .option('--limit <n>', 'show so many at most', natural)
    .option('--format <name>', 'table, csv or json', format)
    .option('--all', 'every run of the history, whatever its folder')
    .option('--trash', 'runs in the trash')
    .action(async (options: ListOptions) => exit(await list(options)))
}

async function list(options: ListOptions): Promise<number> {
  const shape = options.json === true ? 'json' : (options.format ?? 'table')
  const output = createOutput(shape === 'json')
  const { store, logDir, unreadable } = await openRuns(options, output, false)
  try {
    if (fs.existsSync(logDir) && !fs.statSync(logDir).isDirectory())
      throw new AppError('unreadable', `${logDir} is not a folder`, {
        fix: 'Give --log_dir the folder that holds the runs.',
      })
    const columns = columnsOf(options.columns, store.names())
    const { rows, total } = store.list({
      ...(options.filter !== undefined && { filter: options.filter }),
      ...(options.sort !== undefined && { sort: options.sort }),
      ...(options.limit !== undefined && { limit: options.limit }),
      ...(options.all === true ? { missing: true } : { logDir }),
      ...(options.trash === true && { trash: true, missing: true }),
      ...(columns && { columns }),
      metrics: 'all',
      records: 'all',
      ...(shape === 'json' && { params: 'all' }),
    })
    if (shape === 'json') output.object({ type: 'result', runs: rows.map(toJson), total, unreadable })
    else if (shape === 'csv') csv(rows, columns, output)
    else table(rows, total, columns, logDir, output)
    for (const { dir, reason } of unreadable) output.warn(`Unreadable: ${dir}: ${reason}`)
    return 0
  } finally {
    store.close()
  }
}

function columnsOf(given: string | undefined, known: readonly string[]): string[] | undefined {
  if (given === undefined) return undefined
  if (given === 'all') return [...known]
  return given
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
}

/** A run's record with what the history adds. Figures keep all their digits. */
function toJson(run: ListedRun): object {
  const { record, missing, ...rest } = run
  const parsed = record === null ? undefined : runRecordSchema.safeParse(JSON.parse(record))
  return { ...parsed?.data, ...withoutNulls({ ...rest, cells: null }), ...(missing && { missing }) }
}

function withoutNulls(values: object): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null))
}

function nameOf({ exp_name, exp_version, starred }: ListedRun): string {
  return `${starred ? '* ' : ''}${exp_name}/${exp_version}`
}

function table(
  rows: readonly ListedRun[],
  total: number,
  columns: readonly string[] | undefined,
  logDir: string,
  output: Output,
): void {
  if (rows.length === 0)
    return output.say(`There are no such runs in ${logDir}. Train one: delta train --dts_name simpler`)
  const tagged = rows.some(({ tags }) => tags.length > 0)
  const header = columns
    ? ['run', 'status', ...columns]
    : ['run', 'status', 'model', 'data', 'val_loss', 'test_acc', 'test_unseen_acc', 'epochs', 'time']
  const cells = (run: ListedRun): string[] => [
    ...(columns ? [nameOf(run), statusOf(run), ...run.cells.map(shown)] : usual(run)),
    ...(tagged ? [run.tags.join(', ')] : []),
  ]
  for (const line of formatTable([...header, ...(tagged ? ['tags'] : [])], rows.map(cells))) output.say(line)
  if (rows.length < total) output.say(`${rows.length} of ${total}`)
}

function usual(run: ListedRun): string[] {
  const figure = (name: string): string => {
    const value = run.figures[name]
    return value === undefined ? '' : formatFigure(value)
  }
  const result = resultOf(run)
  return [
    nameOf(run),
    statusOf(run),
    run.model_name,
    run.dts_name,
    result?.val_loss === undefined ? figure('val_loss') : formatFigure(result.val_loss),
    figure('test_acc'),
    figure('test_unseen_acc'),
    result ? String(result.epochs) : '',
    result ? formatDuration(result.seconds) : '',
  ]
}

function resultOf({ record }: ListedRun) {
  return record === null ? undefined : runRecordSchema.safeParse(JSON.parse(record)).data?.result
}

function statusOf(run: ListedRun): string {
  const leaks = resultOf(run)?.leaks === true ? ' (leaks)' : ''
  return `${run.status}${leaks}${run.missing ? ' (folder gone)' : ''}`
}

function shown(cell: Cell): string {
  if (typeof cell === 'number') return Number.isInteger(cell) ? String(cell) : formatFigure(cell)
  return cell === null ? '' : String(cell).replaceAll(/\s+/g, ' ').slice(0, 60)
}

/** RFC 4180, every digit of every figure. */
function csv(rows: readonly ListedRun[], columns: readonly string[] | undefined, output: Output): void {
  const metrics = columns ? [] : [...new Set(rows.flatMap(({ figures }) => Object.keys(figures)))].sort()
  const fixed = ['id', 'exp_name', 'exp_version', 'status', 'model_name', 'dts_name', 'created', 'tags', 'dir']
  output.say([...fixed, ...(columns ?? metrics)].map(quoted).join(','))
  for (const run of rows) {
    const { id, exp_name, exp_version, status, model_name, dts_name, created, tags, dir } = run
    const base = [id, exp_name, exp_version, status, model_name, dts_name]
    const rest: Cell[] = columns ? run.cells : metrics.map((name) => run.figures[name] ?? null)
    output.say([...base, new Date(created).toISOString(), tags.join(', '), dir, ...rest].map(quoted).join(','))
  }
}

function quoted(cell: Cell): string {
  const text = cell === null ? '' : String(cell)
  // A spreadsheet would run what begins with = + - @ as a formula; a number is none.
  const safe = typeof cell === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

function natural(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('give a whole number, 1 or more')
  return value
}

function format(text: string): 'table' | 'csv' | 'json' {
  if (text === 'table' || text === 'csv' || text === 'json') return text
  throw new InvalidArgumentError('give table, csv or json')
}

import fs from 'node:fs'
import path from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import { compareRuns } from '../../core/compare/comparison'
import { Comparisons } from '../../core/compare/comparisons'
import { makeReport } from '../../core/compare/report/makeReport'
import { pairedRuns } from '../../core/compare/pairedRuns'
import { childProcessSpawner } from '../../core/engine/childProcessSpawner'
import { diffRuns, type Difference } from '../../core/store/diffRuns'
import { findInHistory } from '../../core/store/findRuns'
import type { Cell } from '../../core/store/flatten'
import { pairedTable, resultColumns, resultTable, valueText, withMinus } from '../../shared/comparedTables'
import {
  LEVEL,
  PREDICTED_SPLITS,
  predictedSplitSchema,
  USUAL_FIGURES,
  type ComparedRuns,
  type PairedResult,
  type PredictedSplit,
} from '../../shared/domain/compare'
import { AppError, messageOf } from '../../shared/errors'
import { formatTableAs, TABLE_FORMATS, type TableFormat, type TextTable } from '../../shared/tableText'
import { formatFigure, formatTable } from '../format'
import { onInterrupt } from '../interrupt'
import { createOutput, type Output } from '../output'
import { enginePath } from '../roots'
import { openRuns, withRunsOptions, type OpenHistory, type RunsOptions } from './history'

type Shape = 'table' | TableFormat

interface DiffOptions extends RunsOptions {
  all?: boolean
  format?: Shape
}

interface CompareOptions extends RunsOptions {
  groupBy?: string[]
  metric?: string[]
  test?: PredictedSplit
  report?: string
  format?: Shape
}

export function addCompare(runs: Command, exit: (code: number) => void): void {
  withRunsOptions(
    runs
      .command('diff')
      .description('Show what differs between runs; the first is the reference')
      .argument('<runs...>', 'two runs or more'),
  )
    .option('--all', 'show what is equal too')
    .option('--format <name>', 'table, markdown, latex or csv', shape)
    .action(async (references: string[], options: DiffOptions) => exit(await diff(references, options)))
  withRunsOptions(
    runs
      .command('compare')
      .description(
        'Show results side by side; runs that differ only by their seed are one line, the first is the reference',
      )
      .argument('<runs...>', 'one run or more'),
  )
    .option(
      '--group-by <keys>',
      'parameters whose values make the groups, e.g. caimira.n_dim,trainer.learning_rate',
      list,
    )
    .option('--metric <names>', 'figures to show, e.g. test_acc,val_loss.min', list)
    .option('--test <split>', 'also test differences in accuracy on the same pairs of dev, test or test_unseen', split)
    .option('--report <file>', 'write all of it, with curves, tests and what the runs are, as one HTML file')
    .option('--format <name>', 'table, markdown, latex or csv', shape)
    .action(async (references: string[], options: CompareOptions) => exit(await compare(references, options)))
}

async function diff(references: readonly string[], options: DiffOptions): Promise<number> {
  if (references.length < 2)
    throw new AppError('usage', 'One run has nothing to differ from', { fix: 'Name two runs or more.' })
  const output = createOutput(options.json === true)
  const opened = await openRuns(options, output, false)
  const { store } = opened
  try {
    const found = await findAll(opened, references)
    const { params, environment, metrics } = diffRuns(
      store,
      found.map(({ key }) => key),
      { all: options.all === true },
    )
    const names = found.map(({ key }) => Object.values(store.runs.names(key)).join('/'))
    output.object({
      type: 'result',
      runs: found.map(({ id }, i) => ({ id, name: names[i] })),
      params: params.map(asJson),
      environment: environment.map(asJson),
      metrics: metrics.map(asJson),
    })
    const sections = [
      ['parameter', params],
      ['metric', metrics],
      ['environment', environment],
    ] as const
    if (options.format === 'csv') {
      // One table, with all digits and nothing else in a cell.
      const rows = sections.flatMap(([title, differences]) =>
        differences.map(({ name, values }) => [title, name, ...values.map(plain)]),
      )
      print({ header: ['section', 'name', ...names], rows }, 'csv', output)
      return 0
    }
    for (const [title, rows] of sections) {
      if (rows.length === 0) continue
      const lines = rows.map(({ name, values }) => [
        name,
        ...values.map((value, i) =>
          title === 'metric' ? cell(value, i > 0 ? values[0] : undefined) : valueText(value),
        ),
      ])
      print({ header: [title, ...names], rows: lines }, options.format, output)
      output.say('')
    }
    if (params.length === 0) output.say('The configurations are equal.')
    return 0
  } finally {
    store.close()
  }
}

async function compare(references: readonly string[], options: CompareOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const opened = await openRuns(options, output, false)
  try {
    const found = await findAll(opened, references)
    const runs = found.map(({ id }) => id)
    const columns = options.metric ?? []
    const wanted = options.metric ?? USUAL_FIGURES
    const compared = compareRuns(opened.store, { runs, columns }, { strict: true, groupBy: options.groupBy ?? [] })
    const figures = compared.figures.filter(({ name }) => wanted.includes(name))
    const shown = { ...compared, figures, reference: 0 }
    const sides = compared.groups.map((group) => group.runs.flatMap((at) => compared.runs[at]?.id ?? []))
    const paired = options.test === undefined ? undefined : await test(opened, sides, options.test, output)
    output.object({
      type: 'result',
      ...asObjects(shown),
      ...(paired && { paired: { split: options.test, ...paired } }),
    })
    if (figures.length === 0) output.say('None of these runs has such a figure.')
    else
      print(options.format === 'csv' ? resultColumns(shown) : resultTable(shown, formatFigure), options.format, output)
    if (paired) {
      output.say('')
      const [reference, ...others] = compared.groups
      print(pairedTable(reference, others, paired, formatFigure), options.format, output)
      if (options.format === undefined || options.format === 'table')
        for (const line of pairedNotes(paired)) output.say(line)
    }
    if (options.report !== undefined) await report(opened, runs, options, options.report, output)
    return 0
  } finally {
    opened.store.close()
  }
}

async function report(
  { store, cwd }: OpenHistory,
  runs: readonly string[],
  { metric = [], groupBy = [], test: split }: CompareOptions,
  given: string,
  output: Output,
): Promise<void> {
  const file = path.resolve(cwd, given)
  if (fs.existsSync(file))
    throw new AppError('usage', `${file} exists already`, { file, fix: 'Choose another name, or remove it first.' })
  const closing = onInterrupt(() => output.warn('Stopping.'))
  const comparisons = new Comparisons({ spawner: childProcessSpawner(enginePath), publish: () => {}, closing })
  const query = { runs: [...runs], columns: metric, single: false, ...(split !== undefined && { split }) }
  const html = await makeReport(store, comparisons, query, { groupBy })
  try {
    fs.writeFileSync(file, html, { flag: 'wx' })
  } catch (cause) {
    throw new AppError('unwritable', `${file} cannot be written: ${messageOf(cause)}`, { file }, cause)
  }
  output.object({ type: 'report', file, bytes: Buffer.byteLength(html) })
  output.say(`The report is ${file}.`)
}

/** The first side is the reference of all others. */
async function test(
  { store }: OpenHistory,
  sides: readonly string[][],
  split: PredictedSplit,
  output: Output,
): Promise<PairedResult> {
  const [reference = [], ...others] = sides
  if (others.length === 0)
    throw new AppError('usage', 'One group has nothing to be tested against', {
      fix: 'Name runs that differ in more than their seed.',
    })
  const stop = onInterrupt(() => output.warn('Stopping.'))
  return pairedRuns({ reference, others, split }, { store, spawner: childProcessSpawner(enginePath), stop })
}

function pairedNotes({ comparisons, resamples, smallest }: PairedResult): string[] {
  const many = `${comparisons} ${comparisons === 1 ? 'comparison' : 'comparisons'}`
  return [
    `Accuracy on the same pairs; intervals by a bootstrap over users (${resamples.toLocaleString('en')} resamples), p by sign flips over users, corrected for ${many}.`,
    ...(comparisons > 0 && smallest >= LEVEL
      ? [`So few users differ that the smallest corrected p is ${formatFigure(smallest)}: nothing can be told.`]
      : []),
  ]
}

async function findAll({ store, cwd, logDir }: OpenHistory, references: readonly string[]) {
  const found = []
  for (const reference of references) found.push(await findInHistory(store, reference, { cwd, logDir }))
  return found
}

/** By names instead of places, for scripts. */
function asObjects({ runs, groups, figures }: ComparedRuns): object {
  return {
    groups: groups.map(({ label, runs: places }, at) => ({
      label,
      runs: places.map((place) => runs[place]?.id),
      figures: Object.fromEntries(
        figures.map(({ name, spreads, values }) => [
          name,
          { ...spreads[at], values: places.map((place) => values[place] ?? null) },
        ]),
      ),
    })),
  }
}

function print(table: TextTable, format: Shape = 'table', output: Output): void {
  const lines =
    format === 'table' ? formatTable(table.header, table.rows) : formatTableAs(format, table).trimEnd().split(/\r?\n/)
  for (const line of lines) output.say(line)
}

/** JSON has no undefined: a run without the key says so. */
function asJson({ name, values }: Difference): object {
  return { name, values: values.map((value) => (value === undefined ? { missing: true } : { value })) }
}

function plain(value: Cell | undefined): string {
  return value === undefined ? '(missing)' : String(value)
}

/** A value, and by how much it differs from the reference's. */
function cell(value: Cell | undefined, reference: Cell | undefined): string {
  if (typeof value !== 'number') return valueText(value)
  const shown = withMinus(Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6))))
  if (typeof reference !== 'number') return shown
  const delta = value - reference
  return `${shown} (${delta < 0 ? '−' : '+'}${Number(Math.abs(delta).toPrecision(3))})`
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
}

function split(text: string): PredictedSplit {
  const { data } = predictedSplitSchema.safeParse(text)
  if (data) return data
  throw new InvalidArgumentError(`give ${PREDICTED_SPLITS.join(', ')}`)
}

function shape(text: string): Shape {
  const found = (['table', ...TABLE_FORMATS] as const).find((name) => name === text)
  if (found) return found
  throw new InvalidArgumentError(`give table, ${TABLE_FORMATS.join(', ')}`)
}

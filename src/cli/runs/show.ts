import type { Command } from 'commander'
import { runRecordSchema } from '../../shared/domain/run'
import { AppError } from '../../shared/errors'
import { diffRuns, type Difference } from '../../core/store/diffRuns'
import { findInHistory } from '../../core/store/findRuns'
import type { Cell } from '../../core/store/flatten'
import { formatFigure, formatTable } from '../format'
import { createOutput } from '../output'
import { openRuns, withRunsOptions, type RunsOptions } from './history'

export function addShow(runs: Command, exit: (code: number) => void): void {
  withRunsOptions(
    runs
      .command('show')
      .description('Show all that is known of a run')
      .argument('<run>', 'id, exp_name/exp_version or folder'),
  ).action(async (run: string, options: RunsOptions) => exit(await show(run, options)))
  withRunsOptions(
    runs
      .command('diff')
      .description('Show what differs between runs; the first is the reference')
      .argument('<runs...>', 'two runs or more'),
  )
    .option('--all', 'show what is equal too')
    .action(async (references: string[], options: RunsOptions & { all?: boolean }) =>
      exit(await diff(references, options)),
    )
}

async function show(reference: string, options: RunsOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const { store, cwd, logDir } = await openRuns(options, output, false)
  try {
    const run = await findInHistory(store, reference, { cwd, logDir })
    const names = store.runs.names(run.key)
    const annotations = store.annotations.of(run.key)
    const figures = store.metrics.figures(run.key)
    const transitions = store.runs.transitions(run.id)
    const { params, environment } = diffRuns(store, [run.key], { all: true })
    const record = run.record === null ? undefined : runRecordSchema.safeParse(JSON.parse(run.record)).data
    output.object({
      type: 'result',
      run: { ...record, ...names, id: run.id, status: run.status, dir: run.dir ?? run.trash_dir, ...annotations },
      figures: Object.fromEntries(
        figures.map(({ name, last, lowest, highest, step, points }) => [name, { last, lowest, highest, step, points }]),
      ),
      params: objectOf(params),
      environment: objectOf(environment),
      files: store.runs.files(run.key),
      users: store.results.counts(run.key),
      transitions,
    })
    output.say(`${names.exp_name}/${names.exp_version}  ${run.status}${run.reason === null ? '' : `: ${run.reason}`}`)
    output.say(`id      ${run.id}`)
    output.say(`folder  ${run.dir ?? run.trash_dir ?? 'none'}`)
    if (record && record.command !== '') output.say(`command ${record.command}`)
    if (annotations.tags.length > 0) output.say(`tags    ${annotations.tags.join(', ')}`)
    if (annotations.note !== '') output.say(`note    ${annotations.note.replaceAll('\n', '\n        ')}`)
    output.say('')
    const rows = figures.map(({ name, last, lowest, highest, points }) => [
      name,
      ...[last, lowest, highest].map(figure),
      String(points),
    ])
    if (rows.length > 0)
      for (const line of formatTable(['metric', 'last', 'lowest', 'highest', 'points'], rows)) output.say(line)
    for (const [title, values] of [
      ['Configuration', params],
      ['Environment', environment],
    ] as const) {
      if (values.length === 0) continue
      output.say(`\n${title}`)
      for (const {
        name,
        values: [value],
      } of values)
        output.say(`  ${name}: ${value === undefined ? '' : String(value)}`)
    }
    output.say('\nLife')
    for (const { at, to, reason } of transitions)
      output.say(`  ${new Date(at).toISOString()}  ${to.padEnd(11)}  ${reason}`)
    return 0
  } finally {
    store.close()
  }
}

const figure = (value: number | null): string => (value === null ? 'NaN' : formatFigure(value))

function objectOf(values: readonly Difference[]): Record<string, Cell | undefined> {
  return Object.fromEntries(values.map(({ name, values: [value] }) => [name, value]))
}

async function diff(references: readonly string[], options: RunsOptions & { all?: boolean }): Promise<number> {
  if (references.length < 2)
    throw new AppError('usage', 'One run has nothing to differ from', { fix: 'Name two runs or more.' })
  const output = createOutput(options.json === true)
  const { store, cwd, logDir } = await openRuns(options, output, false)
  try {
    const found = []
    for (const reference of references) found.push(await findInHistory(store, reference, { cwd, logDir }))
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
    for (const [title, rows] of [
      ['parameter', params],
      ['metric', metrics],
      ['environment', environment],
    ] as const) {
      if (rows.length === 0) continue
      const lines = rows.map(({ name, values }) => [
        name,
        ...values.map((value, i) => cell(value, i > 0 && title === 'metric' ? values[0] : undefined)),
      ])
      for (const line of formatTable([title, ...names], lines)) output.say(line)
      output.say('')
    }
    if (params.length === 0) output.say('The configurations are equal.')
    return 0
  } finally {
    store.close()
  }
}

/** JSON has no undefined: a run without the key says so. */
function asJson({ name, values }: Difference): object {
  return { name, values: values.map((value) => (value === undefined ? { missing: true } : { value })) }
}

/** A value, and by how much it differs from the reference's. */
function cell(value: Cell | undefined, reference: Cell | undefined): string {
  if (value === undefined) return '(missing)'
  if (value === null) return 'null'
  if (value === '') return '""'
  if (typeof value !== 'number') return String(value)
  const shown = Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)))
  if (typeof reference !== 'number') return shown
  const delta = value - reference
  return `${shown} (${delta < 0 ? '−' : '+'}${Number(Math.abs(delta).toPrecision(3))})`
}

import type { Command } from 'commander'
import { runRecordSchema } from '../../shared/domain/run'
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

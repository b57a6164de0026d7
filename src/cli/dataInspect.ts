import path from 'node:path'
import { Option, type Command } from 'commander'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { prepareInEngine } from '../core/prep/prepareInEngine'
import { SPLIT_NAMES, type SplitName } from '../shared/domain/dataset'
import {
  CONFLICTS,
  PAIR_FORMATS,
  type DedupeResult,
  type PairFormat,
  type SplitStats,
} from '../shared/domain/preparation'
import { AppError } from '../shared/errors'
import { count, here, natural, openDataSet, plural, withDataSet, type DataSetOptions } from './dataSet'
import { overlapLines } from './dataSplit'
import { formatTable } from './format'
import { onInterrupt } from './interrupt'
import { createOutput, type Output } from './output'
import { configRoots, enginePath, shownPath } from './roots'
import { workProgress } from './workProgress'

interface InputOptions extends DataSetOptions {
  input?: string
  json?: boolean
}
type PreviewOptions = InputOptions & { split: SplitName; rows: number }
type StatsOptions = InputOptions & { user: string; topic: string }
interface DedupeOptions {
  input: string
  output: string
  user: string
  conflicts: (typeof CONFLICTS)[number]
  dropped?: string
  format?: PairFormat
  json?: boolean
}

const JSON_HELP = 'print one JSON object a line; the last is the result'

export function addDataInspect(data: Command, exit: (code: number) => void): void {
  withDataSet(data.command('preview').description('Show the first rows of a pairs file, and what its columns hold'))
    .option('--input <file>', 'pairs, JSON Lines or Parquet, in place of a data set')
    .addOption(new Option('--split <name>', 'split of the data set').choices([...SPLIT_NAMES]).default('train'))
    .option('--rows <n>', 'rows to show', natural, 3)
    .option('--json', JSON_HELP)
    .action(async (options: PreviewOptions) => exit(await preview(options)))
  withDataSet(data.command('stats').description('Describe the pairs: users, texts, topics, how far judgments agree'))
    .option('--input <file>', 'one pairs file, in place of a data set')
    .option('--user <column>', 'the column of the users', 'u_id')
    .option('--topic <column>', 'the column of the topics', 'topic')
    .option('--json', JSON_HELP)
    .action(async (options: StatsOptions) => exit(await stats(options)))
  data
    .command('dedupe')
    .description('Copy a pairs file without exact repetitions; what goes is written beside it')
    .requiredOption('--input <file>', 'pairs, JSON Lines or Parquet')
    .requiredOption('--output <file>', 'the copy: .parquet or .jsonl')
    .option('--user <column>', 'the column of the users', 'u_id')
    .addOption(
      new Option('--conflicts <what>', 'pairs that one user judged in both ways: keep both rows, or drop both')
        .choices([...CONFLICTS])
        .default('keep'),
    )
    .option('--dropped <file>', 'dropped and conflicting rows (default: OUTPUT.dropped.jsonl)')
    .addOption(new Option('--format <name>', "of the copy (default: by the output's name)").choices([...PAIR_FORMATS]))
    .option('--json', JSON_HELP)
    .action(async (options: DedupeOptions) => exit(await dedupe(options)))
}

async function preview(options: PreviewOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const input = options.input === undefined ? pairsOf(options) : here(options.input)
  const task = { task: 'preview', input, rows: options.rows } as const
  const stop = onInterrupt(() => output.warn('Stopping.'))
  const result = await prepareInEngine(task, childProcessSpawner(enginePath), {}, stop)
  const { format, totalRows, columns, rows, sampledRows, malformed } = result
  output.say(
    `${shownPath(configRoots().cwd, input)}: ${format}, ${totalRows === null ? 'many' : count(totalRows)} rows`,
  )
  const lines = columns.map(({ name, type, missing, distinct, example }) => [
    name,
    type,
    count(missing),
    count(distinct),
    example.slice(0, 60).replaceAll(/\s+/g, ' '),
  ])
  output.say(`Columns, by the first ${plural(sampledRows, 'row')}:`)
  for (const line of formatTable(['column', 'type', 'missing', 'distinct', 'example'], lines)) output.say(line)
  for (const row of rows) output.say(JSON.stringify(row))
  if (malformed > 0)
    output.warn(malformed === 1 ? '1 line is no JSON object' : `${count(malformed)} lines are no JSON objects`)
  output.object({ type: 'result', file: input, ...result })
  return 0
}

function pairsOf(options: PreviewOptions): string {
  const { data } = openDataSet(options)
  const files = data[options.split]
  if (files) return files.df_file
  throw new AppError('usage', `${data.dts_name} has no split ${options.split}`, { key: 'split' })
}

async function stats(options: StatsOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const { user, topic } = options
  const result = await prepareInEngine(
    { task: 'stats', splits: splitsOf(options), user, topic },
    childProcessSpawner(enginePath),
    { onFrame: workProgress(output) },
    onInterrupt(() => output.warn('Stopping.')),
  )
  for (const line of statsLines(result.splits)) output.say(line)
  for (const line of overlapLines(result.overlaps)) output.say(line)
  output.object({ type: 'result', ...result })
  return 0
}

function splitsOf(options: StatsOptions): { split: SplitName; file: string }[] {
  if (options.input !== undefined) return [{ split: 'train', file: here(options.input) }]
  const { data } = openDataSet(options)
  return SPLIT_NAMES.flatMap((split) => (data[split] ? [{ split, file: data[split].df_file }] : []))
}

/** One column a split. */
function statsLines(splits: readonly SplitStats[]): string[] {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  const rows: [string, (split: SplitStats) => string][] = [
    ['pairs', ({ pairs }) => count(pairs)],
    ['unusable rows', ({ unusable }) => count(unusable)],
    ['users', ({ users }) => count(users)],
    ['pairs a user, median', ({ pairsPerUser: { median } }) => count(median)],
    ['pairs a user, range', ({ pairsPerUser: { min, max } }) => `${count(min)}-${count(max)}`],
    ['prompts', ({ prompts }) => count(prompts)],
    ['answers', ({ answers }) => count(answers)],
    ['letters of an answer, median', ({ lengths: { chosen } }) => count(chosen.median)],
    ['chosen is the longer', ({ chosenLonger }) => percent(chosenLonger)],
    ['reversed by somebody', ({ reversed }) => percent(reversed)],
    ['best without knowing the user', ({ userBlindCeiling }) => percent(userBlindCeiling)],
    ['repeated rows', ({ duplicates }) => count(duplicates)],
    ['contradictory rows', ({ conflicts }) => count(conflicts)],
    ['chosen equals rejected', ({ chosenEqualsRejected }) => count(chosenEqualsRejected)],
  ]
  const table = rows.map(([name, show]) => [name, ...splits.map(show)])
  const topics = splits.flatMap(({ split, topics: own }) =>
    own.length === 0
      ? []
      : [
          `topics of ${split}: ${own
            .slice(0, 10)
            .map(({ topic, pairs }) => `${topic} ${count(pairs)}`)
            .join(', ')}`,
        ],
  )
  const users = splits.map(({ split, pairsPerUser: { histogram } }) => {
    const bins = histogram.filter((bin) => bin.users > 0).map((bin) => `${bin.from}-${bin.to}: ${count(bin.users)}`)
    return `users of ${split} by pairs: ${bins.join(', ')}`
  })
  return [...formatTable(['', ...splits.map(({ split }) => split)], table), ...users, ...topics]
}

async function dedupe(options: DedupeOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const target = here(options.output)
  const result = await prepareInEngine(
    {
      task: 'dedupe',
      input: here(options.input),
      output: target,
      format: options.format ?? (path.extname(target) === '.parquet' ? 'parquet' : 'jsonl'),
      droppedFile: options.dropped === undefined ? `${target}.dropped.jsonl` : here(options.dropped),
      user: options.user,
      conflicts: options.conflicts,
    },
    childProcessSpawner(enginePath),
    { onFrame: workProgress(output) },
    onInterrupt(() => output.warn('Stopping: nothing is left behind.')),
  )
  report(result, options, output)
  output.object({ type: 'result', file: target, ...result })
  return 0
}

function report(result: DedupeResult, { output: target, conflicts }: DedupeOptions, output: Output): void {
  const { rows, kept, duplicates, conflictingRows, conflictingPairs, dropped, droppedFile } = result
  output.say(
    `${plural(rows, 'row')}, ${plural(duplicates, 'repetition')} left out → ${target} (${plural(kept, 'row')})`,
  )
  for (const { reason, rows: lost, message } of dropped)
    if (reason === 'row_malformed') output.warn(`${plural(lost, 'row')} left out: ${message}`)
  if (conflictingRows > 0)
    output.warn(
      `${plural(conflictingPairs, 'pair')} (${plural(conflictingRows, 'row')}) were judged in both ways by one user: ${conflicts === 'keep' ? 'kept' : 'left out'}`,
    )
  if (droppedFile !== null) output.say(`  See ${shownPath(configRoots().cwd, droppedFile)}`)
}

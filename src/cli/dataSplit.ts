import path from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { prepareInEngine } from '../core/prep/prepareInEngine'
import { PAIR_FORMATS, type Overlap, type PairFormat, type SplitResult } from '../shared/domain/preparation'
import { count, here, list, natural, plural } from './dataSet'
import { formatTable } from './format'
import { onInterrupt } from './interrupt'
import { createOutput, type Output } from './output'
import { commandLine, configRoots, enginePath, shownPath } from './roots'
import { workProgress } from './workProgress'

interface SplitOptions {
  input: string
  output: string
  by: string[]
  user: string
  time: string
  stratify: string[]
  test: number
  dev: number
  unseen: number
  per_user?: boolean
  shared_texts: 'report' | 'join'
  format: PairFormat
  prefix_columns: string[]
  dts_name?: string
  seed: number
  json?: boolean
}

export function addDataSplit(data: Command, exit: (code: number) => void): void {
  data
    .command('split')
    .description('Split pairs into train, dev, test and test_unseen without overlap, and tell what they still share')
    .requiredOption('--input <file>', 'pairs, JSON Lines or Parquet')
    .requiredOption(
      '--by <columns>',
      'what no two splits may share: columns (qid, topic, …), user (sets users aside), time (the latest are test)',
      list,
    )
    .requiredOption('--output <folder>', 'folder of the data set, new or empty')
    .option('--user <column>', 'the column that becomes u_id', 'u_id')
    .option('--time <column>', 'the column that --by time goes by', 'time')
    .option('--stratify <columns>', 'columns whose values every split gets in the same shares', list, [])
    .option('--test <size>', 'share of the pairs below 1, or a number of pairs', size, 0.2)
    .option('--dev <size>', 'likewise', size, 0.1)
    .option('--unseen <size>', 'with --by user: share or number of users', size, 0.2)
    .option('--per_user', "with --by time: cut within each user's own history")
    .addOption(
      new Option('--shared_texts <what>', 'groups that share a text: report tells of them, join keeps them together')
        .choices(['report', 'join'])
        .default('report'),
    )
    .addOption(new Option('--format <name>', 'of the written pairs').choices([...PAIR_FORMATS]).default('parquet'))
    .option('--prefix_columns <list>', 'beginnings of the columns that are user features', list, [])
    .option('--dts_name <name>', "name of the data set (default: the folder's)")
    .option('--seed <n>', 'equal seeds give equal splits', natural, 0)
    .option('--json', 'print one JSON object a line; the last is the result')
    .action(async (options: SplitOptions) => exit(await split(options)))
}

async function split(options: SplitOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const folder = here(options.output)
  const { by, user, time, stratify, test, dev, unseen, format, seed } = options
  const dts_name = options.dts_name ?? path.basename(folder)
  const result = await prepareInEngine(
    {
      task: 'split',
      input: here(options.input),
      output: folder,
      dts_name,
      format,
      by,
      user,
      time,
      stratify,
      test,
      dev,
      unseen,
      perUser: options.per_user === true,
      sharedTexts: options.shared_texts,
      prefixColumns: options.prefix_columns,
      seed,
    },
    childProcessSpawner(enginePath),
    { onFrame: workProgress(output) },
    onInterrupt(() => output.warn('Stopping: nothing is left behind.')),
  )
  report(result, dts_name, folder, output)
  return 0
}

function report(result: SplitResult, name: string, folder: string, output: Output): void {
  const { rows, groups, splits, texts, dropped, droppedFile, overlaps, notes } = result
  const shown = shownPath(configRoots().cwd, folder)
  output.say(`${plural(rows, 'row')}, ${plural(groups, 'group')}, ${plural(texts, 'text')} → ${shown}`)
  const lines = splits.map(({ split: each, pairs, wanted, users, groups: own }) => [
    each,
    count(pairs),
    wanted === null ? '' : count(Math.round(wanted)),
    count(users),
    count(own),
  ])
  for (const line of formatTable(['split', 'pairs', 'wanted', 'users', 'groups'], lines)) output.say(line)
  for (const line of overlapLines(overlaps)) output.say(line)
  for (const note of notes) output.say(`Note: ${note}`)
  for (const { rows: n, message, firstRow } of dropped)
    output.warn(`Dropped ${plural(n, 'row')} (first: row ${firstRow}): ${message}`)
  if (droppedFile !== null) output.warn(`  They stand in ${shownPath(configRoots().cwd, droppedFile)}`)
  const config = ['--dts_config_file', path.join(shown, 'data_configs.yaml')]
  const next = [commandLine(['data', 'embed', ...config]), commandLine(['train', '--dts_name', name, ...config])]
  output.object({ type: 'result', ...result, dts_name: name, next })
  output.say('Next:')
  for (const command of next) output.say(`  ${command}`)
}

/** What an evaluation is not meant to have seen in training. */
export function overlapLines(overlaps: readonly Overlap[]): string[] {
  const rows = overlaps.map(({ splits, users, prompts, answers, rowsWithSharedText, samePairs }) => [
    splits.join(' / '),
    ...[users, prompts, answers, rowsWithSharedText, samePairs].map(count),
  ])
  if (rows.length === 0) return []
  const header = ['shared by', 'users', 'prompts', 'answers', 'pairs with a shared text', 'same pairs']
  return formatTable(header, rows)
}

function size(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && (value < 1 || Number.isSafeInteger(value))) return value
  throw new InvalidArgumentError('give a share from 0 to below 1, or a whole number')
}

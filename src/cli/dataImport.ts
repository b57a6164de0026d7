import path from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { runInEngine } from '../core/engine/runInEngine'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import {
  IMPORT_FORMATS,
  IMPORT_REASONS,
  IMPORT_ROLES,
  type ImportFormat,
  type ImportOptions,
  type ImportResult,
  type ImportRole,
} from '../shared/domain/importing'
import { AppError, ERROR_EXIT_CODES, formatPlace } from '../shared/errors'
import { onInterrupt } from './interrupt'
import { createOutput, type Output } from './output'
import { commandLine, configRoots, enginePath, shownPath } from './roots'
import { workProgress } from './workProgress'

type ImportCommandOptions = Partial<Record<ImportRole, string>> & {
  format: ImportFormat
  input: string[]
  survey?: string
  output: string
  pairs?: 'all' | 'best'
  context: 'full' | 'last'
  min_gap: number
  delimiter?: string
  json?: boolean
}

export function addDataImport(data: Command, exit: (code: number) => void): void {
  const command = data
    .command('import')
    .description('Turn conversations, rankings, ratings or votes into pairs (docs/data-import.md shows each format)')
    .addOption(new Option('--format <name>', 'format of the source').choices(IMPORT_FORMATS).makeOptionMandatory())
    .requiredOption('--input <file...>', 'JSON Lines, a JSON array, CSV or Parquet; told apart by content')
    .option('--survey <file>', 'prism: survey.jsonl, whose categories become one-hot user features')
    .requiredOption('--output <folder>', 'folder of the pairs and texts, new or empty')
    .addOption(
      new Option(
        '--pairs <which>',
        'of one question: every better answer with every worse one, or the best with each other (prism: best, others: all)',
      ).choices(['all', 'best']),
    )
    .addOption(
      new Option('--context <which>', 'of a conversation before an answer: all of it, or its last message')
        .choices(['full', 'last'])
        .default('full'),
    )
    .option('--min_gap <x>', 'ratings closer than this are a tie', gap, 0)
    .option('--delimiter <char>', 'of a CSV file (default: told by its first line)')
  for (const role of IMPORT_ROLES) command.option(`--${role} <column>`, `column of the ${role.replace('_', ' ')}`)
  command
    .option('--json', 'print one JSON object a line; the last is the result')
    .action(async (options: ImportCommandOptions) => exit(await importSource(options)))
}

async function importSource(options: ImportCommandOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const { cwd } = configRoots()
  const frame = await runInEngine(
    childProcessSpawner(enginePath),
    { type: 'import', options: resolve(options, cwd) },
    workProgress(output),
    onInterrupt(() => output.warn('Stopping: nothing is left behind.')),
  )
  if (frame.type !== 'imported') return ERROR_EXIT_CODES.engine_protocol
  report(frame.result, (file) => shownPath(cwd, file), output)
  return 0
}

function resolve(options: ImportCommandOptions, cwd: string): ImportOptions {
  const { format, survey, delimiter, pairs, context, min_gap } = options
  if (survey !== undefined && format !== 'prism')
    throw new AppError('usage', '--survey belongs to --format prism', {
      fix: 'Leave it out; other columns of a source are kept as they are.',
    })
  if (delimiter !== undefined && delimiter.length !== 1)
    throw new AppError('usage', '--delimiter is one character', { fix: "A tab is $'\\t' in most shells." })
  const columns = IMPORT_ROLES.flatMap((role) => {
    const name = options[role]
    return name === undefined ? [] : [[role, name]]
  })
  return {
    format,
    inputs: options.input.map((file) => path.resolve(cwd, file)),
    ...(survey !== undefined && { survey: path.resolve(cwd, survey) }),
    output: path.resolve(cwd, options.output),
    columns: Object.fromEntries(columns),
    ...(pairs !== undefined && { pairs }),
    context,
    min_gap,
    ...(delimiter !== undefined && { delimiter }),
  }
}

function report(result: ImportResult, shown: (file: string) => string, output: Output): void {
  const next = nextSteps(result, shown)
  output.object({ type: 'result', ...result, next })
  const count = (value: number): string => value.toLocaleString('en')
  output.say(
    `${count(result.rows)} rows → ${count(result.pairs)} pairs of ${count(result.users)} users, ${count(result.texts)} texts`,
  )
  if (result.feature_columns.length > 0)
    output.say(
      `${result.feature_columns.length} feature columns; prefix_columns: [${result.prefix_columns.join(', ')}]`,
    )
  if (result.metadata_columns.length > 0) output.say(`Kept as they are: ${result.metadata_columns.join(', ')}`)
  if (result.notes.length === 0) output.say('Nothing was left out.')
  for (const { reason, count: times, message, ...place } of result.notes) {
    output.say(`${count(times)} ${IMPORT_REASONS[reason]}`)
    output.say(
      `  first: ${message}, at ${formatPlace({ ...place, ...(place.file !== undefined && { file: shown(place.file) }) })}`,
    )
  }
  output.say(`→ ${shown(result.df_file)}, ${shown(result.text_file)}`)
  output.say('Next, cut it into splits, give the texts their vectors, and train:')
  for (const command of next) output.say(`  ${command}`)
}

/** Commands that work as they stand: split by user, beside the folder of the pairs. */
function nextSteps({ df_file, prefix_columns }: ImportResult, shown: (file: string) => string): string[] {
  const folder = `${path.dirname(df_file)}-split`
  const features = prefix_columns.length > 0 ? ['--prefix_columns', prefix_columns.join(',')] : []
  const config = ['--dts_config_file', shown(path.join(folder, 'data_configs.yaml'))]
  return [
    ['data', 'split', '--input', shown(df_file), '--by', 'user', ...features, '--output', shown(folder)],
    ['data', 'embed', ...config],
    ['train', '--dts_name', path.basename(folder), ...config],
  ].map(commandLine)
}

function gap(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && Number.isFinite(value)) return value
  throw new InvalidArgumentError('give a number, 0 or more')
}

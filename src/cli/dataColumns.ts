import path from 'node:path'
import { Option, type Command } from 'commander'
import { childProcessSpawner } from '../core/engine/childProcessSpawner'
import { readText, type TextKind } from '../core/files/readText'
import { prepareInEngine } from '../core/prep/prepareInEngine'
import { SPLIT_NAMES } from '../shared/domain/dataset'
import { SCALINGS, type FeatureColumn } from '../shared/domain/preparation'
import { AppError } from '../shared/errors'
import {
  count,
  here,
  list,
  openDataSet,
  plural,
  positive,
  positiveWhole,
  record,
  withDataSet,
  type DataSetOptions,
} from './dataSet'
import { onInterrupt } from './interrupt'
import { createOutput } from './output'
import { configRoots, enginePath, shownPath } from './roots'
import { workProgress } from './workProgress'

interface FeaturesOptions extends DataSetOptions {
  one_hot: string[]
  scale: string[]
  scaling: (typeof SCALINGS)[number]
  prefix: string
  max_categories: number
  json?: boolean
}
interface BowOptions extends DataSetOptions {
  min_df: number
  max_df: number
  max_words: number
  min_letters: number
  stop_words: string
  json?: boolean
}

const JSON_HELP = 'print one JSON object a line; the last is the result'

export function addDataColumns(data: Command, exit: (code: number) => void): void {
  withDataSet(
    data
      .command('features')
      .description('Add user features to the pairs of every split: one-hot categories and scaled numbers'),
  )
    .option('--one_hot <columns>', 'categorical columns', list, [])
    .option('--scale <columns>', 'numeric columns', list, [])
    .addOption(
      new Option('--scaling <how>', 'standard: mean 0, deviation 1; minmax: from 0 to 1; over the training users')
        .choices([...SCALINGS])
        .default('standard'),
    )
    .option('--prefix <text>', "put before every new column's name", '')
    .option('--max_categories <n>', 'a column with more values is refused', positiveWhole, 100)
    .option('--json', JSON_HELP)
    .action(async (options: FeaturesOptions) => exit(await features(options)))
  withDataSet(
    data.command('bow').description('Choose a vocabulary from the training texts, and count its words in every text'),
  )
    .option('--min_df <n>', 'training texts that a word must stand in', positiveWhole, 2)
    .option('--max_df <share>', 'largest share of the training texts that a word may stand in', positive, 0.9)
    .option('--max_words <n>', 'most frequent words first where there are more', positiveWhole, 20_000)
    .option('--min_letters <n>', 'shorter words are left out', positiveWhole, 3)
    .option('--stop_words <list>', 'english, none, or a file with one word a line', 'english')
    .option('--json', JSON_HELP)
    .action(async (options: BowOptions) => exit(await bow(options)))
}

async function features(options: FeaturesOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const set = openDataSet(options)
  const { one_hot, scale, scaling, prefix, max_categories } = options
  const result = await prepareInEngine(
    {
      task: 'features',
      data: SPLIT_NAMES.flatMap((split) => (set.data[split] ? [{ split, file: set.data[split].df_file }] : [])),
      user: 'u_id',
      oneHot: one_hot,
      scale,
      scaling,
      prefix,
      maxCategories: max_categories,
    },
    childProcessSpawner(enginePath),
    { onFrame: workProgress(output) },
    onInterrupt(() => output.warn('Stopping: the pairs stay as they are.')),
  )
  for (const feature of result.features) output.say(describe(feature))
  if (result.inconsistentUsers > 0)
    output.warn(
      `${plural(result.inconsistentUsers, 'user')} ${result.inconsistentUsers === 1 ? 'has' : 'have'} different values in different rows; each row keeps its own`,
    )
  record(set, { prefix_columns: result.prefixes }, output)
  output.object({ type: 'result', dts_name: set.data.dts_name, ...result })
  return 0
}

function describe(feature: FeatureColumn): string {
  const missing = feature.missingColumn === null ? '' : `, ${feature.missingColumn} where it is missing`
  if (feature.kind === 'scaled')
    return `${feature.output} = (${feature.column} − ${feature.shift.toPrecision(4)}) / ${feature.scale.toPrecision(4)}${missing}`
  const unknown =
    feature.unknownRows === 0
      ? ''
      : `; ${plural(feature.unknownRows, 'row')} ${feature.unknownRows === 1 ? 'has' : 'have'} a category that train lacks`
  return `${feature.prefix}*: ${plural(feature.categories.length, 'category').replace('categorys', 'categories')}${missing}${unknown}`
}

async function bow(options: BowOptions): Promise<number> {
  const output = createOutput(options.json === true)
  const set = openDataSet(options)
  const { data } = set
  const textFiles = [...new Set(SPLIT_NAMES.flatMap((split) => data[split]?.text_file ?? []))]
  const files = textFiles.map((textFile) => ({ textFile, bowFile: bowFileOf(textFile) }))
  const vocabFile = path.join(data.dts_path, 'vocab.txt')
  const stopWords = stopWordsOf(options.stop_words)
  const { min_df, max_df, max_words, min_letters } = options
  if (max_df > 1) throw new AppError('usage', '--max_df is a share of the texts, at most 1', { key: 'max_df' })
  const result = await prepareInEngine(
    {
      task: 'bow',
      data,
      files,
      vocabFile,
      minDf: min_df,
      maxDf: max_df,
      maxWords: max_words,
      minLetters: min_letters,
      stopWords,
    },
    childProcessSpawner(enginePath),
    { onFrame: workProgress(output) },
    onInterrupt(() => output.warn('Stopping: nothing is left behind.')),
  )
  const { cwd } = configRoots()
  const { stopWords: stopped, rare, frequent, beyondLimit } = result.leftOut
  output.say(
    `${count(result.words)} words of ${count(result.trainingTexts)} training texts → ${shownPath(cwd, vocabFile)}`,
  )
  output.say(
    `  left out: ${count(stopped)} stop words or too short, ${count(rare)} rare, ${count(frequent)} frequent, ${count(beyondLimit)} beyond the limit`,
  )
  for (const { bowFile, texts, counts, emptyTexts } of result.files)
    output.say(
      `${shownPath(cwd, bowFile)}: ${count(texts)} texts, ${count(counts)} counts, ${count(emptyTexts)} texts without a word`,
    )
  record(set, { vocab_file: vocabFile, bow_files: new Map(files.map((file) => [file.textFile, file.bowFile])) }, output)
  output.object({ type: 'result', dts_name: data.dts_name, vocab_file: vocabFile, ...result })
  return 0
}

/** `texts_train.json` → `bow_train.npz` beside it. */
function bowFileOf(textFile: string): string {
  const { dir, name } = path.parse(textFile)
  return path.join(dir, `${/^texts/.test(name) ? name.replace(/^texts/, 'bow') : `${name}_bow`}.npz`)
}

/** The engine knows the English ones; a file is the person's own list. */
function stopWordsOf(choice: string): 'english' | string[] {
  if (choice === 'english') return choice
  if (choice === 'none') return []
  return readText(here(choice), STOP_WORDS).split(/\s+/).filter(Boolean)
}

const STOP_WORDS: TextKind = {
  expected: 'english, none, or a file with one word a line',
  kind: 'a list of stop words',
  maxBytes: 1024 * 1024,
  larger: 'Give english, none, or a file with one word a line.',
}
